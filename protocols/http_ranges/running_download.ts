import type { Trust } from "../../net/trust.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";
import type { ConnectionView } from "./scheduler_state.ts";

/** What to download, where to, and how. */
export interface DownloadOptions {
  /** The URL, and mirrors of the same file behind it. */
  readonly sources: readonly string[];
  /** Where the file goes. Absolute. */
  readonly directory: string;
  /** What it is to be called; without it the name comes from the response. */
  readonly name?: string | undefined;
  /** The most connections at once. */
  readonly threads: number;
  /** The most of them to one host. */
  readonly perHost: number;
  readonly blockBytes: number;
  /** Bytes a second over all connections. */
  readonly maxRate?: number | undefined;
  /** Failures in a row, with no byte between them, before giving up. */
  readonly retries: number;
  /** How long to wait for a connection, and for the head of a response. */
  readonly timeoutMs: number;
  /** Sent with every request to the host of the URL. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly user?: Credentials | undefined;
  /** Goes before the environment's. */
  readonly proxy?: string | undefined;
  readonly trust?: Trust | undefined;
  /** Whether any certificate will do. */
  readonly insecure: boolean;
  /** Whether a redirect may lead from https to http. */
  readonly allowsDowngrade?: boolean | undefined;
  /** What the file has to be, in hexadecimal. */
  readonly sha256?: string | undefined;
  /** Whether to go on with what an earlier run left. */
  readonly resume: boolean;
  readonly overwrite: boolean;
  /** Whether an address may be connected to, asked of every one right before. */
  readonly admitAddress?: ((ip: string) => boolean) | undefined;
  /**
   * Called when the file has its final name, and waited for before what tells so after a crash is removed:
   * who remembers it here fetches no file twice. What it rejects with fails the download.
   */
  readonly onPublished?: ((file: PublishedDownload) => Promise<void>) | undefined;
  /** Called when the state has changed, or what was received. */
  readonly onChange?: ((download: RunningDownload) => void) | undefined;
}

/** A file that has its final name. */
export interface PublishedDownload {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** A user and a password, for the host of the URL alone. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Where a download stands. */
export type DownloadState =
  | { readonly kind: "probing" }
  | { readonly kind: "loading" }
  | { readonly kind: "paused" }
  /** All bytes are there; digest, sync and final name are not. */
  | { readonly kind: "verifying" }
  | {
    readonly kind: "done";
    /** Absolute. */
    readonly path: string;
    readonly bytes: number;
    /** Bytes that this run fetched; fewer when it continued an earlier one. */
    readonly fetchedBytes: number;
    readonly seconds: number;
    /** Hexadecimal. */
    readonly sha256: string;
  }
  /** `isCorrupt`: it is not what `sha256` says. */
  | { readonly kind: "failed"; readonly reason: string; readonly isCorrupt: boolean }
  /** Ended on demand; `kept` says whether a later run can go on. */
  | { readonly kind: "cancelled"; readonly kept: boolean };

/** A download that is under way, or has ended. */
export interface RunningDownload {
  readonly state: DownloadState;
  readonly url: string;
  /** Of the file, once known. */
  readonly name: string | undefined;
  readonly size: number | undefined;
  /** Bytes that are written, whenever they were. */
  readonly received: number;
  readonly connections: readonly ConnectionView[];
  readonly finished: readonly ByteRange[];
  /** Sources that are not asked any more, by their place in the options, and why. */
  readonly problems: readonly { readonly source: number; readonly reason: string }[];
  /** Why nothing moves at the moment, for a person: waiting for the server, say. */
  readonly note: string | undefined;
  pause(): void;
  resume(): void;
  cancel(deletePart: boolean): void;
  /** Never rejects: `state` tells how it ended. */
  readonly ended: Promise<void>;
}
