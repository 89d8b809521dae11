import { setTimeout as delay } from "node:timers/promises";
import { Patience } from "../../net/patience.ts";
import { TokenBucket } from "../../net/token_bucket.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";
import {
  CorruptError,
  type FetchedFile,
  type FileOrder,
  MissingError,
  type RunningFile,
} from "../../store/fetched_file.ts";
import { ReceivedPart } from "../../store/received_part.ts";
import { ArrivingBytes } from "./arriving_bytes.ts";
import type { FetchContext, Slice } from "./fetch_file.ts";
import { isRequestable } from "./plain.ts";
import type { Remote } from "./remote.ts";

/** Longest that an ACK is held back for the sake of a rate: servers repeat after a second what is not acknowledged. */
const MOST_HELD_MS = 500;

/**
 * The size of a file, from the server's list if it is there.
 *
 * @throws {MissingError} It is not on the server.
 * @throws {ConnectionProblem} After several tries.
 */
export async function plainSize(remote: Remote, name: string): Promise<number> {
  if (!isRequestable(name)) throw new MissingError("No plain server can be asked for so long a name");
  const patience = new Patience(remote.signal);
  for (;;) {
    try {
      const server = await remote.connectPlain();
      const listed = (await server.list()).find((file) => file.name === name);
      if (listed !== undefined) return listed.size;
      // There is no other way to ask for it than to ask for a byte.
      return await server.fetch({ name, length: 1, store: () => {}, ready: () => Promise.resolve() });
    } catch (problem) {
      await patience.after(problem);
    }
  }
}

/**
 * Fetches a slice of a file from a plain server. What an earlier run left is gone on with if the size is still the
 * same; nothing else tells whether the file is.
 *
 * @throws {CorruptError} The file has another size meanwhile.
 * @throws {MissingError} The file is not there.
 * @throws {Error} The server can't be reached any more, or the disk fails; what there is stays for the next run.
 */
export async function fetchPlain(
  order: FileOrder,
  { size, slice }: { readonly size: number; readonly slice: Slice },
  context: FetchContext,
): Promise<FetchedFile> {
  const version = { size: slice.to - slice.from, mtimeMs: undefined };
  const opened = await ReceivedPart.openUnlessThere(order.destination, version);
  if (opened.kind === "published") return { local: opened.path, version, fetchedBytes: 0, digest: undefined };
  return await new PlainFetch(order, { ...context, part: opened.part, wholeSize: size, slice }).run();
}

class PlainFetch implements RunningFile {
  readonly path: string;
  readonly size: number;
  readonly #order: FileOrder;
  readonly #context: FetchContext;
  readonly #part: ReceivedPart;
  readonly #wholeSize: number;
  readonly #slice: Slice;
  readonly #patience: Patience;
  readonly #bucket: TokenBucket | undefined;
  #fetchedBytes = 0;
  #problem: unknown;

  constructor(
    order: FileOrder,
    { part, wholeSize, slice, ...context }: FetchContext & {
      readonly part: ReceivedPart;
      readonly wholeSize: number;
      readonly slice: Slice;
    },
  ) {
    this.path = order.path;
    this.size = slice.to - slice.from;
    this.#order = order;
    this.#context = context;
    this.#part = part;
    this.#wholeSize = wholeSize;
    this.#slice = slice;
    this.#patience = new Patience(context.remote.signal);
    const { maxBytesPerSecond: bytesPerSecond } = context.remote.access;
    const nowMs = performance.now();
    this.#bucket = bytesPerSecond === undefined ? undefined : new TokenBucket({ bytesPerSecond, nowMs });
    part.failed.catch((problem: unknown) => this.#problem ??= problem);
  }

  get written(): ReceivedPart["written"] {
    return this.#part.written;
  }

  get note(): string | undefined {
    return this.#patience.note;
  }

  async run(): Promise<FetchedFile> {
    const version = { size: this.size, mtimeMs: undefined };
    try {
      this.#context.onFile?.(this);
      if (!this.#part.isOf(version)) await this.#part.begin(version);
      else await this.#part.requireSpace();
      await this.#fetchMissing();
      const { overwrite } = this.#order;
      const local = await this.#part.publish({ size: this.size, digest: undefined, overwrite });
      return { local, version, fetchedBytes: this.#fetchedBytes, digest: undefined };
    } catch (problem) {
      await this.#part.abandon(problem);
      throw problem;
    }
  }

  async #fetchMissing(): Promise<void> {
    const whole = { from: 0, to: this.size };
    for (let [gap] = this.written.gaps(whole); gap !== undefined; [gap] = this.written.gaps(whole)) {
      try {
        await this.#fetchGap(gap);
      } catch (problem) {
        if (this.#problem !== undefined) throw this.#problem;
        await this.#patience.after(problem);
      }
    }
  }

  async #fetchGap(gap: ByteRange): Promise<void> {
    const server = await this.#context.remote.connectPlain();
    const writer = await this.#part.openWriter();
    const arriving = new ArrivingBytes({
      writer,
      ranges: [gap],
      onWritten: (bytes) => {
        this.#fetchedBytes += bytes;
        this.#patience.reset();
      },
      onFailure: (problem) => this.#problem ??= problem,
    });
    const { from: base } = this.#slice;
    try {
      const size = await server.fetch({
        name: this.path,
        offset: base + gap.from,
        length: gap.to - gap.from,
        store: (offset, bytes) => {
          this.#bucket?.spend(bytes.length, performance.now());
          arriving.add(offset - base, bytes);
        },
        ready: async () => {
          await this.#keepToRate();
          await arriving.written();
          if (this.#problem !== undefined) throw this.#problem;
        },
      });
      if (size !== this.#wholeSize) {
        throw new CorruptError(`It had ${this.#wholeSize} bytes on the server, and has ${size} now`);
      }
    } finally {
      await arriving.flush();
      writer.close();
    }
  }

  /** What comes is as much as is acknowledged. */
  async #keepToRate(): Promise<void> {
    const waitMs = Math.min(MOST_HELD_MS, this.#bucket?.waitMs(performance.now()) ?? 0);
    const { signal } = this.#context.remote;
    if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}
