/**
 * Hashes a file as far as it is told to, in a thread of its own: SHA-256 takes as much of a core as all the
 * rest of a fast download.
 */

import { createHash } from "node:crypto";
import type { DigestAnswer, DigestOrder } from "./prefix_digest.ts";

/** Bytes read at a time: they are hashed while they are in the cache of the core. */
const READ_BYTES = 1024 * 1024;

const hash = createHash("sha256");
const buffer = new Uint8Array(READ_BYTES);
let file: Deno.FsFile | undefined;
let at = 0;

/** Where answers go; it comes with the first order. */
let port: MessagePort | undefined;

addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  port ??= event.ports[0];
  follow(event.data);
});

function follow(order: DigestOrder): void {
  try {
    file ??= Deno.openSync(order.path);
    while (at < order.to) {
      const count = file.readSync(buffer.subarray(0, Math.min(READ_BYTES, order.to - at)));
      if (count === null) {
        throw new RangeError(`${order.path} ends at ${at}, expected were ${order.to} bytes`);
      }
      hash.update(buffer.subarray(0, count));
      at += count;
    }
    if (!order.isLast) return;
    file.close();
    answer({ sha256: hash.digest("hex") });
  } catch (error) {
    answer({ problem: error instanceof Error ? error.message : String(error) });
  }
}

function answer(what: DigestAnswer): void {
  port?.postMessage(what);
}
