import type { ByteRange } from "../../store/byte_ranges.ts";
import type { Verdict } from "./response_check.ts";
import type { Validators } from "./validators.ts";

/**
 * What the scheduler of a download is told, what it answers, and where it can stand. Offsets and sizes are
 * bytes, times milliseconds on the clock that the caller passes in.
 */

/** What the person wants: run it, hold it, or end it. */
export type Wish = "run" | "pause" | "cancel";

/** Where a download stands. */
export type SchedulerState =
  | { readonly kind: "idle" }
  /** Asking for the first bytes: nobody knows yet how long the file is, or whether ranges work. */
  | { readonly kind: "probing" }
  /** Several connections, each with a part of the file. */
  | { readonly kind: "ranged" }
  /** One connection with all of it, as the server has no ranges. */
  | { readonly kind: "single" }
  | { readonly kind: "paused" }
  /** Ends. */
  | { readonly kind: "done"; readonly size: number }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly reason: string };

/** What is known of how the file can be had. */
export type Plan =
  /** Nothing yet. */
  | { readonly kind: "probing" }
  | { readonly kind: "ranged" }
  /** In one piece, by a request without `Range`. */
  | { readonly kind: "single" };

/** Where a download stands, whatever the plan. */
export type Stage =
  | { readonly kind: "idle" }
  | { readonly kind: "running" }
  | Extract<SchedulerState, { kind: "paused" | "done" | "cancelled" | "failed" }>;

/** What happened outside. `connection` is what the `request` was called. */
export type SchedulerEvent =
  /** Sets a new scheduler going, with what an earlier run left. */
  | { readonly type: "start"; readonly kept?: KeptDownload | undefined }
  /** The head of a response has come; any verdict but `redirect` and `expired`, which the caller follows. */
  | {
    readonly type: "response";
    readonly connection: number;
    readonly verdict: Exclude<Verdict, { kind: "redirect" | "expired" }>;
  }
  /** So many more bytes have been written to the file, from where the connection stood. */
  | { readonly type: "bytes"; readonly connection: number; readonly count: number }
  /** The body has come to its end, or to where the connection was to stop. */
  | { readonly type: "end"; readonly connection: number }
  /** No connection, or it was lost; `isFinal` when there is no use in trying this source again. */
  | {
    readonly type: "lost";
    readonly connection: number;
    readonly reason: string;
    readonly isFinal?: boolean;
  }
  /** What no other try can mend: a full disk, say. */
  | { readonly type: "broken"; readonly reason: string }
  | { readonly type: "wish"; readonly wish: Wish }
  /** {@linkcode Scheduler.wakeAtMs} has come. */
  | { readonly type: "tick" };

/** What an earlier run left of a file. */
export interface KeptDownload {
  readonly size: number;
  readonly validators: Validators;
  readonly finished: readonly ByteRange[];
}

/** What the caller is to do, in order. */
export type SchedulerAction =
  /**
   * Ask a source for the bytes [from, to), or for the whole file without `Range` when `to` is undefined.
   * What comes goes where {@linkcode Scheduler.place} says, and no more of it.
   */
  | {
    readonly type: "request";
    readonly connection: number;
    readonly source: number;
    readonly from: number;
    readonly to: number | undefined;
  }
  /** A connection under way is to stop at `to`: what lies behind is another's now. */
  | { readonly type: "shorten"; readonly connection: number; readonly to: number }
  /** Drop a connection, open or opening. No event of it is expected back, and one that comes is late. */
  | { readonly type: "cut"; readonly connection: number; readonly reason: string }
  /** How long the file is and what it is recognised by; comes before its first byte, and after `restart`. */
  | { readonly type: "identified"; readonly size: number | undefined; readonly validators: Validators }
  /** Forget all that was written: it belongs to another version of the file, or may. */
  | { readonly type: "restart"; readonly reason: string }
  | { readonly type: "done"; readonly size: number }
  | { readonly type: "failed"; readonly reason: string };

/** Where a file can be had. */
export interface SchedulerSource {
  /** Connections to one host are counted together. */
  readonly host: string;
}

/** Options of {@linkcode Scheduler}. */
export interface SchedulerOptions {
  /** The URL itself first, then its mirrors. */
  readonly sources: readonly SchedulerSource[];
  /** The most connections at once. */
  readonly threads: number;
  /** The most of them to one host. */
  readonly perHost: number;
  /** What the first request asks for, and the least that a connection is given while there is enough. */
  readonly blockBytes: number;
  /** Failures in a row of one source, with no byte between them, before giving it up. */
  readonly retries: number;
  /** How long to wait for the head of a response while nothing else moves. */
  readonly answerMs: number;
  /** Whether a file is known by its digest, so that sources without validators can be continued. */
  readonly isVerified: boolean;
  /** A source of numbers in [0, 1), for jitter. */
  readonly random: () => number;
}

/** What a connection does, for whoever watches. */
export interface ConnectionView {
  /** Which of the download's connections, from 0; it stays when its requests change. */
  readonly lane: number;
  readonly source: number;
  /** Where it began, stands, and is to stop; `undefined` when only the end of the file will tell. */
  readonly from: number;
  readonly at: number;
  readonly to: number | undefined;
  readonly bytesPerSecond: number;
}
