import { FileWindow } from "./file_window.js";

/**
 * Workers without a file, left to the next: with small files, starting one takes longest. As many as are
 * of use, and not for long.
 */
const idle = new Map();
const MAX_IDLE = 3;
const IDLE_MS = 10_000;

/**
 * A file as the source of an upload: read and hashed in a Worker of its own, which is there from the
 * first need of it to {@linkcode HashedFile.close}. There are at most two blocks of 4 MiB in its memory.
 */
export class HashedFile {
  #file;
  #window;
  #worker;
  /** Who waits for an answer, in the order of the requests. */
  #waiting = [];

  constructor(file) {
    this.#file = file;
    this.#window = new FileWindow(file);
  }

  /** The bytes [offset, offset + length) in base64, for a plain server; not hashed. */
  base64(offset, length) {
    return this.#window.base64(offset, length);
  }

  /**
   * The bytes [offset, offset + length), with room for a frame's header before them, and their CRC-32.
   *
   * @returns {Promise<{ bytes: Uint8Array, crc32: number }>}
   * @throws {Error} With the name that `File` gave it, or `WorkerError`.
   */
  read(offset, length) {
    return this.#ask({ type: "read", offset, length });
  }

  /** SHA-256 of the first `length` bytes in hexadecimal. What was read before is not read again. */
  async digest(length) {
    return (await this.#ask({ type: "digest", length })).sha256;
  }

  /** Gives memory back, until more is asked for; what was hashed stays known. */
  rest() {
    this.#window.close();
    this.#worker?.postMessage({ type: "rest" });
  }

  /** Lets go of the worker. Whatever is under way is not answered any more. */
  close() {
    this.#window.close();
    if (this.#worker === undefined) return;
    if (this.#waiting.length > 0) this.#worker.terminate();
    else leave(this.#worker);
    this.#worker = undefined;
    this.#waiting = [];
  }

  #ask(request) {
    this.#worker ??= this.#takeWorker();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  #takeWorker() {
    const worker = take();
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.#waiting.shift();
      if (data.error === undefined) resolve(data);
      else reject(Object.assign(new Error(data.error), { name: data.name }));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const error = Object.assign(new Error("The file can't be verified. Reload the page."), {
        name: "WorkerError",
      });
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
    worker.postMessage({ type: "open", file: this.#file });
    return worker;
  }
}

function take() {
  const [found] = idle;
  if (found === undefined) return new Worker("/hash_worker.js", { type: "module" });
  const [worker, timer] = found;
  clearTimeout(timer);
  idle.delete(worker);
  return worker;
}

function leave(worker) {
  worker.onmessage = worker.onerror = null;
  if (idle.size >= MAX_IDLE) return worker.terminate();
  worker.postMessage({ type: "rest" });
  const end = () => {
    idle.delete(worker);
    worker.terminate();
  };
  idle.set(worker, setTimeout(end, IDLE_MS));
}
