/**
 * Binary frames of extension 1. The header, in network byte order: u8 type, u8 version, u16 flags, u32
 * session, u64 offset, u32 length, u32 CRC-32 of the payload; then the payload. Also loaded by the page,
 * so it imports nothing.
 */

/** Bytes before the payload. */
export const FRAME_HEADER_BYTES = 24;
const TYPE_DATA = 1;
const VERSION = 1;
const FLAG_CRC = 1;

/** A frame's header, with its payload apart. */
export interface FrameHeader {
  /** The number that the server gave the upload on this connection. */
  readonly session: number;
  /** Where in the file the payload begins. */
  readonly offset: number;
}

/** A frame as it arrived. */
export interface Frame extends FrameHeader {
  /** Shares the memory of the message it came in. */
  readonly payload: Uint8Array;
  /** CRC-32 of the payload as its sender computed it, if it did. */
  readonly crc32: number | undefined;
}

/**
 * A frame made where its payload lies: it has {@linkcode FRAME_HEADER_BYTES} to spare before it in its
 * buffer.
 *
 * @param crc32 The payload's CRC-32 (IEEE 802.3); without it the frame carries none.
 */
export function encodeFrameInPlace(
  { session, offset }: FrameHeader,
  payload: Uint8Array<ArrayBuffer>,
  crc32?: number,
): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = payload;
  if (byteOffset < FRAME_HEADER_BYTES) {
    throw new RangeError(`A header needs ${FRAME_HEADER_BYTES} bytes before it, not ${byteOffset}`);
  }
  const frame = new Uint8Array(buffer, byteOffset - FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length);
  writeHeader(frame, { session, offset, length, crc32 });
  return frame;
}

function writeHeader(
  frame: Uint8Array<ArrayBuffer>,
  { session, offset, length, crc32 }: FrameHeader & {
    readonly length: number;
    readonly crc32: number | undefined;
  },
): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  view.setUint8(0, TYPE_DATA);
  view.setUint8(1, VERSION);
  view.setUint16(2, crc32 === undefined ? 0 : FLAG_CRC);
  view.setUint32(4, session);
  view.setBigUint64(8, BigInt(offset));
  view.setUint32(16, length);
  view.setUint32(20, crc32 ?? 0);
}

/** Reads a frame. @returns `undefined` when it is not one, or longer or shorter than it says. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < FRAME_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const offset = Number(view.getBigUint64(8));
  const isKnown = view.getUint8(0) === TYPE_DATA && view.getUint8(1) === VERSION &&
    (view.getUint16(2) & ~FLAG_CRC) === 0;
  if (!isKnown || !Number.isSafeInteger(offset)) return undefined;
  if (view.getUint32(16) !== bytes.length - FRAME_HEADER_BYTES) return undefined;
  return {
    session: view.getUint32(4),
    offset,
    payload: bytes.subarray(FRAME_HEADER_BYTES),
    crc32: (view.getUint16(2) & FLAG_CRC) === 0 ? undefined : view.getUint32(20),
  };
}
