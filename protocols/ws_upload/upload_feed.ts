import type { UploadEvent } from "./upload_event.ts";
import type { ListedUpload } from "./held_uploads.ts";

/** An upload as others may see it. Its key is not in it: who knows the key can write to the upload. */
export interface SharedUpload {
  /** Stands for the upload while this process runs, and is good for nothing else. */
  readonly id: number;
  /** Path below the server's directory that was asked for; of a completed one, that it got. */
  readonly name: string;
  /** `null`: its client will know at the end. */
  readonly fileSize: number | null;
  /** Bytes stored. */
  readonly offset: number;
  readonly state: "active" | "paused" | "orphaned" | "completed" | "deleted";
  /** When this process first saw it started, and last heard of it (RFC 3339); `null`: not yet. */
  readonly startedAt: string | null;
  readonly heardAt: string | null;
}

/** What happened to an upload, for others. */
export interface FeedEvent {
  readonly type:
    | "started"
    | "resumed"
    | "progress"
    | "paused"
    | "interrupted"
    | "completed"
    | "deleted"
    | "failed";
  readonly upload: SharedUpload;
}

/** All uploads at one moment. */
export interface FeedSnapshot {
  /** Those that are not complete, of which was heard last first; at most 500. */
  readonly uploads: readonly SharedUpload[];
  /** Those that this process completed, newest first; at most 100. */
  readonly completed: readonly SharedUpload[];
}

/** Progress of one upload is told at most this often, in milliseconds. */
export const PROGRESS_MS = 250;
const LISTED_UPLOADS = 500;
const LISTED_COMPLETED = 100;

interface Known {
  readonly id: number;
  name: string;
  fileSize: number | undefined;
  offset: number;
  state: SharedUpload["state"];
  startedAtMs: number | undefined;
  heardAtMs: number | undefined;
  toldAtMs: number;
  /** Progress that was not told yet. */
  isBehind: boolean;
}

/**
 * What others may know of the uploads, as a list and as events. A core without I/O: it is told what
 * happened and when (milliseconds since 1970), and answers with what to tell the readers.
 */
export class UploadFeed {
  readonly #known = new Map<string, Known>();
  #completed: SharedUpload[] = [];
  #lastId = 0;

  /** @param uploads Those that are there from the start. */
  constructor(uploads: Iterable<ListedUpload>) {
    for (const upload of uploads) this.#meet(upload);
  }

  /** Takes what happened, and returns the events to tell. */
  handle(event: UploadEvent, nowMs: number): readonly FeedEvent[] {
    if (event.type === "unusable") return [];
    const known = this.#known.get(event.fileId) ?? this.#meetByEvent(event);
    if (known === undefined) return [];
    if (event.type !== "failed") known.heardAtMs = nowMs;
    switch (event.type) {
      case "started":
        known.startedAtMs = nowMs;
        return this.#tell("started", change(known, event, "active"), nowMs);
      case "resumed":
      case "unpaused":
        known.startedAtMs ??= nowMs;
        return this.#tell("resumed", change(known, event, "active"), nowMs);
      case "progress":
        change(known, event, "active").isBehind = true;
        return nowMs - known.toldAtMs < PROGRESS_MS ? [] : this.#tell("progress", known, nowMs);
      case "paused":
        return this.#tell("paused", change(known, event, "paused"), nowMs);
      case "interrupted":
        return this.#tell("interrupted", change(known, event, "orphaned"), nowMs);
      case "failed":
        return this.#tell("failed", known, nowMs);
      case "completed":
        change(known, { name: event.name, offset: event.bytes }, "completed");
        this.#completed = [view(known), ...this.#completed].slice(0, LISTED_COMPLETED);
        break;
      case "deleted":
      case "expired":
        known.state = "deleted";
    }
    this.#known.delete(event.fileId);
    return this.#tell(event.type === "completed" ? "completed" : "deleted", known, nowMs);
  }

  /** When {@linkcode UploadFeed.tick} is due; `undefined`: not before something happens. */
  get dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const { isBehind, toldAtMs } of this.#known.values()) {
      if (isBehind) due = Math.min(due ?? Infinity, toldAtMs + PROGRESS_MS);
    }
    return due;
  }

  /** Tells progress that was held back for long enough. */
  tick(nowMs: number): readonly FeedEvent[] {
    return [...this.#known.values()]
      .filter(({ isBehind, toldAtMs }) => isBehind && nowMs - toldAtMs >= PROGRESS_MS)
      .flatMap((known) => this.#tell("progress", known, nowMs));
  }

  /** @param uploads All that are not complete at this moment. */
  snapshot(uploads: Iterable<ListedUpload>): FeedSnapshot {
    const listed = [...uploads].map((upload) => ({ upload, known: this.#meet(upload) }));
    const kept = new Set(listed.map(({ upload }) => upload.fileId));
    for (const fileId of this.#known.keys()) if (!kept.has(fileId)) this.#known.delete(fileId);
    listed.sort((a, b) => (b.known.heardAtMs ?? 0) - (a.known.heardAtMs ?? 0) || b.known.id - a.known.id);
    return {
      uploads: listed.slice(0, LISTED_UPLOADS).map(({ known }) => view(known)),
      completed: this.#completed,
    };
  }

  #tell(type: FeedEvent["type"], known: Known, nowMs: number): readonly FeedEvent[] {
    known.toldAtMs = nowMs;
    known.isBehind = false;
    return [{ type, upload: view(known) }];
  }

  #meetByEvent(event: UploadEvent): Known | undefined {
    return "fileSize" in event ? this.#meet({ ...event, state: "active" }) : undefined;
  }

  #meet({ fileId, name, fileSize, offset, state }: ListedUpload): Known {
    const id = this.#known.get(fileId)?.id ?? ++this.#lastId;
    const fresh = { startedAtMs: undefined, heardAtMs: undefined, toldAtMs: -Infinity, isBehind: false };
    const known = { ...fresh, ...this.#known.get(fileId), id, name, fileSize, offset, state };
    this.#known.set(fileId, known);
    return known;
  }
}

function change(
  known: Known,
  to: { readonly name: string; readonly offset: number },
  state: SharedUpload["state"],
): Known {
  return Object.assign(known, { name: to.name, offset: to.offset, state });
}

function view(known: Known): SharedUpload {
  const { id, name, fileSize, offset, state, startedAtMs, heardAtMs } = known;
  return {
    id,
    name,
    fileSize: fileSize ?? null,
    offset,
    state,
    startedAt: time(startedAtMs),
    heardAt: time(heardAtMs),
  };
}

function time(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
