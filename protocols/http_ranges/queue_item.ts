/** What somebody asked to be fetched. */
export interface DownloadRequest {
  /** As it was given. */
  readonly url: string;
  /** The same in its normal form, from `parseDownloadUrl`. */
  readonly key: string;
  /** The name wanted; `undefined`: the one that its server gives. */
  readonly name: string | undefined;
  /** What the file's SHA-256 has to be, in hexadecimal. */
  readonly sha256: string | undefined;
  /** Whether it was found to lead to a file. */
  readonly isChecked: boolean;
}

/** How far a download has come. */
export interface Headway {
  /** The name that the file is to have in the directory, once it is known what its server gives. */
  readonly name: string | undefined;
  /** Bytes; `undefined`: not known yet, or not before the end. */
  readonly size: number | undefined;
  /** Bytes that are there. */
  readonly received: number;
}

/** How a download ended. */
export type Outcome =
  | {
    readonly kind: "done";
    /** Absolute. */
    readonly path: string;
    readonly bytes: number;
    readonly sha256: string;
  }
  | { readonly kind: "failed"; readonly reason: string }
  /** It was told to stop, and did. */
  | { readonly kind: "stopped" };

/** Where an item of the queue is. */
export type ItemState =
  | { readonly kind: "queued" }
  /**
   * Under way; `then` is what it becomes when it has stopped, `undefined` when nobody asked it to stop. `anew`:
   * it was cancelled, and then asked for again; it is queued when what there is of it is gone.
   */
  | { readonly kind: "active"; readonly then: "queued" | "paused" | "cancelled" | "anew" | undefined }
  | { readonly kind: "paused" }
  | {
    readonly kind: "done";
    readonly path: string;
    readonly sha256: string;
    readonly atMs: number;
  }
  | { readonly kind: "failed"; readonly reason: string; readonly atMs: number }
  | { readonly kind: "cancelled"; readonly atMs: number };

/** One download of the queue or its history. */
export interface QueueItem {
  readonly id: number;
  /** Downloads begin in this order. */
  readonly place: number;
  readonly request: DownloadRequest;
  readonly addedAtMs: number;
  readonly state: ItemState;
  readonly headway: Headway;
}

/** A state as everybody else sees it: what an item is about to become, it is. */
export type ShownState = "queued" | "active" | "paused" | "done" | "failed" | "cancelled";

/** The state of an item for those who look on. */
export function shownState({ state }: QueueItem): ShownState {
  if (state.kind !== "active") return state.kind;
  return state.then === "anew" ? "queued" : state.then ?? "active";
}

/** Whether nothing more happens to an item unless somebody asks for it. */
export function isOver({ kind }: ItemState): boolean {
  return kind === "done" || kind === "failed" || kind === "cancelled";
}
