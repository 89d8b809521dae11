import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { FileArrivals, type FileArrivalsOptions } from "../../store/file_arrivals.ts";
import type { FileOrder } from "../../store/fetched_file.ts";
import type { FileVersion } from "../../store/file_version.ts";
import { type FetchContext, fetchFile, type Slice } from "./fetch_file.ts";
import { fetchPlain, plainSize } from "./fetch_plain.ts";
import { fetchSmall, SMALL_BYTES, type SmallEnd, type SmallOrder } from "./fetch_small.ts";

/** What of a file is wanted, each as bytes. */
export interface Cut {
  readonly offset: number;
  /** `undefined`: to the end. */
  readonly length: number | undefined;
}

/** Options of {@linkcode TreeFetch}. */
export interface TreeFetchOptions extends FetchContext, Omit<FileArrivalsOptions, "remote" | "isFatal"> {
  /** Only this of each file, as a file of its own: `name.from-to`. Default: all of it. */
  readonly cut?: Cut | undefined;
}

/** A file that has a part and a journal on its way. */
interface LargeOrder {
  readonly order: FileOrder;
  readonly version: FileVersion;
  readonly slice: Slice | undefined;
}

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
   * Fetches what a server of XUDP/1 has listed. A file that fails holds up no other.
   *
   * @throws {ConnectionProblem} The server can't be reached any more.
   * @throws {Error} The disk takes no more small files.
   */
  async fetch(entries: readonly CatalogueEntry[]): Promise<void> {
    const small: SmallOrder[] = [];
    const large: LargeOrder[] = [];
    for (const { path, type, size, mtimeMs } of entries) {
      await this.#arrivals.attempt(path, async () => {
        const slice = type === "file" ? sliceOf(this.#options.cut, size) : undefined;
        const name = sliceName(path, slice);
        const local = { size: slice === undefined ? size : slice.to - slice.from, mtimeMs };
        const spot = await this.#arrivals.spotFor(name, type === "file" ? local : undefined);
        if (spot?.kind !== "wanted") return;
        const version = { size, mtimeMs };
        if (size <= SMALL_BYTES && slice === undefined) small.push({ path, version, local: spot.path });
        else large.push({ order: this.#order(path, { spot: spot.path, name }), version, slice });
      });
    }
    if (small.length > 0) large.push(...await this.#fetchSmall(small));
    for (const { order, ...wanted } of large) {
      await this.#arrivals.attempt(order.path, async () => {
        this.#arrivals.done(order.path, await fetchFile(order, wanted, this.#options));
      });
    }
  }

  /** Fetches a file of a plain server. Throws like {@linkcode TreeFetch.fetch}. */
  async fetchPlain(name: string): Promise<void> {
    await this.#arrivals.attempt(name, async () => {
      const size = await plainSize(this.#options.remote, name);
      const slice = sliceOf(this.#options.cut, size);
      const localName = sliceName(name, slice);
      const localSize = slice === undefined ? size : slice.to - slice.from;
      const spot = await this.#arrivals.spotFor(localName, { size: localSize, mtimeMs: undefined });
      if (spot?.kind !== "wanted") return;
      const order = this.#order(name, { spot: spot.path, name: localName });
      const wanted = slice ?? { from: 0, to: size };
      this.#arrivals.done(order.path, await fetchPlain(order, { size, slice: wanted }, this.#options));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#arrivals[Symbol.asyncDispose]();
  }

  /** @param place Where it goes, and what it is told apart by from the whole file. */
  #order(path: string, { spot, name }: { readonly spot: string; readonly name: string }): FileOrder {
    return { ...this.#arrivals.order(name, spot), path };
  }

  /** @returns What has to be fetched as large files are. */
  async #fetchSmall(orders: readonly SmallOrder[]): Promise<LargeOrder[]> {
    const { remote, overwrite } = this.#options;
    const large: LargeOrder[] = [];
    const files = await this.#arrivals.small();
    const onEnd = (end: SmallEnd) => {
      const { path, local, version } = end.order;
      if (end.kind === "failed") return this.#arrivals.failed(path, end.problem);
      if (end.kind === "large") {
        large.push({ order: this.#arrivals.order(path, local), version, slice: undefined });
        return;
      }
      const digest = { sha256: end.sha256 };
      this.#arrivals.done(path, { local: end.local, version, fetchedBytes: version.size, digest });
    };
    await fetchSmall(orders, { remote, files, overwrite, onEnd });
    return large;
  }
}

/** @throws {RangeError} There are no such bytes. */
function sliceOf(cut: Cut | undefined, size: number): Slice | undefined {
  if (cut === undefined) return undefined;
  const { offset, length = Infinity } = cut;
  if (offset > size) throw new RangeError(`It has ${size} bytes, and none at ${offset}`);
  return { from: offset, to: Math.min(size, offset + length) };
}

function sliceName(path: string, slice: Slice | undefined): string {
  return slice === undefined ? path : `${path}.${slice.from}-${slice.to}`;
}
