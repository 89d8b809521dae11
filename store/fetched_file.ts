import type { ByteRange } from "./byte_ranges.ts";
import type { Destination } from "./received_part.ts";
import type { KnownVersion } from "./received_tree.ts";

/** A file to fetch. */
export interface FileOrder {
  /** The server's, as it lists it. */
  readonly path: string;
  readonly destination: Destination;
  /** Replaces a file of the same name; else a taken name becomes `name (1).ext`. */
  readonly overwrite: boolean;
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

/** What the whole of a file was compared by, in hexadecimal: its SHA-256, or the root of XFER/1. */
export type FileDigest = { readonly sha256: string } | { readonly root: string };

/** A file that has its final name. */
export interface FetchedFile {
  /** Absolute. */
  readonly local: string;
  readonly version: KnownVersion;
  /** Bytes that came in this run; fewer than the file has when it went on with an earlier one. */
  readonly fetchedBytes: number;
  /** `undefined`: a plain server has told none. */
  readonly digest: FileDigest | undefined;
}

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
    readonly digest: FileDigest | undefined;
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

/** What came is not what the server has, or can't be: exit code 3. */
export class CorruptError extends Error {
  override readonly name = "CorruptError";
}

/** The server does not have a file. */
export class MissingError extends Error {
  override readonly name = "MissingError";
}

/** The end of a file for a reason. */
export function failedEnd(path: string, problem: unknown): FileEnd {
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
