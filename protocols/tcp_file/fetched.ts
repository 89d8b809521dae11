import type { ByteRange } from "../../store/byte_ranges.ts";
import type { FileVersion } from "./blocks.ts";
import type { Destination } from "./received_part.ts";
import { ERROR_CODE } from "./messages.ts";
import { RefusedError, type Remote } from "./remote.ts";

/** A file to fetch. */
export interface FileOrder {
  /** The server's, as it lists it. */
  readonly path: string;
  readonly destination: Destination;
  /** Replaces a file of the same name; else a taken name becomes `name (1).ext`. */
  readonly overwrite: boolean;
}

/** What fetching a file needs. */
export interface FetchContext {
  readonly remote: Remote;
  /** The most connections for one file. */
  readonly connections: number;
  /** Told of each file that is fetched over several connections, when it begins. */
  readonly onFile?: ((file: RunningFile) => void) | undefined;
}

/** A file that is being fetched. */
export interface RunningFile {
  /** The server's. */
  readonly path: string;
  readonly size: number;
  /** What is on disk, whenever it came. */
  readonly written: Iterable<ByteRange> & { readonly bytes: number };
  /** What it does instead of fetching, or waits for, in words. */
  readonly note: string | undefined;
}

/** A file that has its final name. */
export interface FetchedFile {
  /** Absolute. */
  readonly local: string;
  readonly version: FileVersion | { readonly size: number; readonly mtimeMs: undefined };
  /** Bytes that came in this run; fewer than the file has when it went on with an earlier one. */
  readonly fetchedBytes: number;
  /** See `rootOf`; a plain server has none. */
  readonly root: string | undefined;
}

/** What came is not what the server has, or can't be: exit code 3. */
export class CorruptError extends Error {
  override readonly name = "CorruptError";
}

/** The server does not have a file. */
export class MissingError extends Error {
  override readonly name = "MissingError";
}

/** What a refusal means for a file: {@linkcode MissingError} if it is that, else the problem itself. */
export function explained(problem: unknown): unknown {
  const isMissing = problem instanceof RefusedError && problem.code === ERROR_CODE.notFound;
  return isMissing ? new MissingError("The server does not have it any more", { cause: problem }) : problem;
}
