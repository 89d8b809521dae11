import { sizeOf, type StartMessage } from "./client_messages.ts";
import { type Client, type Clients, forgetFrames } from "./clients.ts";
import type { CompletedUploads } from "./completed_uploads.ts";
import { failure } from "./failure.ts";
import type { HeldUploads, HeldUploadsOptions } from "./held_uploads.ts";
import type { Reservation } from "./admission.ts";
import type { Receiving } from "./receiving.ts";
import { claimOf, hashToken, newResumeToken } from "./resume_token.ts";
import { NOT_YOURS } from "./server_messages.ts";
import { CHUNK_BYTES, startAck, WINDOW_BYTES } from "./start_ack.ts";
import type { ConnectionId, Mode } from "./session_state.ts";

/** With many uploads at a time frames are shorter: of each connection one may be in memory in part. */
const CROWD = 32;
const CROWD_CHUNK_BYTES = 256 * 1024;

/** What {@linkcode UploadStarts} works with. */
export interface UploadStartsOptions extends Pick<HeldUploadsOptions, "store" | "onEvent"> {
  readonly held: HeldUploads;
  readonly completed: CompletedUploads;
  readonly clients: Clients;
}

/** Lets clients start uploads, go on with them, and take them over. */
export class UploadStarts {
  readonly #options: UploadStartsOptions;
  #lastSession = 0;

  constructor(options: UploadStartsOptions) {
    this.#options = options;
  }

  /** Carries out a `start`, and answers it. */
  async start(message: StartMessage, from: ConnectionId): Promise<void> {
    const { fileId, ext } = message;
    const { held, completed, clients } = this.#options;
    const client = clients.get(from);
    if (client === undefined) return;
    const existing = held.get(fileId);
    const claim = claimOf(ext?.resumeToken, existing?.record.tokenHash);
    // Before anything that tells of its state, if only by how long it takes.
    if (claim === "stranger") return client.peer.send(failure(fileId, NOT_YOURS));
    const owner = existing?.session.owner;
    if (existing !== undefined && owner !== undefined) {
      const holder = clients.get(owner);
      const isStartedOver = claim === "owner" && existing.session.fileSize !== sizeOf(message);
      if (isStartedOver && owner !== from) clients.evict(owner, fileId);
      if (isStartedOver || holder?.peer.isOpen !== true) await held.release(existing, owner);
      else existing.session.heard(owner, holder.peer.heardAtMs);
    }
    const found = existing === undefined && ext !== undefined ? await completed.find(message) : undefined;
    if (found !== undefined) return completed.repeatStart(message, found, client);
    // One that is open has its bytes reserved already.
    const isOpen = existing?.session.owner !== undefined;
    const neededBytes = isOpen ? 0 : Math.max(0, message.fileSize - (existing?.session.length ?? 0));
    const { fileSize } = message;
    const refusal = isOpen
      ? undefined
      : held.admission.refuseStart({ fileSize, neededBytes, isNew: existing === undefined });
    if (refusal !== undefined) return client.peer.send(failure(fileId, refusal));
    using reservation = isOpen ? undefined : held.admission.reserve(neededBytes);
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
    const { held, clients, store, onEvent } = this.#options;
    const refusal = held.admission.refuseSpace(
      reservation?.neededBytes ?? 0,
      await store.freeBytes(),
    );
    if (refusal !== undefined) return client.peer.send(failure(fileId, refusal));
    const existing = await held.usable(found, message);
    const token = ext === undefined ? undefined : ext.resumeToken ?? newResumeToken();
    const upload = existing ?? await held.create(message, token);
    if (upload === undefined) {
      return client.peer.send(failure(fileId, "fileName: nothing in it can be used as a name"));
    }
    await held.recover(upload);
    const claim = claimOf(token, upload.record.tokenHash);
    const mode = ext === undefined ? { kind: "plain" } as const : this.#newMode();
    const request = { action: "start", fileSize: sizeOf(message), mode, claim } as const;
    const step = upload.session.request(request, from, performance.now());
    if (step.type === "reply") return client.peer.send(step.message);
    if (step.type !== "started") return;
    // From here on it counts as a session.
    reservation?.[Symbol.dispose]();
    if (step.evicted !== undefined) clients.evict(step.evicted, fileId);
    if (token !== undefined && claim === "unowned") {
      await store.own(upload.part, hashToken(token));
      upload.own(hashToken(token));
    }
    forgetFrames(client, fileId);
    if (mode.kind === "extended") client.sessions.set(mode.session, fileId);
    client.peer.send(startAck(upload, mode, token));
    onEvent({
      type: existing === undefined ? "started" : "resumed",
      fileId,
      name: upload.record.name,
      offset: upload.part.length,
      fileSize: upload.session.fileSize,
    });
  }

  #newMode(): Mode {
    const chunkBytes = this.#options.held.admission.openSessions >= CROWD ? CROWD_CHUNK_BYTES : CHUNK_BYTES;
    this.#lastSession = (this.#lastSession + 1) % 2 ** 32;
    return { kind: "extended", session: this.#lastSession, chunkBytes, windowBytes: WINDOW_BYTES };
  }
}
