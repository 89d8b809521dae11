import type { CompletedUpload } from "../../store/completed_log.ts";
import type { UploadStore } from "../../store/upload_store.ts";
import type { ClientMessage, StartMessage } from "./client_messages.ts";
import type { Client } from "./clients.ts";
import { failure } from "./failure.ts";
import { claimOf, newResumeToken } from "./resume_token.ts";
import { DIGEST_MISMATCH, NOT_YOURS } from "./server_messages.ts";
import { CHUNK_BYTES, completedAck, WINDOW_BYTES } from "./start_ack.ts";

const NOT_STARTED = "Unknown fileId: start the upload first";

/** The uploads that are complete, to clients that may not know it yet: an answer can get lost. */
export class CompletedUploads {
  readonly #store: UploadStore;

  constructor(store: UploadStore) {
    this.#store = store;
  }

  /** An upload of this key and size that is complete and still in its place. */
  async find(message: StartMessage): Promise<CompletedUpload | undefined> {
    const store = this.#store;
    const found = store.completed.find(message.fileId, Date.now());
    if (found === undefined) return undefined;
    // A client that never knew the size is known by its token.
    const isSame = message.fileSize === found.fileSize ||
      message.fileSize === -1 && claimOf(message.ext?.resumeToken, found.tokenHash) === "owner";
    if (!isSame) return undefined;
    return await store.isInPlace(found) ? found : undefined;
  }

  /** Answers the start of one; the client may have its end once more, too. */
  repeatStart(message: StartMessage, completed: CompletedUpload, client: Client): void {
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
  async answer(message: ClientMessage, client: Client): Promise<void> {
    const { fileId, action } = message;
    const { completed } = this.#store;
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
    if (!await this.#store.isInPlace(found)) return client.peer.send(failure(fileId, NOT_STARTED));
    client.peer.send({ event: "complete-ack", fileId, filePath: found.path });
  }
}
