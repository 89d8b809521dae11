import type { CatalogueEntry } from "../store/catalogue_entries.ts";
import type { FileEnd, RunningFile } from "../store/fetched_file.ts";

/** A file in a plain server's list. */
export interface PlainListing {
  /** As the server writes it. A peer's: not safe as it is. */
  readonly name: string;
  /** As it is shown. */
  readonly size: string;
}

/** Options of {@linkcode FileService.fetcher}. */
export interface FetcherOptions {
  /** Where to. Absolute; made with the first file. */
  readonly directory: string;
  /** Replaces files of the same name; else a taken name becomes `name (1).ext`. */
  readonly overwrite: boolean;
  /** Told of each file that is not so small that it comes at once, when it begins. */
  readonly onFile: (file: RunningFile) => void;
  /** Told of each file when it has ended. */
  readonly onEnd: (end: FileEnd) => void;
}

/** Fetches files into a directory. What fails alone is told by `onEnd`; for want of the server it throws. */
export interface FileFetcher extends AsyncDisposable {
  /** Fetches what was listed. @throws {ConnectionProblem} The server can't be reached any more. */
  fetch(entries: readonly CatalogueEntry[]): Promise<void>;
  /** Fetches a file of a plain server. Throws like {@linkcode FileFetcher.fetch}. */
  fetchPlain(name: string): Promise<void>;
}

/** A server that has files, whatever it is spoken to in. All that asks it throws ConnectionProblem when it is away. */
export interface FileService {
  /** The server, as people write it. */
  readonly name: string;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** The list of a plain server; `undefined`: this one speaks the extension, and has {@linkcode FileService.list}. */
  plainList(): Promise<readonly PlainListing[] | undefined>;
  /** What is at and below a path ("": everything); `undefined`: there is no such path. */
  list(path: string): Promise<readonly CatalogueEntry[] | undefined>;
  fetcher(options: FetcherOptions): FileFetcher;
  /** Nothing is asked for some time: a server has no use for connections that do nothing. */
  rest(): void;
}
