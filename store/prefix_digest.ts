import { FileDigest } from "./file_digest.ts";

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

/** Less than this is not worth a message, and a whole file of less not the 40 ms that a worker takes to start. */
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
    digest: async (size) => {
      return worker === undefined && size < ORDER_BYTES ? digestHere(path, size) : await order(size, true);
    },
    [Symbol.dispose]: () => worker?.end(),
  };
}

function digestHere(path: string, size: number): string {
  using file = new FileDigest(path, { mostBytes: size });
  try {
    file.advance(size);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
  return file.digest();
}

function unreadable(problem: string): Error {
  return new Error(`The file can't be read for its digest: ${problem}`);
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
    else reject(unreadable(data.problem));
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
