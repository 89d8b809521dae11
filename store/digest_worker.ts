/**
 * Hashes a file as far as it is told to, in a thread of its own: SHA-256 takes as much of a core as all the
 * rest of a fast download.
 */

import { FileDigest } from "./file_digest.ts";
import type { DigestAnswer, DigestOrder } from "./prefix_digest.ts";

let file: FileDigest | undefined;

/** Where answers go; it comes with the first order. */
let port: MessagePort | undefined;

addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  port ??= event.ports[0];
  follow(event.data);
});

function follow({ path, to, isLast }: DigestOrder): void {
  try {
    file ??= new FileDigest(path);
    file.advance(to);
    if (!isLast) return;
    file[Symbol.dispose]();
    answer({ sha256: file.digest() });
  } catch (error) {
    answer({ problem: error instanceof Error ? error.message : String(error) });
  }
}

function answer(what: DigestAnswer): void {
  port?.postMessage(what);
}
