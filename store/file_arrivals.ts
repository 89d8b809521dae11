import { basename, dirname } from "@std/path";
import { makeNamedDirectory } from "./directory.ts";
import { type Disk, realDisk } from "./disk.ts";
import { failedEnd, type FetchedFile, type FileEnd, type FileOrder } from "./fetched_file.ts";
import { findRangedPart } from "./ranged_parts.ts";
import { type KnownVersion, ReceivedTree, type Spot } from "./received_tree.ts";
import { safeRelativePath } from "./safe_name.ts";
import { SmallFiles } from "./small_files.ts";
import { Turns } from "./turns.ts";

/** Options of {@linkcode FileArrivals}. */
export interface FileArrivalsOptions {
  /** Where to. Absolute; made with the first file. */
  readonly directory: string;
  /** Replaces files of the same name; else a taken name becomes `name (1).ext`. */
  readonly overwrite: boolean;
  readonly remote: {
    /** What files of this server are told apart by from those of another. */
    urlOf(path: string): string;
    /** Ends the run. */
    readonly signal: AbortSignal;
  };
  /** Whether a problem of one file is one of all: the server is away, say. */
  readonly isFatal: (problem: unknown) => boolean;
  /** Told of each file when it has ended. */
  readonly onEnd: (end: FileEnd) => void;
  /** The machine's, unless a test has another one. */
  readonly disk?: Disk | undefined;
}

/** The files of one server on their way into a directory: where each goes, and what has become of it. */
export class FileArrivals implements AsyncDisposable {
  readonly #options: FileArrivalsOptions;
  readonly #disk: Disk;
  /** What is looked for may be a million files, of which none has to wait for anything. */
  readonly #turns = new Turns();
  #tree: ReceivedTree | undefined;
  #small: SmallFiles | undefined;

  constructor(options: FileArrivalsOptions) {
    this.#options = options;
    this.#disk = options.disk ?? realDisk();
  }

  get overwrite(): boolean {
    return this.#options.overwrite;
  }

  /**
   * Does what one file needs, and lets it fail alone, unless the run ends or the problem is fatal.
   * However many files are done one after the other, others have their turn in between.
   *
   * @throws What is fatal, as the task throws it; and the signal's reason, once it is aborted: then the task is
   *   not begun.
   */
  async attempt(path: string, task: () => Promise<void>): Promise<void> {
    const { remote: { signal }, isFatal } = this.#options;
    if (this.#turns.isOver) await this.#turns.next();
    signal.throwIfAborted();
    try {
      await task();
    } catch (problem) {
      signal.throwIfAborted();
      if (isFatal(problem)) throw problem;
      this.failed(path, problem);
    }
  }

  /**
   * Finds the place of a file, whose folders are made; or makes that of a directory, without a version.
   *
   * @returns Where it is to go, if it is to be fetched.
   * @throws {Error} Nothing of its name can be used, or its folder can't be made.
   */
  async spotFor(path: string, version: KnownVersion | undefined): Promise<Spot | undefined> {
    const relative = safeRelativePath(path);
    if (relative === undefined) throw new Error("Nothing of its name can be used here");
    const tree = await this.#openTree();
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

  /**
   * As {@linkcode FileArrivals.spotFor}, of a file whose place needs no look at the disk.
   *
   * @returns The place; `undefined`: it needs one.
   */
  freeSpot(path: string): string | undefined {
    const relative = safeRelativePath(path);
    return relative === undefined ? undefined : this.#tree?.freeSpot(relative);
  }

  /** What to fetch a file by. @param local From {@linkcode FileArrivals.spotFor}. */
  order(path: string, local: string): FileOrder {
    const { remote, overwrite } = this.#options;
    const destination = {
      disk: this.#disk,
      directory: dirname(local),
      name: basename(local),
      url: remote.urlOf(path),
    };
    return { path, destination, overwrite };
  }

  /** Where small files are stored; made with the first call. */
  async small(): Promise<SmallFiles> {
    return this.#small ??= await SmallFiles.open(this.#disk, this.#options.directory);
  }

  /** A file has its final name. */
  done(path: string, { local, version, fetchedBytes, digest }: FetchedFile): void {
    this.#tree?.received(local);
    this.#options.onEnd({ kind: "done", path, local, size: version.size, fetchedBytes, digest });
  }

  /** A file does not come. */
  failed(path: string, problem: unknown): void {
    this.#options.onEnd(failedEnd(path, problem));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#small?.[Symbol.asyncDispose]();
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

  async #openTree(): Promise<ReceivedTree> {
    if (this.#tree === undefined) {
      await makeNamedDirectory(this.#options.directory);
      this.#tree = new ReceivedTree(this.#disk, this.#options.directory);
    }
    return this.#tree;
  }
}
