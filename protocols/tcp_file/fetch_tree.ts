import { Buffer } from "node:buffer";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { FileOrder } from "../../store/fetched_file.ts";
import { FileArrivals, type FileArrivalsOptions } from "../../store/file_arrivals.ts";
import type { FileVersion } from "../../store/file_version.ts";
import { BLOCK_BYTES } from "./blocks.ts";
import type { FetchContext } from "./fetched.ts";
import { fetchFile } from "./fetch_file.ts";
import { fetchPlain, plainSize } from "./fetch_plain.ts";
import { fetchSmall, type SmallEnd, type SmallOrder } from "./fetch_small.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { PLAIN_REQUEST_BYTES } from "./plain.ts";

/** Options of {@linkcode TreeFetch}. */
export interface TreeFetchOptions extends FetchContext, Omit<FileArrivalsOptions, "remote" | "isFatal"> {}

/** Longest name that a plain server is asked for: a range has to fit behind it. */
const MAX_PLAIN_NAME_BYTES = PLAIN_REQUEST_BYTES - 64;

/** Small files whose places are found before they are asked for together. */
const BATCH_FILES = 128;

/** A file that is fetched alone. */
type Large = readonly [FileOrder, FileVersion];

/** Fetches files into a directory, one set of them after the other. */
export class TreeFetch implements AsyncDisposable {
  readonly #options: TreeFetchOptions;
  readonly #arrivals: FileArrivals;

  constructor(options: TreeFetchOptions) {
    this.#options = options;
    const isFatal = (problem: unknown) => problem instanceof ConnectionProblem;
    this.#arrivals = new FileArrivals({ ...options, isFatal });
  }

  /**
   * Fetches what a server of XFER/1 has listed. A file that fails holds up no other.
   *
   * @throws {ConnectionProblem} The server can't be reached any more.
   * @throws {Error} The disk takes no more small files.
   */
  async fetch(entries: readonly CatalogueEntry[]): Promise<void> {
    const large: Large[] = [];
    await this.#fetchSmall(this.#smallOf(entries, large), large);
    for (const [order, version] of large) {
      await this.#arrivals.attempt(
        order.path,
        async () => this.#arrivals.done(order.path, await fetchFile(order, version, this.#options)),
      );
    }
  }

  /** Fetches a file of a plain server. Throws like {@linkcode fetch}. */
  async fetchPlain(name: string): Promise<void> {
    await this.#arrivals.attempt(name, async () => {
      // It separates a name from a range.
      if (name.includes("|")) throw new Error('A name with "|" can\'t be asked for in the plain protocol');
      // A server would take it for several requests, or hang up.
      if (Buffer.byteLength(name) > MAX_PLAIN_NAME_BYTES) {
        throw new Error("A name so long can't be asked for in the plain protocol");
      }
      const size = await plainSize(this.#options.remote, name);
      const spot = await this.#arrivals.spotFor(name, { size, mtimeMs: undefined });
      if (spot?.kind !== "wanted") return;
      const order = this.#arrivals.order(name, spot.path);
      this.#arrivals.done(order.path, await fetchPlain(order, size, this.#options));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#arrivals[Symbol.asyncDispose]();
  }

  /**
   * Finds the places of files, and gives the small ones in batches, so that the first are under way while those of
   * the others are found.
   *
   * @param large Gets the others.
   */
  async *#smallOf(entries: readonly CatalogueEntry[], large: Large[]): AsyncGenerator<readonly SmallOrder[]> {
    let batch: SmallOrder[] = [];
    for (const { path, type, ...version } of entries) {
      const isSmall = type === "file" && version.size <= BLOCK_BYTES;
      const local = isSmall ? this.#arrivals.freeSpot(path) : undefined;
      if (local !== undefined) batch.push({ path, size: version.size, local });
      else {
        await this.#arrivals.attempt(path, async () => {
          const spot = await this.#arrivals.spotFor(path, type === "file" ? version : undefined);
          if (spot?.kind !== "wanted") return;
          if (isSmall) batch.push({ path, size: version.size, local: spot.path });
          else large.push([this.#arrivals.order(path, spot.path), version]);
        });
      }
      if (batch.length < BATCH_FILES) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  /** @param large Gets what has to be fetched as large files are. */
  async #fetchSmall(batches: AsyncIterable<readonly SmallOrder[]>, large: Large[]): Promise<void> {
    const { remote, overwrite } = this.#options;
    const onSmallEnd = (end: SmallEnd) => {
      const { path, local } = end.order;
      if (end.kind === "large") large.push([this.#arrivals.order(path, local), end.version]);
      else if (end.kind === "failed") this.#arrivals.failed(path, end.problem);
      else {
        const { local, version } = end;
        this.#arrivals.done(path, { local, version, fetchedBytes: version.size, digest: undefined });
      }
    };
    await fetchSmall(batches, {
      remote,
      files: () => this.#arrivals.small(),
      overwrite,
      onEnd: onSmallEnd,
    });
  }
}
