import { relative } from "@std/path";
import { safeRelativePath } from "../../store/safe_name.ts";
import type { PartFile } from "../../store/part_file.ts";
import type { UploadStore } from "../../store/upload_store.ts";
import { type ClientMessage, decodeChunk, type StartMessage } from "./client_messages.ts";
import type { ServerMessage } from "./server_messages.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import {
  type ConnectionId,
  type SessionRequest,
  type SessionState,
  UploadSession,
} from "./upload_session.ts";

/** Something that happened to an upload, for logs. */
export type UploadEvent =
  | {
    readonly type: "started" | "resumed";
    readonly fileId: string;
    readonly name: string;
    readonly offset: number;
    readonly fileSize: number;
  }
  | {
    /** `unpaused`: its client goes on after a pause. */
    readonly type: "progress" | "paused" | "unpaused" | "interrupted";
    readonly fileId: string;
    readonly name: string;
    readonly offset: number;
    readonly fileSize: number;
  }
  | {
    readonly type: "completed";
    readonly fileId: string;
    /** The path that it got, relative to the directory. */
    readonly name: string;
    readonly path: string;
    readonly bytes: number;
  }
  | { readonly type: "deleted"; readonly fileId: string; readonly name: string }
  | { readonly type: "failed"; readonly fileId: string; readonly name: string; readonly reason: string }
  | { readonly type: "unusable"; readonly path: string; readonly reason: string };

/** Options of {@linkcode Uploads}. */
export interface UploadsOptions {
  readonly store: UploadStore;
  /** Largest file accepted, in bytes. */
  readonly maxFileBytes: number;
  /** Most uploads that connections may have open at a time. */
  readonly maxSessions: number;
  /** Replace a file that has an upload's name, instead of numbering the new one. */
  readonly overwrite: boolean;
  /** Whether a connection can still send. One that is closing keeps nobody else from its uploads. */
  readonly isConnected: (connection: ConnectionId) => boolean;
  readonly onEvent: (event: UploadEvent) => void;
  readonly metrics?: UploadMetrics | undefined;
}

/** An upload that is not complete, for whoever may see it. */
export interface ListedUpload {
  /** The key to it: not to be shown. */
  readonly fileId: string;
  readonly name: string;
  readonly fileSize: number;
  /** Bytes stored. */
  readonly offset: number;
  readonly state: SessionState["kind"];
}

interface Upload {
  readonly session: UploadSession;
  readonly part: PartFile;
}

/**
 * All uploads of one directory: carries out what their sessions decide. Requests for one upload are
 * worked off one after another, whichever connections they come from.
 */
export class Uploads {
  readonly #uploads = new Map<string, Upload>();
  /** The last request under way for each key. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #options: UploadsOptions;

  private constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Takes up the uploads that an earlier process left in the directory. */
  static async open(options: UploadsOptions): Promise<Uploads> {
    const uploads = new Uploads(options);
    const onUnusable = (path: string, reason: string) => options.onEvent({ type: "unusable", path, reason });
    for (const { part, ...stored } of await options.store.load(onUnusable)) {
      const session = new UploadSession({ ...stored, length: part.length });
      const twin = uploads.#uploads.get(stored.fileId);
      if (twin === undefined) uploads.#uploads.set(stored.fileId, { session, part });
      else onUnusable(part.path, `"${twin.part.path}" is of the same upload`);
    }
    return uploads;
  }

  /** Uploads that belong to a connection. */
  get openSessions(): number {
    let count = 0;
    for (const { session } of this.#uploads.values()) if (session.owner !== undefined) count++;
    return count;
  }

  /** All uploads that are not complete. */
  *list(): Generator<ListedUpload> {
    for (const [fileId, { session, part }] of this.#uploads) {
      const { fileSize, length: offset, state } = session;
      yield { fileId, name: part.name, fileSize, offset, state: state.kind };
    }
  }

  /** Carries out a client's message and returns the answer. Never throws. */
  handle(message: ClientMessage, from: ConnectionId): Promise<ServerMessage> {
    const { fileId } = message;
    return this.#inTurn(fileId, async () => {
      try {
        return this.#observed(await this.#handle(message, from));
      } catch (error) {
        const upload = this.#uploads.get(fileId);
        upload?.session.rolledBack(upload.part.length);
        const name = upload?.part.name ?? message.fileId;
        this.#options.onEvent({ type: "failed", fileId, name, reason: describeError(error) });
        return failure(fileId, publicReason(error));
      }
    });
  }

  /** A connection is gone: its uploads are synced and wait for their clients to come back. */
  async disconnected(connection: ConnectionId): Promise<void> {
    const release = async (fileId: string) => {
      const upload = this.#uploads.get(fileId);
      if (upload !== undefined) await this.#release(upload, connection);
    };
    await Promise.all([...this.#uploads.keys()].map((key) => this.#inTurn(key, () => release(key))));
  }

  async #release({ session, part }: Upload, connection: ConnectionId): Promise<void> {
    if (!session.disconnected(connection)) return;
    const { fileId, fileSize } = session;
    this.#options.onEvent({ type: "interrupted", fileId, name: part.name, offset: part.length, fileSize });
    try {
      await this.#timed(part, () => part.close());
    } catch (error) {
      session.rolledBack(part.length);
      this.#options.onEvent({ type: "failed", fileId, name: part.name, reason: describeError(error) });
    }
  }

  async #handle(message: ClientMessage, from: ConnectionId): Promise<ServerMessage> {
    const { fileId } = message;
    const upload = this.#uploads.get(fileId);
    if (message.action === "start") return await this.#start(message, from, upload);
    if (upload === undefined) return failure(fileId, "Unknown fileId: start the upload first");
    if (message.action !== "chunk") return await this.#carryOut(upload, message, from);
    const bytes = decodeChunk(message.data);
    if (bytes === undefined) return failure(fileId, "data: not valid base64");
    return await this.#carryOut(upload, { action: "chunk", offset: message.offset, bytes }, from);
  }

  async #start(
    message: StartMessage,
    from: ConnectionId,
    existing: Upload | undefined,
  ): Promise<ServerMessage> {
    const { fileId, fileSize } = message;
    const owner = existing?.session.owner;
    if (existing !== undefined && owner !== undefined && !this.#options.isConnected(owner)) {
      await this.#release(existing, owner);
    }
    if (existing?.session.owner === undefined) {
      const refusal = await this.#refuseStart(fileSize, existing?.session.length ?? 0);
      if (refusal !== undefined) return failure(fileId, refusal);
    }
    const upload = existing ?? await this.#create(message);
    if (upload === undefined) return failure(fileId, "fileName: nothing in it can be used as a name");
    const answer = await this.#carryOut(upload, message, from);
    if (answer.event === "start-ack") {
      const type = existing === undefined ? "started" : "resumed";
      this.#options.onEvent({ type, fileId, name: upload.part.name, offset: answer.offset, fileSize });
    }
    return answer;
  }

  async #refuseStart(fileSize: number, stored: number): Promise<string | undefined> {
    const { maxFileBytes, maxSessions, store } = this.#options;
    const { metrics } = this.#options;
    if (fileSize > maxFileBytes) {
      metrics?.rejected("file_size").increment();
      return `File is too large: ${fileSize} bytes, at most ${maxFileBytes}`;
    }
    if (this.openSessions >= maxSessions) {
      metrics?.rejected("session_limit").increment();
      return `Too many uploads at a time: at most ${maxSessions}`;
    }
    const free = await store.freeBytes();
    if (fileSize - stored > free) {
      metrics?.rejected("disk_space").increment();
      return `No space left: ${fileSize - stored} bytes needed, ${free} free`;
    }
    return undefined;
  }

  async #create(message: StartMessage): Promise<Upload | undefined> {
    const { fileId, fileSize } = message;
    const name = safeRelativePath(message.fileName);
    if (name === undefined) return undefined;
    const part = await this.#options.store.create({ fileId, name, fileSize });
    const upload = { session: new UploadSession({ fileId, fileSize, length: 0 }), part };
    this.#uploads.set(fileId, upload);
    return upload;
  }

  async #carryOut(upload: Upload, request: SessionRequest, from: ConnectionId): Promise<ServerMessage> {
    const { session, part } = upload;
    const { fileId } = session;
    const step = session.request(request, from, performance.now());
    switch (step.type) {
      case "reply":
        return step.message;
      case "append":
        await part.append(step.bytes);
        await this.#timed(part, () => part.checkpoint());
        return session.appended(step.bytes.length);
      case "release":
        await this.#timed(part, () => part.close());
        return step.message;
      case "discard":
        this.#uploads.delete(fileId);
        await part.discard();
        this.#options.onEvent({ type: "deleted", fileId, name: part.name });
        return step.message;
      case "publish": {
        const path = await this.#published(part);
        this.#uploads.delete(fileId);
        const name = relative(this.#options.store.root, path);
        this.#options.onEvent({ type: "completed", fileId, name, path, bytes: session.fileSize });
        return { event: "complete-ack", fileId, filePath: path };
      }
    }
  }

  async #published(part: PartFile): Promise<string> {
    const startedMs = performance.now();
    await this.#timed(part, () => part.close());
    const path = await part.publish(this.#options.overwrite);
    this.#options.metrics?.publishSeconds.observe((performance.now() - startedMs) / 1000);
    return path;
  }

  /** Does what may sync a part, and measures the sync if there was one. */
  async #timed(part: PartFile, sync: () => Promise<void>): Promise<void> {
    const before = part.syncedLength;
    const startedMs = performance.now();
    await sync();
    const durable = part.syncedLength - before;
    if (durable <= 0) return;
    this.#options.metrics?.fsyncSeconds.observe((performance.now() - startedMs) / 1000);
    this.#options.metrics?.durableBytes.increment(durable);
  }

  /** Tells what an answer means for who watches. */
  #observed(answer: ServerMessage): ServerMessage {
    const { metrics, onEvent } = this.#options;
    if (answer.event === "progress") metrics?.receivedBytes.increment(answer.receivedBytes);
    if (answer.event === "offset-mismatch") metrics?.offsetMismatches.increment();
    const type = OBSERVED.get(answer.event);
    const upload = answer.fileId === undefined ? undefined : this.#uploads.get(answer.fileId);
    if (type !== undefined && upload !== undefined) {
      const { fileId, fileSize, length: offset } = upload.session;
      onEvent({ type, fileId, name: upload.part.name, offset, fileSize });
    }
    return answer;
  }

  async #inTurn<T>(key: string, task: () => Promise<T>): Promise<T> {
    const turn = (this.#tails.get(key) ?? Promise.resolve()).then(task);
    const tail = turn.catch(() => {});
    this.#tails.set(key, tail);
    try {
      return await turn;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

/** What has happened to an upload that is still there after an answer. */
const OBSERVED = new Map<ServerMessage["event"], "progress" | "paused" | "unpaused" | "interrupted">([
  ["progress", "progress"],
  ["pause-ack", "paused"],
  ["resume-ack", "unpaused"],
  ["stop-ack", "interrupted"],
]);

function failure(fileId: string, error: string): ServerMessage {
  return { event: "error", fileId, error };
}

/** What a client may know of a failure: no paths of this machine. */
function publicReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return "No space left on the server's disk";
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return "The server may not write to its directory";
    case "ENOENT":
      return "The stored part is gone: stop the upload and start it again";
    case "ENOTDIR":
      return "A folder of this name can't be made: the name is taken by a file";
    default:
      return "The server could not store the data";
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
