import { createHash } from "node:crypto";
import { Patience } from "../../net/patience.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";
import type { Disk } from "../../store/disk.ts";
import {
  CorruptError,
  type FetchedFile,
  type FileOrder,
  MissingError,
  type RunningFile,
} from "../../store/fetched_file.ts";
import type { FileVersion } from "../../store/file_version.ts";
import { type PrefixDigest, prefixDigest } from "../../store/prefix_digest.ts";
import { ReceivedPart } from "../../store/received_part.ts";
import { ArrivingBytes } from "./arriving_bytes.ts";
import { ASKED_RANGES } from "./control_messages.ts";
import type { Remote } from "./remote.ts";
import { RefusedError } from "./requests.ts";
import type { XudpConnection } from "./xudp_connection.ts";

/** What fetching a file needs. */
export interface FetchContext {
  readonly remote: Remote;
  /** Told of each file that does not come at once, when it begins. */
  readonly onFile?: ((file: RunningFile) => void) | undefined;
}

/** Bytes [from, to) of a file on the server, of which a file of its own is made. */
export type Slice = ByteRange;

/** A shorter file is hashed when it is there: to start a thread for it takes longer. */
const DIGEST_BESIDE_FROM_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
/** How often a file may change on the server before it is given up. */
const MAX_CHANGES = 3;

/**
 * Fetches a file, or a slice of it; what an earlier run left of it is gone on with. At the end its digest has to be
 * the server's.
 *
 * @param version As the server has listed it. Another one that it has meanwhile is fetched instead, but not of a slice.
 * @throws {CorruptError} What came has another digest.
 * @throws {MissingError} The file is not there any more.
 * @throws {Error} The server can't be reached any more, or the disk fails; what there is stays for the next run.
 */
export async function fetchFile(
  order: FileOrder,
  { version, slice }: { readonly version: FileVersion; readonly slice?: Slice | undefined },
  context: FetchContext,
): Promise<FetchedFile> {
  const opened = await ReceivedPart.openUnlessThere(order.destination, localVersion(version, slice));
  if (opened.kind === "published") return { local: opened.path, version, fetchedBytes: 0, digest: undefined };
  return await new FileFetch(order, { ...context, part: opened.part, version, slice }).run();
}

/** A file of a slice is as long as that. */
function localVersion({ size, mtimeMs }: FileVersion, slice: Slice | undefined): FileVersion {
  return { size: slice === undefined ? size : slice.to - slice.from, mtimeMs };
}

class FileFetch implements RunningFile {
  readonly path: string;
  readonly #order: FileOrder;
  readonly #context: FetchContext;
  readonly #part: ReceivedPart;
  readonly #slice: Slice | undefined;
  readonly #patience: Patience;
  #version: FileVersion;
  #digest: PrefixDigest | undefined;
  #fetchedBytes = 0;
  #note: string | undefined;
  /** Why it ends without the file. */
  #problem: unknown;

  constructor(
    order: FileOrder,
    { part, version, slice, ...context }: FetchContext & {
      readonly part: ReceivedPart;
      readonly version: FileVersion;
      readonly slice: Slice | undefined;
    },
  ) {
    this.path = order.path;
    this.#order = order;
    this.#context = context;
    this.#part = part;
    this.#version = version;
    this.#slice = slice;
    this.#patience = new Patience(context.remote.signal);
    part.failed.catch((problem: unknown) => this.#problem ??= problem);
  }

  get size(): number {
    return localVersion(this.#version, this.#slice).size;
  }

  get written(): ReceivedPart["written"] {
    return this.#part.written;
  }

  get note(): string | undefined {
    return this.#note ?? this.#patience.note;
  }

  async run(): Promise<FetchedFile> {
    try {
      this.#context.onFile?.(this);
      return await this.#fetch();
    } catch (problem) {
      await this.#part.abandon(problem);
      throw problem;
    } finally {
      this.#digest?.[Symbol.dispose]();
    }
  }

  async #fetch(): Promise<FetchedFile> {
    const { overwrite } = this.#order;
    let isFresh = !this.#part.isOf(localVersion(this.#version, this.#slice));
    if (isFresh) await this.#begin(this.#version);
    else await this.#part.requireSpace();
    for (let changes = 0;;) {
      const got = await this.#fetchMissing();
      if (got === undefined) {
        if (this.#slice !== undefined || ++changes > MAX_CHANGES) {
          throw new Error("It changes while it is fetched");
        }
        await this.#begin(await this.#versionNow());
        isFresh = true;
        continue;
      }
      this.#note = "verifying";
      const sha256 = await this.#ownDigest();
      if (sha256 === got.sha256) {
        this.#note = "storing";
        const local = await this.#part.publish({ size: this.size, digest: sha256, overwrite });
        got.connection.done(got.id);
        const version = localVersion(this.#version, this.#slice);
        return { local, version, fetchedBytes: this.#fetchedBytes, digest: { sha256 } };
      }
      got.connection.cancel(got.id);
      if (isFresh) throw new CorruptError(`Its SHA-256 is ${got.sha256} on the server, and ${sha256} here`);
      // What an earlier run left may be what is wrong.
      await this.#begin(this.#version);
      isFresh = true;
    }
  }

  async #begin(version: FileVersion): Promise<void> {
    this.#version = version;
    this.#fetchedBytes = 0;
    this.#note = undefined;
    this.#digest?.[Symbol.dispose]();
    this.#digest = undefined;
    await this.#part.begin(localVersion(version, this.#slice));
  }

  /**
   * Fetches what is not there, over one connection after another.
   *
   * @returns What the server says of the whole; `undefined`: the file has changed there.
   */
  async #fetchMissing() {
    for (;;) {
      this.#context.remote.signal.throwIfAborted();
      const missing = this.#part.written.gaps({ from: 0, to: this.size });
      try {
        const connection = await this.#context.remote.connectXudp();
        const got = await this.#get(connection, missing);
        if (missing.length <= ASKED_RANGES) return { ...got, connection };
        connection.done(got.id);
      } catch (problem) {
        if (this.#problem !== undefined) throw this.#problem;
        if (problem instanceof RefusedError) {
          if (problem.code === "changed") return undefined;
          throw problem.code === "notFound"
            ? new MissingError("The server does not have it any more")
            : problem;
        }
        await this.#patience.after(problem);
      }
    }
  }

  async #get(connection: XudpConnection, missing: readonly ByteRange[]) {
    const base = this.#slice?.from ?? 0;
    const ranges = missing.slice(0, ASKED_RANGES);
    const whole = this.#slice ?? { from: 0, to: this.#version.size };
    const writer = await this.#part.openWriter();
    const arriving = new ArrivingBytes({
      writer,
      ranges,
      onWritten: (bytes) => {
        connection.consumed(bytes);
        this.#fetchedBytes += bytes;
        this.#patience.reset();
        this.#hashOn();
      },
      onFailure: (problem) => {
        this.#problem ??= problem;
        connection[Symbol.dispose]();
      },
    });
    try {
      const got = await connection.get({
        path: this.path,
        version: this.#version,
        ranges: ranges.map(({ from, to }) => ({ from: base + from, to: base + to })),
        // Of the last ranges alone: to compute it the server may have to read all of the file.
        digest: ranges.length === missing.length ? whole : { from: 0, to: 0 },
      }, (offset, bytes) => arriving.add(offset - base, bytes));
      await arriving.flush();
      if (this.#problem !== undefined) throw this.#problem;
      return got;
    } finally {
      await arriving.flush();
      writer.close();
    }
  }

  /** Hashes behind what is written, in a thread beside this one. */
  #hashOn(): void {
    const first = this.written.first;
    if (this.size < DIGEST_BESIDE_FROM_BYTES || first?.from !== 0) return;
    this.#digest ??= prefixDigest(this.#part.path);
    this.#digest.advance(first.to);
  }

  async #ownDigest(): Promise<string> {
    if (this.size < DIGEST_BESIDE_FROM_BYTES) {
      return await digestOf(this.#order.destination.disk, this.#part.path, this.size);
    }
    this.#digest ??= prefixDigest(this.#part.path);
    return await this.#digest.digest(this.size);
  }

  async #versionNow(): Promise<FileVersion> {
    const entries = await this.#context.remote.list(this.path);
    const entry = entries?.find(({ path, type }) => path === this.path && type === "file");
    if (entry === undefined) throw new MissingError("The server does not have it any more");
    return { size: entry.size, mtimeMs: entry.mtimeMs };
  }
}

async function digestOf(disk: Disk, path: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  const file = await disk.open(path);
  try {
    const buffer = new Uint8Array(Math.min(READ_BYTES, size));
    for (let at = 0; at < size;) {
      const count = await file.readAt(buffer.subarray(0, Math.min(READ_BYTES, size - at)), at);
      if (count === 0) throw new Error(`${path} ends at ${at} instead of ${size}`);
      hash.update(buffer.subarray(0, count));
      at += count;
    }
    return hash.digest("hex");
  } finally {
    file.close();
  }
}
