/** The mask of a client's WebSocket frames (RFC 6455 section 5.3). */

import { MASK_BYTES } from "./web_socket_frames.ts";

/** Below this many bytes, setting up words costs more than it brings. */
const SHORT_BYTES = 64;
const WORD_BYTES = 4;

/**
 * Applies a mask of four bytes to a payload, in place; a second time removes it. Any length and position in
 * memory will do: what lies between the first and the last word boundary is done a word at a time.
 */
export function applyMask(payload: Uint8Array, mask: Uint8Array): void {
  if (payload.length < SHORT_BYTES) return maskBytes(payload, mask, 0, payload.length);
  const start = (WORD_BYTES - payload.byteOffset % WORD_BYTES) % WORD_BYTES;
  const count = Math.floor((payload.length - start) / WORD_BYTES);
  const end = start + count * WORD_BYTES;
  maskBytes(payload, mask, 0, start);
  const turned = new Uint8Array(MASK_BYTES);
  for (let i = 0; i < MASK_BYTES; i++) turned[i] = mask[(start + i) % MASK_BYTES] ?? 0;
  const [key = 0] = new Int32Array(turned.buffer);
  maskWords(new Int32Array(payload.buffer, payload.byteOffset + start, count), key);
  maskBytes(payload, mask, end, payload.length);
}

function maskBytes(payload: Uint8Array, mask: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i % MASK_BYTES] ?? 0);
}

function maskWords(words: Int32Array, key: number): void {
  for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) ^ key;
}
