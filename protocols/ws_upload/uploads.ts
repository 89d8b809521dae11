import { crc32 } from "node:zlib";
import { type ClientMessage, decodeChunk } from "./client_messages.ts";
import { type Client, Clients, NOBODY } from "./clients.ts";
import { CompletedUploads } from "./completed_uploads.ts";
import { failure, publicReason } from "./failure.ts";
import type { Frame } from "./frames.ts";
import { HeldUploads, type HeldUploadsOptions, type ListedUpload } from "./held_uploads.ts";
import type { Peer, Receiving } from "./receiving.ts";
import { NOT_YOURS } from "./server_messages.ts";
import type { ConnectionId, SessionRequest } from "./session_state.ts";
import { UploadStarts } from "./upload_starts.ts";

/**
 * All uploads of one directory: carries out what their sessions decide. Requests for one upload are
 * worked off one after another, whichever connections they come from.
 */
export class Uploads {
  readonly #held: HeldUploads;
  readonly #clients: Clients;
  readonly #completed: CompletedUploads;
  readonly #starts: UploadStarts;
  /** The last request under way for each key. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #onEvent: HeldUploadsOptions["onEvent"];
  readonly #metrics: HeldUploadsOptions["metrics"];

  private constructor(options: HeldUploadsOptions, held: HeldUploads, clients: Clients) {
    this.#held = held;
    this.#clients = clients;
    this.#completed = new CompletedUploads(options.store);
    this.#starts = new UploadStarts({ ...options, held, clients, completed: this.#completed });
    this.#onEvent = options.onEvent;
    this.#metrics = options.metrics;
  }

  /** Takes up the uploads that an earlier process left in the directory. */
  static async open(options: HeldUploadsOptions): Promise<Uploads> {
    const clients = new Clients();
    const held = await HeldUploads.open(options, (connection) => clients.get(connection)?.peer);
    return new Uploads(options, held, clients);
  }

  /** Uploads that belong to a connection. */
  get openSessions(): number {
    return this.#held.admission.openSessions;
  }

  /** All uploads that are not complete. */
  list(): Iterable<ListedUpload> {
    return this.#held.list();
  }

  /** Takes up a client. Its connection has to be ended by {@linkcode disconnected}. */
  connect(peer: Peer): ConnectionId {
    return this.#clients.connect(peer);
  }

  /** Carries out a client's message and answers it. Never throws. */
  handle(message: ClientMessage, from: ConnectionId): Promise<void> {
    const { fileId } = message;
    return this.#inTurn(fileId, from, async (client) => {
      const upload = this.#held.get(fileId);
      if (message.action === "start") return await this.#starts.start(message, from);
      if (upload === undefined) return await this.#completed.answer(message, client);
      const isStranger = upload.record.tokenHash !== undefined && upload.session.owner !== from;
      if (isStranger) return client.peer.send(failure(fileId, NOT_YOURS));
      // What belongs to nobody becomes this connection's, and is one more that is open.
      const opensOne = upload.session.owner === undefined && message.action !== "stop";
      const refusal = opensOne ? this.#held.admission.refuseSession() : undefined;
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
      const upload = this.#held.get(fileId);
      // A frame is no claim to what belongs to nobody, or to another client by now.
      if (upload === undefined || upload.session.owner !== from) return;
      const { offset, payload: bytes } = frame;
      const isIntact = frame.crc32 === undefined || frame.crc32 === crc32(bytes);
      if (!isIntact) this.#metrics?.crcFailures.increment();
      await this.#carryOut(upload, { action: "frame", offset, bytes, isIntact }, from);
    });
  }

  /** A connection is gone: its uploads are synced and wait for their clients to come back. */
  async disconnected(connection: ConnectionId): Promise<void> {
    const owned = this.#held.all().filter(({ session }) => session.owner === connection);
    await Promise.all(owned.map((upload) => {
      return this.#inTurn(upload.record.fileId, connection, () => this.#held.release(upload, connection));
    }));
    this.#clients.forget(connection);
  }

  /** Deletes the parts whose clients have not been there since. Never one that is in use. */
  async expire(lastSeenBeforeMs: number): Promise<void> {
    for (const upload of this.#held.all()) {
      const { fileId } = upload.record;
      await this.#inTurn(fileId, undefined, async () => {
        const isStale = upload.session.owner === undefined && upload.lastSeenMs < lastSeenBeforeMs;
        if (!isStale || this.#held.get(fileId) !== upload) return;
        await this.#held.discard(upload);
        this.#onEvent({ type: "expired", fileId, name: upload.record.name });
      });
    }
  }

  async #carryOut(upload: Receiving, request: SessionRequest, from: ConnectionId): Promise<void> {
    const { session, record } = upload;
    const peer = this.#clients.get(from)?.peer;
    await this.#held.recover(upload);
    const step = session.request(request, from, performance.now());
    switch (step.type) {
      case "reply":
        this.#held.observe(step.message, upload);
        return peer?.send(step.message);
      case "close":
        return peer?.close(step.code, step.reason);
      case "append": {
        const refusal = this.#held.admission.refuseGrowth(session, step.bytes.length);
        if (refusal !== undefined) return peer?.send(failure(record.fileId, refusal));
        return await this.#held.append(upload, step.bytes);
      }
      case "release":
        // Also of what a client has stopped and means to come back to.
        await this.#held.close(upload);
        this.#held.observe(step.message, upload);
        return peer?.send(step.message);
      case "discard":
        await this.#held.discard(upload);
        this.#onEvent({ type: "deleted", fileId: record.fileId, name: record.name });
        return peer?.send(step.message);
      case "publish":
        return await this.#held.publish(upload, step, peer);
      case "drop":
      case "started":
        return;
    }
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
        this.#held.failed(fileId, error);
        client?.peer.send(failure(fileId, publicReason(error)));
      }
    }).finally(() => {
      if (this.#tails.get(fileId) === turn) this.#tails.delete(fileId);
    });
    this.#tails.set(fileId, turn);
    return turn;
  }
}
