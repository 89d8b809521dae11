import type { ByteRange } from "../../store/byte_ranges.ts";
import {
  CorruptError,
  type FetchedFile,
  type FileOrder,
  MissingError,
  type RunningFile,
} from "../../store/fetched_file.ts";
import type { FetchContext } from "./fetched.ts";
import { Patience } from "../../net/patience.ts";
import { type PlainConnection, SurplusError, VanishedError } from "./plain_connection.ts";
import { partsOf } from "./plain_client.ts";
import { ReceivedPart } from "../../store/received_part.ts";
import type { Remote } from "./remote.ts";

/** What a connection reads into before it is written. */
const BUFFER_BYTES = 512 * 1024;

/**
 * Fetches one file from a plain server, over several connections, each of which has a part of it. What an
 * earlier run left is gone on with if the size is still the same; nothing else tells whether the file is.
 *
 * @param size As the server says it.
 * @throws {CorruptError} The server sends more than it is asked for, or the file has another size in the end.
 * @throws {MissingError} The file is not there.
 * @throws {Error} The server can't be reached any more, or the disk fails; what there is stays for the next run.
 */
export async function fetchPlain(
  order: FileOrder,
  size: number,
  context: FetchContext,
): Promise<FetchedFile> {
  const version = { size, mtimeMs: undefined };
  const opened = await ReceivedPart.openUnlessThere(order.destination, version);
  if (opened.kind === "published") return { local: opened.path, version, fetchedBytes: 0, digest: undefined };
  return await new PlainFetch(order, { ...context, part: opened.part, size }).run();
}

/**
 * Asks for the size of a file.
 *
 * @throws {MissingError} It is not there.
 * @throws {Error} The answer is no size, or the server can't be reached.
 */
export async function plainSize(remote: Remote, name: string): Promise<number> {
  const patience = new Patience(remote.signal);
  for (;;) {
    let connection: PlainConnection | undefined;
    try {
      connection = await remote.connectPlain();
      const answer = await connection.size(name);
      remote.release(connection);
      if (answer.kind === "size") return answer.size;
      if (answer.kind === "missing") throw new MissingError("It is not on the server");
      const text = answer.kind === "other" ? answer.text.slice(0, 200) : "";
      // Of this name: some servers take off the blanks around it, and others have words of their own.
      throw new Error(`The server does not answer with a size: ${text}`);
    } catch (problem) {
      if (!(problem instanceof MissingError)) {
        connection?.[Symbol.dispose]();
        remote.closeIdle();
      }
      await patience.after(problem);
    }
  }
}

class PlainFetch implements RunningFile {
  readonly path: string;
  readonly size: number;
  readonly #order: FileOrder;
  readonly #context: FetchContext;
  readonly #part: ReceivedPart;
  readonly #patience: Patience;
  /** Ends all connections with the first that fails for good. */
  readonly #stop = new AbortController();
  readonly #remote: Remote;
  #fetchedBytes = 0;

  constructor(
    order: FileOrder,
    { part, size, ...context }: FetchContext & { readonly part: ReceivedPart; readonly size: number },
  ) {
    this.path = order.path;
    this.size = size;
    this.#order = order;
    this.#context = context;
    this.#part = part;
    this.#patience = new Patience(context.remote.signal);
    this.#remote = context.remote;
    part.failed.catch((problem: unknown) => this.#stop.abort(problem));
  }

  get written(): ReceivedPart["written"] {
    return this.#part.written;
  }

  get note(): string | undefined {
    return this.#patience.note;
  }

  async run(): Promise<FetchedFile> {
    const { overwrite } = this.#order;
    const version = { size: this.size, mtimeMs: undefined };
    try {
      this.#context.onFile?.(this);
      if (!this.#part.isOf(version)) await this.#part.begin(version);
      else await this.#part.requireSpace();
      await this.#fetchParts();
      // Nothing else would tell of a file that changed meanwhile.
      await this.#requireSameSize();
      const local = await this.#part.publish({ size: this.size, digest: undefined, overwrite });
      return { local, version, fetchedBytes: this.#fetchedBytes, digest: undefined };
    } catch (problem) {
      await this.#part.abandon(problem);
      throw problem;
    }
  }

  /** @throws {CorruptError} @throws {MissingError} */
  async #requireSameSize(): Promise<void> {
    const sizeNow = await plainSize(this.#remote, this.path);
    if (sizeNow === this.size) return;
    throw new CorruptError(`It had ${this.size} bytes on the server, and has ${sizeNow} now`);
  }

  async #fetchParts(): Promise<void> {
    const parts = partsOf(this.size, this.#context.connections);
    await Promise.all(parts.map(async ({ offset, length }) => {
      try {
        await this.#fetchPart({ from: offset, to: offset + length });
      } catch (problem) {
        this.#stop.abort(problem);
      }
    }));
    this.#remote.signal.throwIfAborted();
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
  }

  /** Fetches what is missing of a part, over one connection after another. */
  async #fetchPart(part: ByteRange): Promise<void> {
    let connection: PlainConnection | undefined;
    const stop = () => connection?.[Symbol.dispose]();
    const writer = await this.#part.openWriter();
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    const buffer = new Uint8Array(BUFFER_BYTES);
    const write = async (bytes: Uint8Array, at: number) => {
      await writer.write(bytes, at);
      this.#fetchedBytes += bytes.length;
      this.#patience.reset();
    };
    try {
      for (let [gap] = this.written.gaps(part); gap !== undefined; [gap] = this.written.gaps(part)) {
        this.#stop.signal.throwIfAborted();
        try {
          connection ??= await this.#remote.connectPlain();
          const range = { offset: gap.from, length: gap.to - gap.from };
          await connection.fetch(this.path, range, { buffer, write });
        } catch (problem) {
          connection?.[Symbol.dispose]();
          connection = undefined;
          if (problem instanceof SurplusError) throw new CorruptError(problem.message, { cause: problem });
          this.#stop.signal.throwIfAborted();
          if (problem instanceof VanishedError) await this.#requireSameSize();
          await this.#patience.after(problem);
        }
      }
      if (connection !== undefined) this.#remote.release(connection);
    } finally {
      this.#stop.signal.removeEventListener("abort", stop);
      writer.close();
    }
  }
}
