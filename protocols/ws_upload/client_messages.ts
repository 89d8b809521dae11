/** What a client of the plain upload protocol sends, and how the server reads it. */

import { z } from "zod";

/** Longest key under which a client may file an upload, and longest name, in UTF-16 units. */
const MAX_ID_LENGTH = 1024;
const MAX_NAME_LENGTH = 4096;

/** What a client offers of extension 1. One that is not understood is no offer: the client is plain. */
const extension = z.object({
  version: z.literal(1),
  binary: z.literal(true),
  crc32: z.boolean().default(false),
  /** At least 128 bits in base64url. */
  resumeToken: z.string().regex(/^[\w-]{22,128}$/).optional(),
}).optional().catch(undefined);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256 in lower-case hexadecimal");

const fileId = z.string().min(1).max(MAX_ID_LENGTH);
const byteCount = z.int().nonnegative();

const clientMessage = z.discriminatedUnion("action", [
  z.object({
    action: z.literal("start"),
    fileId,
    fileName: z.string().min(1).max(MAX_NAME_LENGTH),
    /** -1: the client will know at the end, and says so in `complete`. Only with the extension. */
    fileSize: z.int().min(-1),
    ext: extension,
  }).refine(({ fileSize, ext }) => fileSize >= 0 || ext !== undefined, {
    path: ["fileSize"],
    message: "Too small: expected number to be >=0",
  }),
  z.object({ action: z.literal("chunk"), fileId, offset: byteCount, data: z.string() }),
  z.object({ action: z.literal("pause"), fileId }),
  z.object({ action: z.literal("resume"), fileId }),
  z.object({ action: z.literal("stop"), fileId, delete: z.boolean().default(true) }),
  z.object({
    action: z.literal("complete"),
    fileId,
    sha256: sha256.optional(),
    fileSize: byteCount.optional(),
    /** When the file was last changed, in milliseconds since 1970. */
    mtime: z.number().min(0).max(8.64e15).optional(),
  }),
]);

/** A valid message from a client. Sizes and offsets are bytes; `data` is base64. */
export type ClientMessage = z.infer<typeof clientMessage>;
export type StartMessage = Extract<ClientMessage, { action: "start" }>;

/** Bytes of the file that is announced; `undefined`: its end will tell. */
export function sizeOf({ fileSize }: StartMessage): number | undefined {
  return fileSize === -1 ? undefined : fileSize;
}

/** A message that can't be acted upon. `fileId` is there when it could be read. */
export interface Rejected {
  readonly error: string;
  readonly fileId?: string;
}

/** Reads one message of a client. Fields that this version does not know are passed over. */
export function parseClientMessage(text: string): ClientMessage | Rejected {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "Message is not valid JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { error: "Message is not a JSON object" };
  }
  const parsed = clientMessage.safeParse(value);
  if (parsed.success) return parsed.data;
  const id = fileId.safeParse("fileId" in value ? value.fileId : undefined);
  const error = describe(parsed.error.issues);
  return id.success ? { error, fileId: id.data } : { error };
}

function describe(issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  if (issue === undefined || issue.path.length === 0) return "Message is not valid";
  if (issue.code === "invalid_union") return "Unknown action";
  return `${issue.path.join(".")}: ${issue.message}`;
}

/**
 * Decodes a chunk's data (RFC 4648 section 4; the padding may be left out).
 *
 * @returns The bytes, or `undefined` when it is not base64.
 */
export function decodeChunk(data: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(data);
  } catch {
    return undefined;
  }
}
