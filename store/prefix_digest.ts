/** What the worker is told: hash up to `to`, and, if it is the last order, answer. */
export interface DigestOrder {
  readonly path: string;
  readonly to: number;
  readonly isLast: boolean;
}

/** What the worker answers to the last order, or to one that it can't follow. */
export type DigestAnswer = { readonly sha256: string } | { readonly problem: string };

/** The SHA-256 of a file that is still being written, computed behind its beginning as that grows. */
export interface PrefixDigest extends Disposable {
  /** Says how far the file is complete from its beginning; it must not change there any more. */
  advance(to: number): void;
  /**
   * The digest of the first `size` bytes, in hexadecimal. To be called once, in the end.
   *
   * @throws {Error} The file can't be read that far.
   */
  digest(size: number): Promise<string>;
}

/** Less than this is not worth a message, and with the end of a small file not even the worker. */
const ORDER_BYTES = 8 * 1024 * 1024;

/** Starts a {@linkcode PrefixDigest}; the file has to exist when it is told to advance. */
export function prefixDigest(path: string): PrefixDigest {
  let worker: DigestWorker | undefined;
  let ordered = 0;
  const order = (to: number, isLast: boolean) => {
    ordered = to;
    worker ??= startWorker();
    worker.send({ path, to, isLast });
    return worker.answer;
  };
  return {
    advance(to) {
      if (to - ordered >= ORDER_BYTES) void order(to, false);
    },
    digest: (size) => order(size, true),
    [Symbol.dispose]: () => worker?.end(),
  };
}

/** A worker for one file. */
interface DigestWorker {
  send(order: DigestOrder): void;
  readonly answer: Promise<string>;
  end(): void;
}

function startWorker(): DigestWorker {
  const worker = new Worker(new URL("./digest_worker.ts", import.meta.url), { type: "module" });
  const { port1: near, port2: far } = new MessageChannel();
  const { promise: answer, resolve, reject } = Promise.withResolvers<string>();
  // Whoever gives up on the file does not ask for its digest.
  answer.catch(() => {});
  near.onmessage = ({ data }: MessageEvent<DigestAnswer>) => {
    if ("sha256" in data) resolve(data.sha256);
    else reject(new Error(`The file can't be read for its digest: ${data.problem}`));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`The file's digest can't be computed: ${event.message}`));
  };
  let ports = [far];
  return {
    send(order) {
      worker.postMessage(order, ports);
      ports = [];
    },
    answer,
    end() {
      near.close();
      worker.terminate();
    },
  };
}
