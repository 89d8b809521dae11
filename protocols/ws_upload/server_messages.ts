/**
 * What an upload server sends, and how a client reads it. This module also runs in the browser, so it
 * imports nothing.
 */

/** What a server that speaks extension 1 adds to a `start-ack`. */
export interface StartExtension {
  readonly version: 1;
  /** Names the upload in the frames of this connection. */
  readonly session: number;
  /** The longest payload of a frame. */
  readonly chunkBytes: number;
  /** The most that may be under way without having been acknowledged. */
  readonly windowBytes: number;
  /** What a later `start` has to present. */
  readonly resumeToken: string;
  /** Bytes that a loss of power can't take. */
  readonly durableOffset: number;
  /** SHA-256 of the bytes [0, offset), in hexadecimal. */
  readonly prefixSha256: string;
}

/** A message from the server of the upload protocol. Sizes and offsets are bytes. */
export type ServerMessage =
  | {
    readonly event: "start-ack";
    readonly fileId: string;
    readonly offset: number;
    readonly status: "active";
    readonly ext?: StartExtension;
  }
  | {
    readonly event: "progress";
    readonly fileId: string;
    /** The upload's new length. */
    readonly offset: number;
    /** Length of the chunk just stored. */
    readonly receivedBytes: number;
    /** Share of the file stored, 0 to 100, rounded to two decimals. */
    readonly percent: number;
    /** With the extension: bytes that a loss of power can't take. */
    readonly durable?: number;
  }
  | {
    readonly event: "offset-mismatch";
    readonly fileId: string;
    readonly expected: number;
    readonly received: number;
  }
  | {
    readonly event: "paused" | "pause-ack" | "resume-ack";
    readonly fileId: string;
    readonly offset: number;
  }
  | { readonly event: "stop-ack"; readonly fileId: string }
  | {
    readonly event: "complete-ack";
    readonly fileId: string;
    /** Absolute path on the server. */
    readonly filePath: string;
  }
  | { readonly event: "error"; readonly fileId?: string; readonly error: string };

/** The refusal of anything asked of an upload that another client's token owns. */
export const NOT_YOURS = "Upload belongs to another client";
/** The refusal of a `complete` whose digest is not that of what arrived. */
export const DIGEST_MISMATCH = "SHA-256 of what arrived is another than announced: the part is kept";
/** Close codes of the WebSocket (RFC 6455 section 7.4), beyond the usual ones. */
export const CLOSE_TAKEN_OVER = 4409;

/** The refusal of a `start` while another live connection writes the same upload. */
export const IN_USE = "Upload is in use by another connection";

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/**
 * Reads one text message of a server. Only what a client acts upon is required, so that the many
 * small servers that add or leave out a field still work.
 *
 * @returns The message, or `undefined` when it is not one of this protocol (such a message is to be
 * ignored: a newer server may send events that this client does not know).
 */
export function parseServerMessage(text: string): ServerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Partial<Record<string, unknown>> = { ...value };
  const { event, fileId, offset, error } = fields;
  if (event === "error") {
    const reason = typeof error === "string" ? error : "The server gave no reason";
    return typeof fileId === "string" ? { event, fileId, error: reason } : { event, error: reason };
  }
  if (typeof fileId !== "string") return undefined;
  switch (event) {
    case "start-ack":
      if (!isOffset(offset)) return undefined;
      return { event, fileId, offset, status: "active", ...extensionOf(fields.ext) };
    case "progress":
      if (!isOffset(offset)) return undefined;
      return {
        event,
        fileId,
        offset,
        receivedBytes: isOffset(fields.receivedBytes) ? fields.receivedBytes : 0,
        percent: typeof fields.percent === "number" ? fields.percent : 0,
        ...(isOffset(fields.durable) ? { durable: fields.durable } : {}),
      };
    case "offset-mismatch": {
      const { expected, received } = fields;
      if (!isOffset(expected)) return undefined;
      return { event, fileId, expected, received: isOffset(received) ? received : 0 };
    }
    case "paused":
    case "pause-ack":
    case "resume-ack":
      return { event, fileId, offset: isOffset(offset) ? offset : 0 };
    case "stop-ack":
      return { event, fileId };
    case "complete-ack":
      return { event, fileId, filePath: typeof fields.filePath === "string" ? fields.filePath : "" };
    default:
      return undefined;
  }
}

/** An extension that is not whole is none: the server is then taken for a plain one. */
function extensionOf(value: unknown): { readonly ext?: StartExtension } {
  if (typeof value !== "object" || value === null) return {};
  const fields: Partial<Record<string, unknown>> = { ...value };
  const { session, chunkBytes, windowBytes, resumeToken, durableOffset, prefixSha256 } = fields;
  const isWhole = fields.version === 1 && isOffset(session) && isOffset(chunkBytes) && chunkBytes > 0 &&
    isOffset(windowBytes) && windowBytes >= chunkBytes && isOffset(durableOffset);
  if (!isWhole || typeof resumeToken !== "string" || typeof prefixSha256 !== "string") return {};
  return {
    ext: { version: 1, session, chunkBytes, windowBytes, resumeToken, durableOffset, prefixSha256 },
  };
}
