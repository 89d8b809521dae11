import { BLOCK_BYTES, digestOf } from "./blocks.ts";

/** Bytes to hash, in memory that goes with them. */
export interface HashOrder {
  readonly memory: ArrayBuffer;
  readonly length: number;
}

/** The digest of the oldest order, and its memory. */
export interface HashAnswer {
  readonly memory: ArrayBuffer;
  readonly digest: Uint8Array;
}

/** Fewer bytes are hashed sooner than sent. */
const LONG_BYTES = 64 * 1024;
/** The thread starts when so many bytes were hashed: before, it would take longer than it saves. */
const START_AFTER_BYTES = 16 * 1024 * 1024;

/**
 * Computes digests, of much data in a thread of its own: SHA-256 takes as much of a core as reading and writing
 * together. WebCrypto has threads too, and takes new memory for each block, which costs half as much again.
 */
export class Digester implements Disposable {
  #hashedBytes = 0;
  #thread: { readonly worker: Worker; readonly port: MessagePort } | undefined;
  readonly #orders: PromiseWithResolvers<Uint8Array>[] = [];
  readonly #memory: ArrayBuffer[] = [];

  /** SHA-256 of at most one block. Copied before it returns. */
  digest(bytes: Uint8Array): Promise<Uint8Array> {
    this.#hashedBytes += bytes.length;
    if (bytes.length < LONG_BYTES || this.#hashedBytes < START_AFTER_BYTES) {
      return Promise.resolve(digestOf(bytes));
    }
    this.#thread ??= this.#start();
    const memory = this.#memory.pop() ?? new ArrayBuffer(BLOCK_BYTES);
    new Uint8Array(memory).set(bytes);
    const order = Promise.withResolvers<Uint8Array>();
    this.#orders.push(order);
    this.#thread.port.postMessage({ memory, length: bytes.length } satisfies HashOrder, [memory]);
    return order.promise;
  }

  /** Digests that are under way never come. */
  [Symbol.dispose](): void {
    this.#thread?.port.close();
    this.#thread?.worker.terminate();
    this.#thread = undefined;
  }

  #start(): { readonly worker: Worker; readonly port: MessagePort } {
    const worker = new Worker(new URL("./hash_worker.ts", import.meta.url), { type: "module" });
    const { port1: port, port2: far } = new MessageChannel();
    port.onmessage = ({ data }: MessageEvent<HashAnswer>) => {
      this.#memory.push(data.memory);
      this.#orders.shift()?.resolve(data.digest);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const problem = new Error(`Digests can't be computed: ${event.message}`);
      for (const order of this.#orders.splice(0)) order.reject(problem);
    };
    worker.postMessage(undefined, [far]);
    return { worker, port };
  }
}
