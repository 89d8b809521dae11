import { Buffer } from "node:buffer";
import { basename, dirname } from "@std/path";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import { type Disk, realDisk } from "../../store/disk.ts";
import { findRangedPart } from "../../store/ranged_parts.ts";
import { type KnownVersion, ReceivedTree, type Spot } from "../../store/received_tree.ts";
import { safeRelativePath } from "../../store/safe_name.ts";
import { SmallFiles } from "../../store/small_files.ts";
import { Turns } from "../../store/turns.ts";
import { BLOCK_BYTES, type FileVersion } from "./blocks.ts";
import {
  CorruptError,
  type FetchContext,
  type FetchedFile,
  type FileOrder,
  MissingError,
} from "./fetched.ts";
import { fetchFile } from "./fetch_file.ts";
import { fetchPlain, plainSize } from "./fetch_plain.ts";
import { fetchSmall, type SmallEnd, type SmallOrder } from "./fetch_small.ts";
import type { ListEntry } from "./messages.ts";
import { PLAIN_REQUEST_BYTES } from "./plain.ts";

/** What has become of a file. */
export type FileEnd =
  | {
    readonly kind: "done";
    /** The server's. */
    readonly path: string;
    /** Absolute. */
    readonly local: string;
    readonly size: number;
    /** Bytes that came in this run; fewer than `size` when it went on with an earlier one. */
    readonly fetchedBytes: number;
    /** See `rootOf`; of a file of one block, and of a plain server's, it is not known. */
    readonly root: string | undefined;
  }
  /** It was there already, with the same size and time. */
  | { readonly kind: "there"; readonly path: string; readonly local: string; readonly size: number }
  | {
    readonly kind: "failed";
    readonly path: string;
    readonly reason: string;
    readonly isMissing: boolean;
    /** What came is not what the server has. */
    readonly isCorrupt: boolean;
  };

/** Options of {@linkcode TreeFetch}. */
export interface TreeFetchOptions extends FetchContext {
  /** Where to. Absolute; made with the first file. */
  readonly directory: string;
  readonly overwrite: boolean;
  /** Told of each file when it has ended. */
  readonly onEnd: (end: FileEnd) => void;
  /** The machine's, unless a test has another one. */
  readonly disk?: Disk | undefined;
}

/** Longest name that a plain server is asked for: a range has to fit behind it. */
const MAX_PLAIN_NAME_BYTES = PLAIN_REQUEST_BYTES - 64;

/** Fetches files into a directory, one set of them after the other. */
export class TreeFetch implements AsyncDisposable {
  readonly #options: TreeFetchOptions;
  readonly #disk: Disk;
  #tree: ReceivedTree | undefined;
  #small: SmallFiles | undefined;

  constructor(options: TreeFetchOptions) {
    this.#options = options;
    this.#disk = options.disk ?? realDisk();
  }

  /**
   * Fetches what a server of XFER/1 has listed. A file that fails holds up no other.
   *
   * @throws {ConnectionProblem} The server can't be reached any more.
   * @throws {Error} The disk takes no more small files.
   */
  async fetch(entries: readonly ListEntry[]): Promise<void> {
    const small: SmallOrder[] = [];
    const large: (readonly [FileOrder, FileVersion])[] = [];
    // What is planned may be a million files, of which none has to wait for anything.
    const turns = new Turns();
    for (const { path, type, ...version } of entries) {
      await turns.next();
      this.#options.remote.signal.throwIfAborted();
      await this.#guarded(path, async () => {
        const spot = await this.#spotFor(path, type === "file" ? version : undefined);
        if (spot?.kind !== "wanted") return;
        if (version.size <= BLOCK_BYTES) small.push({ path, size: version.size, local: spot.path });
        else large.push([this.#order(path, spot.path), version]);
      });
    }
    if (small.length > 0) large.push(...await this.#fetchSmall(small));
    for (const [order, version] of large) {
      await this.#guarded(
        order.path,
        async () => this.#done(order, await fetchFile(order, version, this.#options)),
      );
    }
  }

  /** Fetches a file of a plain server. Throws like {@linkcode fetch}. */
  async fetchPlain(name: string): Promise<void> {
    await this.#guarded(name, async () => {
      // It separates a name from a range.
      if (name.includes("|")) throw new Error('A name with "|" can\'t be asked for in the plain protocol');
      // A server would take it for several requests, or hang up.
      if (Buffer.byteLength(name) > MAX_PLAIN_NAME_BYTES) {
        throw new Error("A name so long can't be asked for in the plain protocol");
      }
      const size = await plainSize(this.#options.remote, name);
      const spot = await this.#spotFor(name, { size, mtimeMs: undefined });
      if (spot?.kind !== "wanted") return;
      const order = this.#order(name, spot.path);
      this.#done(order, await fetchPlain(order, size, this.#options));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#small?.[Symbol.asyncDispose]();
  }

  /** Lets a file fail alone, but not for want of the server. */
  async #guarded(path: string, task: () => Promise<void>): Promise<void> {
    const { remote, onEnd } = this.#options;
    try {
      await task();
    } catch (problem) {
      remote.signal.throwIfAborted();
      if (problem instanceof ConnectionProblem) throw problem;
      onEnd(failed(path, problem));
    }
  }

  /**
   * Finds the place of a file, whose folders are made; or makes that of a directory, without a version.
   *
   * @returns Where it is to go, if it is to be fetched.
   */
  async #spotFor(path: string, version: KnownVersion | undefined): Promise<Spot | undefined> {
    const relative = safeRelativePath(path);
    if (relative === undefined) throw new Error("Nothing of its name can be used here");
    const tree = await this.#open();
    if (version === undefined) {
      await tree.makeFolder(relative);
      return undefined;
    }
    const spot = await tree.spotFor(relative, version);
    if (spot.kind === "there") {
      await this.#tidy(path, spot.path);
      this.#options.onEnd({ kind: "there", path, local: spot.path, size: version.size });
    }
    return spot;
  }

  /** Removes what a run left that died after its file had got its name. */
  async #tidy(path: string, local: string): Promise<void> {
    const directory = dirname(local);
    if (!this.#tree?.mayHaveParts(local)) return;
    const left = await findRangedPart({ disk: this.#disk, directory }, {
      url: this.#options.remote.urlOf(path),
    });
    if (left.kind === "part") await left.part.discard();
  }

  async #open(): Promise<ReceivedTree> {
    if (this.#tree === undefined) {
      await Deno.mkdir(this.#options.directory, { recursive: true });
      this.#tree = new ReceivedTree(this.#disk, this.#options.directory);
    }
    return this.#tree;
  }

  #order(path: string, local: string): FileOrder {
    const { remote, overwrite } = this.#options;
    const destination = {
      disk: this.#disk,
      directory: dirname(local),
      name: basename(local),
      url: remote.urlOf(path),
    };
    return { path, destination, overwrite };
  }

  #done({ path }: FileOrder, { local, version, fetchedBytes, root }: FetchedFile): void {
    this.#tree?.received(local);
    this.#options.onEnd({ kind: "done", path, local, size: version.size, fetchedBytes, root });
  }

  /** @returns What has to be fetched as large files are. */
  async #fetchSmall(orders: readonly SmallOrder[]): Promise<(readonly [FileOrder, FileVersion])[]> {
    const { remote, overwrite, directory, onEnd } = this.#options;
    const large: (readonly [FileOrder, FileVersion])[] = [];
    this.#small ??= await SmallFiles.open(this.#disk, directory);
    const onSmallEnd = (end: SmallEnd) => {
      const { path, local } = end.order;
      if (end.kind === "large") large.push([this.#order(path, local), end.version]);
      else if (end.kind === "failed") onEnd(failed(path, end.problem));
      else {
        this.#tree?.received(end.local);
        const { size } = end.version;
        onEnd({ kind: "done", path, local: end.local, size, fetchedBytes: size, root: undefined });
      }
    };
    await fetchSmall(orders, { remote, files: this.#small, overwrite, onEnd: onSmallEnd });
    return large;
  }
}

function failed(path: string, problem: unknown): FileEnd {
  const isFull = problem instanceof Error && "code" in problem && problem.code === "ENOSPC";
  const reason = problem instanceof Error ? problem.message : String(problem);
  return {
    kind: "failed",
    path,
    reason: isFull ? "The disk is full" : reason,
    isMissing: problem instanceof MissingError,
    isCorrupt: problem instanceof CorruptError,
  };
}
