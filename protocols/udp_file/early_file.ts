import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { isSameVersion } from "../../store/file_version.ts";
import type { FileRequest, FileSink, Getting } from "./requests.ts";
import { Violation } from "./violation.ts";

/** What there is credit for comes in half as many pieces, unless they are made small to fill memory. */
const MAX_PIECES = 32_768;

/**
 * A file that a server begins to send with its entry. What comes is kept in memory until somebody asks for it, which
 * is no more than what the server has credit for.
 */
export class EarlyFile {
  readonly getting: Getting;
  /** Its digest, once all of it is here. */
  readonly sha256: Promise<string>;
  #pieces: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #bytes = 0;
  #entry: CatalogueEntry | undefined;

  constructor() {
    const { promise: sha256, resolve, reject } = Promise.withResolvers<string>();
    // Nobody may ever ask for it.
    sha256.catch(() => {});
    this.sha256 = sha256;
    const sink: FileSink = (offset, bytes) => this.#keep(offset, bytes);
    this.getting = { kind: "get", sink, missingBytes: Infinity, sha256: undefined, resolve, reject };
  }

  /** How many have come and are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Which file it is. */
  listed(entry: CatalogueEntry): void {
    this.#entry = entry;
    this.getting.missingBytes = entry.size - this.#bytes;
  }

  /** Whether a request asks for just this. */
  answers({ path, version, ranges: [range, ...more], digest }: FileRequest): boolean {
    const entry = this.#entry;
    if (entry === undefined || entry.path !== path || !isSameVersion(entry, version)) return false;
    return more.length === 0 && [range, digest].every((each) => each?.from === 0 && each.to === entry.size);
  }

  /** Gives what has come, and what is to come, to who has asked for it. */
  handTo(sink: FileSink): void {
    this.getting.sink = sink;
    for (const { offset, bytes } of this.#pieces) sink(offset, bytes);
    this.#pieces = [];
  }

  /** @throws {Violation} */
  #keep(offset: number, bytes: Uint8Array): void {
    if (this.#pieces.length === MAX_PIECES) throw new Violation("A file comes in too many pieces");
    this.#pieces.push({ offset, bytes: bytes.slice() });
    this.#bytes += bytes.length;
  }
}
