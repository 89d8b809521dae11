/**
 * The frames of XFER/1. Header, in network byte order: u32 length of the payload, u8 type, u8 flags, u16
 * zero, u32 request; then the payload.
 */

import { BLOCK_BYTES } from "./blocks.ts";

/** Bytes before the payload. */
export const FRAME_HEADER_BYTES = 12;
/** Longest payload of any frame. */
export const MAX_PAYLOAD_BYTES = BLOCK_BYTES + 64;

/** Types of frames. */
export const FRAME = {
  auth: 1,
  list: 2,
  get: 3,
  data: 4,
  root: 5,
  error: 6,
  ping: 7,
  bye: 8,
} as const;
export type FrameType = typeof FRAME[keyof typeof FRAME];

/** Flag of the last frame of an answer. */
const FLAG_END = 1;

const KIB = 1024;
/** Paths as JSON: 4096 bytes, each of which may be escaped as six. */
const JSON_PATH_BYTES = 32 * KIB;

/** What each end may be sent, and the longest payload of it. All that is not named here is refused. */
const ALLOWED: Readonly<Record<Role, ReadonlyMap<number, number>>> = {
  client: new Map<FrameType, number>([
    [FRAME.auth, 32],
    [FRAME.list, JSON_PATH_BYTES],
    [FRAME.get, 16 + 4 * KIB],
    [FRAME.root, JSON_PATH_BYTES],
    [FRAME.ping, 64],
    [FRAME.bye, 0],
  ]),
  server: new Map<FrameType, number>([
    [FRAME.auth, 32],
    [FRAME.list, 64 * KIB],
    [FRAME.data, MAX_PAYLOAD_BYTES],
    [FRAME.root, JSON_PATH_BYTES],
    [FRAME.error, 4 * KIB],
    [FRAME.ping, 64],
    [FRAME.bye, 0],
  ]),
};

/** The end that sends. */
export type Role = "client" | "server";

/** The head of a frame. */
export interface FrameHead {
  readonly type: FrameType;
  /** Which request it is, or answers; 0: none. */
  readonly request: number;
  /** Whether it is the last one of an answer. */
  readonly isEnd: boolean;
  readonly payloadBytes: number;
}

/** A frame as it arrived. */
export interface Frame extends FrameHead {
  /** Shares the memory of its reader. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** The peer does not speak XFER/1, or breaks it: nothing more can be read of it. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Writes a frame's header where its payload begins {@linkcode FRAME_HEADER_BYTES} further on. */
export function writeFrameHead(
  target: Uint8Array,
  { type, request, isEnd, payloadBytes }: FrameHead,
): void {
  const view = new DataView(target.buffer, target.byteOffset, FRAME_HEADER_BYTES);
  view.setUint32(0, payloadBytes);
  view.setUint8(4, type);
  view.setUint8(5, isEnd ? FLAG_END : 0);
  view.setUint16(6, 0);
  view.setUint32(8, request);
}

/** A short frame in memory of its own. */
export function encodeFrame(
  head: Omit<FrameHead, "payloadBytes">,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHead(frame, { ...head, payloadBytes: payload.length });
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/**
 * Reads a frame's header.
 *
 * @param sender The end that it came from.
 * @returns `undefined`: more bytes are needed.
 * @throws {FrameError} It is none that this end may send.
 */
export function decodeFrameHead(bytes: Uint8Array, sender: Role): FrameHead | undefined {
  if (bytes.length < FRAME_HEADER_BYTES) return undefined;
  const [payloadBytes, type, flags] = [u32(bytes, 0), bytes[4] ?? 0, bytes[5] ?? 0];
  const maxBytes = ALLOWED[sender].get(type);
  if (!isFrameType(type) || maxBytes === undefined) {
    throw new FrameError(`A ${sender} may not send frames of type ${type}`);
  }
  if (payloadBytes > maxBytes) {
    throw new FrameError(`A frame of type ${type} has at most ${maxBytes} bytes, not ${payloadBytes}`);
  }
  if ((flags & ~FLAG_END) !== 0 || bytes[6] !== 0 || bytes[7] !== 0) {
    throw new FrameError("Bits of a frame's header are set that XFER/1 does not use");
  }
  return { type, request: u32(bytes, 8), isEnd: flags === FLAG_END, payloadBytes };
}

/** By hand: a view for each frame would be garbage. */
function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 2 ** 24 +
    ((bytes[at + 1] ?? 0) << 16 | (bytes[at + 2] ?? 0) << 8 | (bytes[at + 3] ?? 0));
}

function isFrameType(type: number): type is FrameType {
  return type >= FRAME.auth && type <= FRAME.bye;
}
