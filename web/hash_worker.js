/**
 * Runs in a Worker: reads one file at a time, with the CRC-32 of each part and the SHA-256 of what was
 * read so far, away from the thread that draws. Requests are answered in the order in which they come:
 *
 * - `{ type: "open", file }`, not answered
 * - `{ type: "read", offset, length }`: `{ bytes, crc32 }`, with room for a frame's header before the bytes
 * - `{ type: "digest", length }`: `{ sha256 }` of the first `length` bytes
 * - `{ type: "rest" }`: gives memory back; not answered
 *
 * An answer `{ error, name }` says what went wrong.
 */

import { FRAME_HEADER_BYTES } from "./modules/protocols/ws_upload/frames.ts";
import { crc32 } from "./crc32.js";
import { FileWindow, joined } from "./file_window.js";
import { Sha256 } from "./sha256.js";

/** How much is read at a time where nothing is sent. */
const HASH_BYTES = 4 * 1_048_576;

let blocks;
let hash;
/** Bytes of the file, from its beginning, that `hash` has taken. */
let hashed;
let turn = Promise.resolve();

addEventListener("message", ({ data }) => turn = turn.then(() => serve(data)));

async function serve(request) {
  try {
    switch (request.type) {
      case "open":
        blocks = new FileWindow(request.file);
        hash = new Sha256();
        hashed = 0;
        return;
      case "read":
        return await read(request);
      case "digest":
        return postMessage({ sha256: await digest(request.length) });
      case "rest":
        return blocks.close();
    }
  } catch ({ name, message }) {
    postMessage({ error: message, name });
  }
}

async function read({ offset, length }) {
  await hashUpTo(offset);
  const pieces = await blocks.pieces(offset, length);
  const bytes = joined(pieces, FRAME_HEADER_BYTES);
  postMessage({ bytes, crc32: crc32(bytes) }, [bytes.buffer]);
  // Behind the answer, so that they are sent meanwhile. What is read once more was hashed before.
  for (const piece of pieces) {
    const fresh = piece.subarray(hashed - offset);
    hash.update(fresh);
    hashed += fresh.length;
    offset += piece.length;
  }
}

async function digest(length) {
  if (length >= hashed) {
    await hashUpTo(length);
    return hash.hex();
  }
  const prefix = new Sha256();
  await hashInto(prefix, 0, length);
  return prefix.hex();
}

async function hashUpTo(end) {
  if (end <= hashed) return;
  await hashInto(hash, hashed, end);
  hashed = end;
}

async function hashInto(into, start, end) {
  for (let at = start; at < end; at += HASH_BYTES) {
    for (const piece of await blocks.pieces(at, Math.min(HASH_BYTES, end - at))) into.update(piece);
  }
}
