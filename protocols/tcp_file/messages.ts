/** What the frames of XFER/1 carry. Sizes, offsets and lengths are bytes, times whole milliseconds since 1970. */

import { z } from "zod";
import type { FileVersion } from "../../store/file_version.ts";
import { BLOCK_BYTES, DIGEST_BYTES, type Piece } from "./blocks.ts";
import { FRAME, FRAME_HEADER_BYTES, writeFrameHead } from "./frames.ts";
import { decodeText, isPath, MAX_PATH_BYTES, MessageError, parseJson } from "./payload_text.ts";

/** Why a request can't be answered, by its code in ERROR. */
export const ERROR_CODE = {
  badRequest: 1,
  notFound: 2,
  /** The file changed while it was read. */
  changed: 3,
  notAuthenticated: 4,
  tooMuch: 5,
  /** The file is there, and the system does not let the server read it. */
  unreadable: 6,
} as const;
export type ErrorCode = typeof ERROR_CODE[keyof typeof ERROR_CODE];

/** Longest text of an error, in UTF-16 units: three bytes each at most. */
const MAX_ERROR_LENGTH = 1000;
const PIECE_BYTES = 16;
/** What of DATA is before the bytes of the file. */
const DATA_FIELDS_BYTES = 24 + DIGEST_BYTES;
/** All that is before the bytes of the file in a DATA frame, its header included. */
export const DATA_HEAD_BYTES = FRAME_HEADER_BYTES + DATA_FIELDS_BYTES;

const encoder = new TextEncoder();

const path = z.string().refine(isPath, {
  message: `empty, or longer than ${MAX_PATH_BYTES} bytes`,
});
const bytes = z.int().nonnegative();
const listRequest = z.object({ path: z.string().default("") });
const rootRequest = z.object({ path, digest: z.boolean().default(false) });
const rootAnswer = z.object({
  path,
  size: bytes,
  mtimeMs: bytes,
  root: z.string().regex(/^[0-9a-f]{64}$/).optional(),
});

/** What is asked for; the path is "" for all. */
export type ListRequest = Readonly<z.infer<typeof listRequest>>;
/** Asks for size and time of a file, and with `digest` for its root. */
export type RootRequest = Readonly<z.infer<typeof rootRequest>>;
/** `root` as {@linkcode rootOf} gives it. */
export type RootAnswer = Readonly<z.infer<typeof rootAnswer>>;

/** Asks for bytes of a file. What is beyond its end is not given. */
export interface GetRequest extends Piece {
  readonly path: string;
}

/** What is told of the bytes in a DATA frame. */
export interface DataHead {
  readonly offset: number;
  /** The file that they are of, as it was before and after they were read. */
  readonly version: FileVersion;
  /** SHA-256 of the bytes. */
  readonly digest: Uint8Array;
}

/** Bytes of a file: at most one block. Shares the memory of its frame. */
export interface DataBlock extends DataHead {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Why a request was not answered. */
export interface Refusal {
  /** One of {@linkcode ERROR_CODE}, or one that is not known yet. */
  readonly code: number;
  readonly text: string;
}

export function encodeListRequest(request: ListRequest): Uint8Array<ArrayBuffer> {
  return encodeJson(request);
}

/** @throws {MessageError} */
export function decodeListRequest(payload: Uint8Array): ListRequest {
  const request = decodeJson(listRequest, payload);
  if (request.path !== "") checkPath(request.path);
  return request;
}

export function encodeGet({ path, offset, length }: GetRequest): Uint8Array<ArrayBuffer> {
  // Three bytes at most are of one UTF-16 unit.
  const payload = new Uint8Array(PIECE_BYTES + 3 * path.length);
  const view = viewOf(payload);
  setCount(view, 0, offset);
  setCount(view, 8, length);
  const { written } = encoder.encodeInto(path, payload.subarray(PIECE_BYTES));
  return payload.subarray(0, PIECE_BYTES + written);
}

/**
 * Numbers beyond 2^53 - 1 count as that: no file is so long.
 *
 * @throws {MessageError}
 */
export function decodeGet(payload: Uint8Array): GetRequest {
  if (payload.length <= PIECE_BYTES) throw new MessageError("GET names no file");
  const view = viewOf(payload);
  const path = decodeText(payload.subarray(PIECE_BYTES));
  checkPath(path);
  return { offset: clamped(countAt(view, 0)), length: clamped(countAt(view, 8)), path };
}

/**
 * Writes a DATA frame's header and fields where the bytes of the file begin {@linkcode DATA_HEAD_BYTES}
 * further on, so that they can be sent from where they were read to.
 */
export function writeDataHead(
  target: Uint8Array,
  { request, isEnd, length, offset, version, digest }: DataHead & {
    readonly request: number;
    readonly isEnd: boolean;
    /** How many bytes follow. */
    readonly length: number;
  },
): void {
  writeFrameHead(target, { type: FRAME.data, request, isEnd, payloadBytes: DATA_FIELDS_BYTES + length });
  const view = new DataView(target.buffer, target.byteOffset + FRAME_HEADER_BYTES, DATA_FIELDS_BYTES);
  setCount(view, 0, offset);
  setCount(view, 8, version.size);
  setCount(view, 16, version.mtimeMs);
  target.set(digest, FRAME_HEADER_BYTES + 24);
}

/**
 * Whether the bytes are what the digest says is for the caller to check.
 *
 * @throws {MessageError} Also when the bytes would be behind the end of the file.
 */
export function decodeData(payload: Uint8Array<ArrayBuffer>): DataBlock {
  if (payload.length < DATA_FIELDS_BYTES) throw new MessageError("DATA is too short for its fields");
  const view = viewOf(payload);
  const [offset, size, mtimeMs] = [exact(view, 0), exact(view, 8), exact(view, 16)];
  const bytes = payload.subarray(DATA_FIELDS_BYTES);
  if (bytes.length > BLOCK_BYTES || offset + bytes.length > size) {
    throw new MessageError(`DATA has ${bytes.length} bytes at ${offset} of a file of ${size}`);
  }
  return {
    offset,
    version: { size, mtimeMs },
    digest: payload.subarray(24, DATA_FIELDS_BYTES),
    bytes,
  };
}

export function encodeRootRequest(request: RootRequest): Uint8Array<ArrayBuffer> {
  return encodeJson(request);
}

/** @throws {MessageError} */
export function decodeRootRequest(payload: Uint8Array): RootRequest {
  const request = decodeJson(rootRequest, payload);
  checkPath(request.path);
  return request;
}

export function encodeRootAnswer(answer: RootAnswer): Uint8Array<ArrayBuffer> {
  return encodeJson(answer);
}

/** @throws {MessageError} */
export function decodeRootAnswer(payload: Uint8Array): RootAnswer {
  return decodeJson(rootAnswer, payload);
}

/** Too long a text is cut. */
export function encodeError({ code, text }: Refusal): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text.slice(0, MAX_ERROR_LENGTH));
  const payload = new Uint8Array(2 + bytes.length);
  new DataView(payload.buffer).setUint16(0, code);
  payload.set(bytes, 2);
  return payload;
}

/** @throws {MessageError} */
export function decodeError(payload: Uint8Array): Refusal {
  if (payload.length < 2) throw new MessageError("ERROR has no code");
  return { code: viewOf(payload).getUint16(0), text: decodeText(payload.subarray(2)) };
}

/**
 * Whether a path could be one of those that a server lists: it is only ever looked up among them, and this
 * keeps out what can't be there.
 */
export function isListable(path: string): boolean {
  const isClean = path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  return isClean && !path.includes("\0") && isPath(path);
}

function checkPath(path: string): void {
  if (isListable(path)) return;
  throw new MessageError(`A path is relative, without "." or "..", and at most ${MAX_PATH_BYTES} bytes`);
}

function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}

function decodeJson<T>(schema: z.ZodType<T>, payload: Uint8Array): T {
  const parsed = schema.safeParse(parseJson(payload));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MessageError(`A payload is not what it should be: ${issue?.path.join(".")}: ${issue?.message}`);
}

function viewOf(payload: Uint8Array): DataView {
  return new DataView(payload.buffer, payload.byteOffset, payload.length);
}

function exact(view: DataView, at: number): number {
  const value = countAt(view, at);
  if (!Number.isSafeInteger(value)) throw new MessageError(`${value} is beyond what a file can have`);
  return value;
}

function clamped(value: number): number {
  return Math.min(value, Number.MAX_SAFE_INTEGER);
}

/** Reads a u64, exactly up to 2^53. Without a BigInt, as each of them is garbage. */
function countAt(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

function setCount(view: DataView, at: number, count: number): void {
  view.setUint32(at, Math.floor(count / 2 ** 32));
  // Modulo 2^32.
  view.setUint32(at + 4, count);
}
