import type { CompletedUpload } from "../../store/completed_log.ts";
import type { Receiving } from "./receiving.ts";
import type { ServerMessage } from "./server_messages.ts";
import type { Mode } from "./session_state.ts";

/** The most that a client of the extension may have under way, and its longest frame, in bytes. */
export const WINDOW_BYTES = 32 * 1024 * 1024;
export const CHUNK_BYTES = 1024 * 1024;

/** The answer to the start of an upload; with the extension it says what the client needs to go on. */
export function startAck(
  { part, record }: Receiving,
  mode: Mode,
  resumeToken: string | undefined,
): ServerMessage {
  const { fileId } = record;
  const plain = { event: "start-ack", fileId, offset: part.length, status: "active" } as const;
  if (mode.kind === "plain" || resumeToken === undefined) return plain;
  const { session, chunkBytes, windowBytes } = mode;
  const held = { durableOffset: part.durable, prefixSha256: part.sha256() };
  return { ...plain, ext: { version: 1, session, chunkBytes, windowBytes, resumeToken, ...held } };
}

/** The answer to the start of an upload that was completed: there is nothing left to send. */
export function completedAck(
  { fileId, fileSize, sha256 }: CompletedUpload,
  agreed: {
    readonly session: number;
    readonly chunkBytes: number;
    readonly windowBytes: number;
    readonly resumeToken: string;
  },
): ServerMessage {
  const held = { durableOffset: fileSize, prefixSha256: sha256 };
  return {
    event: "start-ack",
    fileId,
    offset: fileSize,
    status: "active",
    ext: { version: 1, ...agreed, ...held },
  };
}
