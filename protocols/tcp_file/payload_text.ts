/** Texts in the payloads of frames. */

import { Buffer } from "node:buffer";

/** A payload that is not what its type of frame carries. The frames that follow can be read. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

/** Longest path, in bytes of UTF-8. */
export const MAX_PATH_BYTES = 4096;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws {MessageError} It is not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new MessageError("A text is not UTF-8", { cause });
  }
}

/** @throws {MessageError} It is no JSON. */
export function parseJson(payload: Uint8Array): unknown {
  const text = decodeText(payload);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MessageError("A payload is not valid JSON", { cause });
  }
}

/** Whether a value is a path, of whatever form, that is no longer than it may be. */
export function isPath(value: unknown): value is string {
  // Three bytes at most are of one UTF-16 unit.
  return typeof value === "string" && value !== "" &&
    (value.length * 3 <= MAX_PATH_BYTES || Buffer.byteLength(value) <= MAX_PATH_BYTES);
}
