import { OPCODE } from "../../net/web_socket_frames.ts";

export { OPCODE };

/** A frame as a client sends it (RFC 6455 section 5.2); `head` overrides its first two bytes by bits to set or flip. */
export function clientFrame(
  opcode: number,
  payload: Uint8Array,
  options: { readonly isFinal?: boolean; readonly reserved?: number; readonly isMasked?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const { isFinal = true, reserved = 0, isMasked = true } = options;
  const { length } = payload;
  const lengthBytes = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const headBytes = 2 + lengthBytes + (isMasked ? 4 : 0);
  const frame = new Uint8Array(headBytes + length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, (isFinal ? 0x80 : 0) | reserved | opcode);
  view.setUint8(1, (isMasked ? 0x80 : 0) | (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length));
  if (lengthBytes === 2) view.setUint16(2, length);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  if (!isMasked) {
    frame.set(payload, headBytes);
    return frame;
  }
  const mask = frame.subarray(headBytes - 4, headBytes);
  crypto.getRandomValues(mask);
  for (let i = 0; i < length; i++) frame[headBytes + i] = (payload[i] ?? 0) ^ (mask[i % 4] ?? 0);
  return frame;
}

/** Bytes one after another. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
