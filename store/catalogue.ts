import { relative } from "@std/path";
import { CatalogueEntries, type CatalogueEntry } from "./catalogue_entries.ts";
import { scan, type ScanOptions } from "./catalogue_scan.ts";
import { findOffered, isOfferable, openOffered, readOffered } from "./offered_path.ts";

/** Options of {@linkcode Catalogue.open}. */
export interface CatalogueOptions {
  /** Absolute paths that are not offered, though they could be. */
  readonly exclude?: readonly string[];
  /** Called when something came, went or changed. */
  readonly onChange?: () => void;
  /** Called when the directory can't be followed as it should be; it is looked at again now and then. */
  readonly onProblem?: (reason: string) => void;
  /** Whether the system is asked to tell of changes. Default: true. */
  readonly isWatching?: boolean;
  /** Time between two looks at everything, in milliseconds. Default: 30 s when changes are told, else 2 s. */
  readonly lookAgainMs?: number;
  /** Most entries; what is beyond is not offered, and told as a problem. Default: a million, about 300 MB. */
  readonly maxEntries?: number;
}

/** What is told within so many milliseconds is looked at together. */
const GATHER_MS = 100;
/** More paths than that are not worth looking at one by one. */
const MAX_GATHERED = 250;
/** Looking at everything takes at most this share of the time. */
const LOOKING_SHARE = 0.05;

/**
 * The files and directories below a directory that may be offered to others, as they are now: without what
 * is hidden, state files of this program, special files, and links that lead out of it or to directories.
 *
 * The system tells of changes; since some file systems tell nothing (those of other machines), and all tell
 * too little when there is much, everything is looked at again now and then, too.
 */
export class Catalogue implements AsyncDisposable {
  /** Absolute path of the directory, with links followed. */
  readonly root: string;
  readonly #options: CatalogueOptions;
  readonly #scanOptions: ScanOptions;
  readonly #entries = new CatalogueEntries();
  readonly #stop = new AbortController();
  #gathered = new Set<string>();
  #gatherTimer: ReturnType<typeof setTimeout> | undefined;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;
  /** Looks follow one another: each replaces what it has seen. */
  #looking: Promise<void> = Promise.resolve();
  /** Those that have not begun. */
  readonly #queued = new Map<string, Promise<void>>();
  #watching: Promise<void> = Promise.resolve();
  #isFull = false;

  private constructor(root: string, options: CatalogueOptions) {
    this.root = root;
    this.#options = options;
    const { exclude = [], maxEntries = 1_000_000 } = options;
    const below = exclude.map((path) => relative(root, path).replaceAll("\\", "/"));
    this.#scanOptions = { root, exclude: new Set(below), maxEntries };
  }

  /**
   * Looks at a directory and follows it from then on.
   *
   * @throws {Deno.errors.NotFound} There is none.
   * @throws {Deno.errors.NotADirectory} It is something else.
   */
  static async open(directory: string, options: CatalogueOptions = {}): Promise<Catalogue> {
    const root = await Deno.realPath(directory);
    if (!(await Deno.stat(root)).isDirectory) {
      throw new Deno.errors.NotADirectory(`${directory} is no directory`);
    }
    const catalogue = new Catalogue(root, options);
    // Before the first look, so that nothing falls between the two.
    const isTold = (options.isWatching ?? true) && catalogue.#watch();
    await catalogue.#look("");
    catalogue.#lookNowAndThen(options.lookAgainMs ?? (isTold ? 30_000 : 2_000));
    return catalogue;
  }

  /** How many files and directories there are. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Looks at a path and all below it ("": everything) now, so that what is told of it is not from before the
   * call. However many ask for one path, they wait for the same look.
   */
  async refresh(path: string): Promise<void> {
    if (path !== "" && !isOfferable(path)) return;
    // If a folder on the way was not seen before, from there.
    const parts = path.split("/");
    const ways = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    await this.#look(ways.find((way) => this.#entries.get(way) === undefined) ?? path);
  }

  /**
   * The paths at and below one ("": all), sorted. The list stays as it is whatever changes; what became of
   * one of them {@linkcode Catalogue.get} tells.
   */
  pathsBelow(path: string): readonly string[] {
    return this.#entries.pathsBelow(path);
  }

  /** The entry of a path as it was seen last. */
  get(path: string): CatalogueEntry | undefined {
    return this.#entries.get(path);
  }

  /** The files of the directory itself, sorted. */
  topFiles(): CatalogueEntry[] {
    return this.pathsBelow("").flatMap((path) => {
      const entry = path.includes("/") ? undefined : this.get(path);
      return entry?.type === "file" ? [entry] : [];
    });
  }

  /** What stands at the path of a file now, which was not necessarily seen before; `undefined`: no file. */
  statFile(path: string): Deno.FileInfo | undefined {
    const info = this.#isExcluded(path) ? undefined : findOffered(this.root, path)?.info;
    return info?.isFile ? info : undefined;
  }

  /**
   * Opens a file for reading, which was not necessarily seen before.
   *
   * @returns `undefined`: there is no such file, or none that is offered.
   * @throws {Error} It can't be opened.
   */
  openFile(path: string): { readonly file: Deno.FsFile; readonly info: Deno.FileInfo } | undefined {
    return this.#isExcluded(path) ? undefined : openOffered(this.root, path);
  }

  /** Reads a short file that is offered, as {@linkcode readOffered}. */
  readFile(path: string, buffer: Uint8Array): Deno.FileInfo | undefined {
    return this.#isExcluded(path) ? undefined : readOffered(this.root, path, buffer);
  }

  /** Follows the directory no longer. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#gatherTimer);
    clearTimeout(this.#lookTimer);
    await this.#watching;
    await this.#looking;
  }

  #isExcluded(path: string): boolean {
    return this.#scanOptions.exclude.has(path);
  }

  /** Asks the system to tell of changes. @returns Whether it will. */
  #watch(): boolean {
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs(this.root, { recursive: true });
    } catch (error) {
      this.#options.onProblem?.(`the system does not tell of changes: ${reasonOf(error)}`);
      return false;
    }
    this.#stop.signal.addEventListener("abort", () => watcher.close(), { once: true });
    this.#watching = this.#follow(watcher);
    return true;
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const { kind, paths, flag } of watcher) {
        if (kind === "access") continue;
        // Events were lost: nobody knows which.
        if (flag === "rescan") this.#gather("");
        for (const path of paths) this.#gather(relative(this.root, path).replaceAll("\\", "/"));
      }
    } catch (error) {
      this.#options.onProblem?.(`the system tells of changes no longer: ${reasonOf(error)}`);
    }
  }

  #gather(path: string): void {
    if (this.#stop.signal.aborted || (path !== "" && !isOfferable(path))) return;
    if (this.#gathered.size < MAX_GATHERED) this.#gathered.add(path);
    else this.#gathered = new Set([""]);
    this.#gatherTimer ??= setTimeout(async () => {
      const paths = this.#gathered.has("") ? [""] : [...this.#gathered].sort();
      this.#gathered = new Set();
      for (const [index, each] of paths.entries()) {
        const before = paths[index - 1];
        if (before === undefined || !each.startsWith(`${before}/`)) await this.#look(each);
      }
      this.#gatherTimer = undefined;
      const [first] = this.#gathered;
      if (first !== undefined) this.#gather(first);
    }, GATHER_MS);
  }

  #look(path: string): Promise<void> {
    const queued = this.#queued.get(path);
    if (queued !== undefined) return queued;
    const looking = this.#looking = this.#looking.then(async () => {
      this.#queued.delete(path);
      if (this.#stop.signal.aborted) return;
      const { maxEntries } = this.#scanOptions;
      const room = path === "" ? maxEntries : Math.max(1, maxEntries - this.#entries.size);
      const found = await scan(path, { ...this.#scanOptions, maxEntries: room });
      const isDifferent = this.#entries.replaceBelow(path, found);
      if (this.#entries.size >= maxEntries && !this.#isFull) {
        this.#isFull = true;
        this.#options.onProblem?.(`there are more than ${maxEntries} files: the others are not offered`);
      }
      if (isDifferent) this.#options.onChange?.();
    });
    this.#queued.set(path, looking);
    return looking;
  }

  #lookNowAndThen(everyMs: number): void {
    let pauseMs = everyMs;
    const again = async () => {
      const startedMs = performance.now();
      await this.#look("");
      pauseMs = Math.max(everyMs, (performance.now() - startedMs) / LOOKING_SHARE);
      if (!this.#stop.signal.aborted) this.#lookTimer = setTimeout(again, pauseMs);
    };
    this.#lookTimer = setTimeout(again, pauseMs);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
