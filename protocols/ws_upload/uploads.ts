import { relative } from "@std/path";
import { crc32 } from "node:zlib";
import type { CompletedUpload } from "../../store/completed_log.ts";
import { DigestMismatchError } from "../../store/part_file.ts";
import { safeRelativePath } from "../../store/safe_name.ts";
import type { UploadRecord, UploadStore } from "../../store/upload_store.ts";
import { Admission, type AdmissionLimits, type Reservation } from "./admission.ts";
import { type ClientMessage, decodeChunk, type StartMessage } from "./client_messages.ts";
import { failure, publicReason } from "./failure.ts";
import type { Frame } from "./frames.ts";
import { type Peer, Receiving, type ReceivingHooks } from "./receiving.ts";
import { claimOf, hashToken, newResumeToken } from "./resume_token.ts";
import { completedAck, startAck } from "./start_ack.ts";
import { CLOSE_TAKEN_OVER, DIGEST_MISMATCH, NOT_YOURS, type ServerMessage } from "./server_messages.ts";
import type { UploadEvent } from "./upload_event.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { ConnectionId, Mode, SessionRequest, SessionState, UploadSession } from "./upload_session.ts";

/** Options of {@linkcode Uploads}. */
export interface UploadsOptions extends AdmissionLimits {
  readonly store: UploadStore;
  /** Replace a file that has an upload's name, instead of numbering the new one. */
  readonly overwrite: boolean;
  readonly onEvent: (event: UploadEvent) => void;
  readonly metrics?: UploadMetrics | undefined;
}

/** An upload that is not complete, for whoever may see it. */
export interface ListedUpload {
  /** The key to it: not to be shown. */
  readonly fileId: string;
  readonly name: string;
  readonly fileSize: number | undefined;
  /** Bytes stored. */
  readonly offset: number;
  readonly state: SessionState["kind"];
}

/** The most that a client of the extension may have under way, and its longest frame, in bytes. */
const WINDOW_BYTES = 32 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** With many uploads at a time frames are shorter: of each connection one may be in memory in part. */
const CROWD = 32;
const CROWD_CHUNK_BYTES = 256 * 1024;

/** A client, and what its connection has said so far. */
interface Client {
  readonly peer: Peer;
  /** Keys of uploads by the number that frames name them by. */
  readonly sessions: Map<number, string>;
  /** Completed uploads whose answer this client may have again. */
  readonly repeats: Set<string>;
}

/**
 * All uploads of one directory: carries out what their sessions decide. Requests for one upload are
 * worked off one after another, whichever connections they come from.
 */
export class Uploads {
  readonly #uploads = new Map<string, Receiving>();
  readonly #clients = new Map<ConnectionId, Client>();
  /** The last request under way for each key. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #options: UploadsOptions;
  readonly #hooks: ReceivingHooks;
  readonly #admission: Admission;
  #lastConnection = 0;
  #lastSession = 0;

  private constructor(options: UploadsOptions) {
    this.#options = options;
    this.#admission = new Admission(options, {
      uploads: () => this.#sessions(),
      onRefused: (reason) => options.metrics?.rejected(reason).increment(),
    });
    this.#hooks = {
      peerOf: (connection) => this.#clients.get(connection)?.peer,
      onSyncFailed: (upload, error) => this.#reportFailure(upload.record, error),
      onProgress: (upload) => this.#tell("progress", upload),
      metrics: options.metrics,
    };
  }

  /** Takes up the uploads that an earlier process left in the directory. */
  static async open(options: UploadsOptions): Promise<Uploads> {
    const { store, onEvent } = options;
    const uploads = new Uploads(options);
    uploads.#admission.usedBytes = await store.usedBytes();
    const onUnusable = (path: string, reason: string) => onEvent({ type: "unusable", path, reason });
    for (const { part, mtimeMs, ...record } of await store.load({ nowMs: Date.now(), onUnusable })) {
      const twin = uploads.#uploads.get(record.fileId);
      if (twin !== undefined) onUnusable(part.path, `"${twin.part.path}" is of the same upload`);
      else {
        uploads.#uploads.set(
          record.fileId,
          new Receiving({ record, part, lastSeenMs: mtimeMs }, uploads.#hooks),
        );
      }
    }
    return uploads;
  }

  /** Uploads that belong to a connection. */
  get openSessions(): number {
    return this.#admission.openSessions;
  }

  /** All uploads that are not complete. */
  *list(): Generator<ListedUpload> {
    for (const [fileId, { session, record }] of this.#uploads) {
      const { fileSize, length: offset, state } = session;
      yield { fileId, name: record.name, fileSize, offset, state: state.kind };
    }
  }

  /** Takes up a client. Its connection has to be ended by {@linkcode disconnected}. */
  connect(peer: Peer): ConnectionId {
    const id = ++this.#lastConnection;
    this.#clients.set(id, { peer, sessions: new Map(), repeats: new Set() });
    return id;
  }

  /** Carries out a client's message and answers it. Never throws. */
  handle(message: ClientMessage, from: ConnectionId): Promise<void> {
    const { fileId } = message;
    return this.#inTurn(fileId, from, async (client) => {
      const upload = this.#uploads.get(fileId);
      if (message.action === "start") return await this.#start(message, from, upload);
      if (upload === undefined) return await this.#handleUnknown(message, client);
      const isStranger = upload.record.tokenHash !== undefined && upload.session.owner !== from;
      if (isStranger) return client.peer.send(failure(fileId, NOT_YOURS));
      // What belongs to nobody becomes this connection's, and is one more that is open.
      const opensOne = upload.session.owner === undefined && message.action !== "stop";
      const refusal = opensOne ? this.#admission.refuseSession() : undefined;
      if (refusal !== undefined) return client.peer.send(failure(fileId, refusal));
      if (message.action !== "chunk") return await this.#carryOut(upload, message, from);
      const bytes = decodeChunk(message.data);
      if (bytes === undefined) return client.peer.send(failure(fileId, "data: not valid base64"));
      await this.#carryOut(upload, { action: "chunk", offset: message.offset, bytes }, from);
    });
  }

  /** Carries out a frame. Never throws. */
  async frame(frame: Frame, from: ConnectionId): Promise<void> {
    const fileId = this.#clients.get(from)?.sessions.get(frame.session);
    // Of an upload that is over, or was taken over: late, and nothing to say about it.
    if (fileId === undefined) return;
    await this.#inTurn(fileId, from, async () => {
      const upload = this.#uploads.get(fileId);
      // A frame is no claim to what belongs to nobody, or to another client by now.
      if (upload === undefined || upload.session.owner !== from) return;
      const { offset, payload: bytes } = frame;
      const isIntact = frame.crc32 === undefined || frame.crc32 === crc32(bytes);
      if (!isIntact) this.#options.metrics?.crcFailures.increment();
      await this.#carryOut(upload, { action: "frame", offset, bytes, isIntact }, from);
    });
  }

  /** A connection is gone: its uploads are synced and wait for their clients to come back. */
  async disconnected(connection: ConnectionId): Promise<void> {
    const owned = [...this.#uploads].filter(([, { session }]) => session.owner === connection);
    await Promise.all(owned.map(([fileId, upload]) => {
      return this.#inTurn(fileId, connection, () => this.#release(upload, connection));
    }));
    this.#clients.delete(connection);
  }

  /** Deletes the parts whose clients have not been there since. Never one that is in use. */
  async expire(lastSeenBeforeMs: number): Promise<void> {
    for (const [fileId, upload] of [...this.#uploads]) {
      await this.#inTurn(fileId, undefined, async () => {
        const isStale = upload.session.owner === undefined && upload.lastSeenMs < lastSeenBeforeMs;
        if (!isStale || this.#uploads.get(fileId) !== upload) return;
        await this.#discard(upload);
        this.#options.onEvent({ type: "expired", fileId, name: upload.record.name });
      });
    }
  }

  async #start(message: StartMessage, from: ConnectionId, existing: Receiving | undefined): Promise<void> {
    const { fileId, ext } = message;
    const client = this.#clients.get(from);
    if (client === undefined) return;
    const claim = claimOf(ext?.resumeToken, existing?.record.tokenHash);
    // Before anything that tells of its state, if only by how long it takes.
    if (claim === "stranger") return client.peer.send(failure(fileId, NOT_YOURS));
    const owner = existing?.session.owner;
    if (existing !== undefined && owner !== undefined) {
      const holder = this.#clients.get(owner);
      const isStartedOver = claim === "owner" && existing.session.fileSize !== sizeOf(message);
      if (isStartedOver && owner !== from) this.#evict(owner, fileId);
      if (isStartedOver || holder?.peer.isOpen !== true) await this.#release(existing, owner);
      else existing.session.heard(owner, holder.peer.heardAtMs);
    }
    const completed = existing === undefined && ext !== undefined
      ? await this.#findCompleted(message)
      : undefined;
    if (completed !== undefined) return this.#repeatStart(message, completed, client);
    // One that is open has its bytes reserved already.
    const isOpen = existing?.session.owner !== undefined;
    const neededBytes = isOpen ? 0 : Math.max(0, message.fileSize - (existing?.session.length ?? 0));
    const { fileSize } = message;
    const refusal = isOpen
      ? undefined
      : this.#admission.refuseStart({ fileSize, neededBytes, isNew: existing === undefined });
    if (refusal !== undefined) return client.peer.send(failure(fileId, refusal));
    using reservation = isOpen ? undefined : this.#admission.reserve(neededBytes);
    await this.#admit({ message, existing, reservation }, from, client);
  }

  async #admit(
    { message, existing: found, reservation }: {
      readonly message: StartMessage;
      readonly existing: Receiving | undefined;
      /** `undefined`: it is open, and its bytes are counted. */
      readonly reservation: Reservation | undefined;
    },
    from: ConnectionId,
    client: Client,
  ): Promise<void> {
    const { fileId, ext } = message;
    const refusal = this.#admission.refuseSpace(
      reservation?.neededBytes ?? 0,
      await this.#options.store.freeBytes(),
    );
    if (refusal !== undefined) return client.peer.send(failure(fileId, refusal));
    const existing = await this.#usable(found, message);
    const token = ext === undefined ? undefined : ext.resumeToken ?? newResumeToken();
    const upload = existing ?? await this.#create(message, token);
    if (upload === undefined) {
      return client.peer.send(failure(fileId, "fileName: nothing in it can be used as a name"));
    }
    await this.#recover(upload);
    const claim = claimOf(token, upload.record.tokenHash);
    const mode = ext === undefined ? { kind: "plain" } as const : this.#newMode();
    const request = { action: "start", fileSize: sizeOf(message), mode, claim } as const;
    const step = upload.session.request(request, from, performance.now());
    if (step.type === "reply") return client.peer.send(step.message);
    if (step.type !== "started") return;
    // From here on it counts as a session.
    reservation?.[Symbol.dispose]();
    if (step.evicted !== undefined) this.#evict(step.evicted, fileId);
    if (token !== undefined && claim === "unowned") {
      await this.#options.store.own(upload.part, hashToken(token));
      upload.own(hashToken(token));
    }
    forgetFrames(client, fileId);
    if (mode.kind === "extended") client.sessions.set(mode.session, fileId);
    client.peer.send(startAck(upload, mode, token));
    this.#options.onEvent({
      type: existing === undefined ? "started" : "resumed",
      fileId,
      name: upload.record.name,
      offset: upload.part.length,
      fileSize: upload.session.fileSize,
    });
  }

  /** An upload that can be continued: not one whose part a person removed, nor one of another size. */
  async #usable(found: Receiving | undefined, message: StartMessage): Promise<Receiving | undefined> {
    if (found === undefined || found.session.owner !== undefined) return found;
    if (!await this.#options.store.hasPart(found.part)) {
      await this.#discard(found);
      return undefined;
    }
    // Its owner says that the file has changed. A plain client is told, as nothing shows that it owns it.
    const isChanged = found.session.fileSize !== sizeOf(message);
    if (!isChanged || claimOf(message.ext?.resumeToken, found.record.tokenHash) !== "owner") return found;
    await this.#discard(found);
    return undefined;
  }

  *#sessions(): Generator<UploadSession> {
    for (const { session } of this.#uploads.values()) yield session;
  }

  async #create(message: StartMessage, token: string | undefined): Promise<Receiving | undefined> {
    const name = safeRelativePath(message.fileName);
    if (name === undefined) return undefined;
    const { fileId } = message;
    const tokenHash = token === undefined ? undefined : hashToken(token);
    const record: UploadRecord = { fileId, name, fileSize: sizeOf(message), tokenHash };
    const part = await this.#options.store.create(record);
    const upload = new Receiving({ record, part, lastSeenMs: Date.now() }, this.#hooks);
    this.#uploads.set(fileId, upload);
    return upload;
  }

  #newMode(): Mode {
    const chunkBytes = this.openSessions >= CROWD ? CROWD_CHUNK_BYTES : CHUNK_BYTES;
    this.#lastSession = (this.#lastSession + 1) % 2 ** 32;
    return { kind: "extended", session: this.#lastSession, chunkBytes, windowBytes: WINDOW_BYTES };
  }

  /** An upload of this key and size that is complete and still in its place. */
  async #findCompleted(message: StartMessage): Promise<CompletedUpload | undefined> {
    const { store } = this.#options;
    const found = store.completed.find(message.fileId, Date.now());
    if (found === undefined) return undefined;
    // A client that never knew the size is known by its token.
    const isSame = message.fileSize === found.fileSize ||
      message.fileSize === -1 && claimOf(message.ext?.resumeToken, found.tokenHash) === "owner";
    if (!isSame) return undefined;
    return await store.isInPlace(found) ? found : undefined;
  }

  #repeatStart(message: StartMessage, completed: CompletedUpload, client: Client): void {
    const { fileId, ext } = message;
    if (claimOf(ext?.resumeToken, completed.tokenHash) === "stranger") {
      return client.peer.send(failure(fileId, NOT_YOURS));
    }
    client.repeats.add(fileId);
    const limits = { session: 0, chunkBytes: CHUNK_BYTES, windowBytes: WINDOW_BYTES };
    const resumeToken = ext?.resumeToken ?? newResumeToken();
    client.peer.send(completedAck(completed, { ...limits, resumeToken }));
  }

  /** A message about an upload that is not there: it may have been completed. */
  async #handleUnknown(message: ClientMessage, client: Client): Promise<void> {
    const { fileId, action } = message;
    const { completed } = this.#options.store;
    const found = completed.find(fileId, Date.now());
    const isAllowed = found !== undefined && (found.tokenHash === undefined || client.repeats.has(fileId));
    if (found === undefined || !isAllowed || (action !== "complete" && action !== "stop")) {
      return client.peer.send(failure(fileId, NOT_STARTED));
    }
    if (action === "stop") {
      // The file is another one by now; this one stays where it is, and no answer is owed for it any more.
      await completed.forget(fileId);
      client.repeats.delete(fileId);
      return client.peer.send({ event: "stop-ack", fileId });
    }
    const isSame = message.action !== "complete" || message.sha256 === undefined ||
      message.sha256 === found.sha256;
    if (!isSame) return client.peer.send(failure(fileId, DIGEST_MISMATCH));
    // A person may have removed it since: nobody is told that it is there.
    if (!await this.#options.store.isInPlace(found)) return client.peer.send(failure(fileId, NOT_STARTED));
    client.peer.send({ event: "complete-ack", fileId, filePath: found.path });
  }

  async #carryOut(upload: Receiving, request: SessionRequest, from: ConnectionId): Promise<void> {
    const { session, record } = upload;
    const peer = this.#clients.get(from)?.peer;
    await this.#recover(upload);
    const step = session.request(request, from, performance.now());
    switch (step.type) {
      case "reply":
        this.#observe(step.message, upload);
        return peer?.send(step.message);
      case "close":
        return peer?.close(step.code, step.reason);
      case "append": {
        const refusal = this.#admission.refuseGrowth(session, step.bytes.length);
        if (refusal !== undefined) return peer?.send(failure(record.fileId, refusal));
        await upload.append(step.bytes);
        this.#admission.usedBytes += step.bytes.length;
        return;
      }
      case "release":
        // Also of what a client has stopped and means to come back to.
        upload.lastSeenMs = Date.now();
        await upload.close();
        this.#observe(step.message, upload);
        return peer?.send(step.message);
      case "discard":
        await this.#discard(upload);
        this.#options.onEvent({ type: "deleted", fileId: record.fileId, name: record.name });
        return peer?.send(step.message);
      case "publish":
        return await this.#publish(upload, step, peer);
      case "drop":
      case "started":
        return;
    }
  }

  async #publish(
    upload: Receiving,
    announced: { readonly sha256: string | undefined; readonly mtimeMs: number | undefined },
    peer: Peer | undefined,
  ): Promise<void> {
    const { record, part } = upload;
    const { overwrite, store, onEvent } = this.#options;
    const startedMs = performance.now();
    await upload.close();
    const { path, fileSize, replacedBytes } = await store.publish({ ...record, part }, {
      ...announced,
      overwrite,
      nowMs: Date.now(),
    });
    this.#admission.usedBytes -= replacedBytes;
    this.#uploads.delete(record.fileId);
    await part.forget();
    this.#options.metrics?.publishSeconds.observe((performance.now() - startedMs) / 1000);
    const name = relative(store.root, path);
    onEvent({ type: "completed", fileId: record.fileId, name, path, bytes: fileSize });
    peer?.send({ event: "complete-ack", fileId: record.fileId, filePath: path });
  }

  /** Makes a part usable again, and counts what it lost. */
  async #recover(upload: Receiving): Promise<void> {
    const before = upload.part.length;
    await upload.recover();
    this.#admission.usedBytes += upload.part.length - before;
  }

  async #discard(upload: Receiving): Promise<void> {
    this.#uploads.delete(upload.record.fileId);
    upload.stopTimers();
    this.#admission.usedBytes -= upload.part.length;
    await upload.part.discard();
  }

  /** Its owner is gone: what was stored is made durable, and anybody entitled may go on. */
  async #release(upload: Receiving, connection: ConnectionId): Promise<void> {
    if (!upload.session.disconnected(connection)) return;
    upload.lastSeenMs = Date.now();
    this.#tell("interrupted", upload);
    try {
      await upload.close();
    } catch (error) {
      this.#reportFailure(upload.record, error);
    }
  }

  /** Tells what a message to a client means for who watches. */
  #observe(message: ServerMessage, upload: Receiving): void {
    if (message.event === "offset-mismatch") this.#options.metrics?.offsetMismatches.increment();
    const type = OBSERVED.get(message.event);
    if (type !== undefined) this.#tell(type, upload);
  }

  #tell(type: "progress" | "paused" | "unpaused" | "interrupted", { record, session }: Receiving): void {
    const { fileId, name } = record;
    this.#options.onEvent({ type, fileId, name, offset: session.length, fileSize: session.fileSize });
  }

  /** A connection has lost an upload to another one of the same client: there is nothing left to say on it. */
  #evict(connection: ConnectionId, fileId: string): void {
    const client = this.#clients.get(connection);
    if (client !== undefined) forgetFrames(client, fileId);
    client?.peer.close(CLOSE_TAKEN_OVER, "Upload was taken over by another connection");
  }

  #reportFailure({ fileId, name }: { readonly fileId: string; readonly name: string }, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.onEvent({ type: "failed", fileId, name, reason });
  }

  /** Runs a task for an upload after all earlier ones. What it throws is reported and answered. */
  #inTurn(
    fileId: string,
    from: ConnectionId | undefined,
    task: (client: Client) => Promise<void>,
  ): Promise<void> {
    const client = from === undefined ? undefined : this.#clients.get(from);
    const turn = (this.#tails.get(fileId) ?? Promise.resolve()).then(async () => {
      try {
        await task(client ?? NOBODY);
      } catch (error) {
        const upload = this.#uploads.get(fileId);
        upload?.session.rolledBack(upload.part.length);
        if (error instanceof DigestMismatchError) this.#options.metrics?.digestMismatches.increment();
        this.#reportFailure(upload?.record ?? { fileId, name: fileId }, error);
        client?.peer.send(failure(fileId, publicReason(error)));
      }
    }).finally(() => {
      if (this.#tails.get(fileId) === turn) this.#tails.delete(fileId);
    });
    this.#tails.set(fileId, turn);
    return turn;
  }
}

/** What has happened to an upload that is still there after an answer. */
const OBSERVED = new Map<ServerMessage["event"], "paused" | "unpaused" | "interrupted">([
  ["pause-ack", "paused"],
  ["resume-ack", "unpaused"],
  ["stop-ack", "interrupted"],
]);

const NOT_STARTED = "Unknown fileId: start the upload first";

/** Who asks when it is the server itself. */
const NOBODY: Client = {
  peer: { send: () => {}, close: () => {}, isOpen: false, heardAtMs: 0 },
  sessions: new Map(),
  repeats: new Set(),
};

/** Frames of an upload are late from here on; a client may start any number of uploads. */
function forgetFrames({ sessions }: Client, fileId: string): void {
  for (const [session, id] of sessions) if (id === fileId) sessions.delete(session);
}

function sizeOf({ fileSize }: StartMessage): number | undefined {
  return fileSize === -1 ? undefined : fileSize;
}
