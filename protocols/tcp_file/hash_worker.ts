/** Computes SHA-256 of what it is sent, one after the other, and sends the memory back with it. */

import { createHash } from "node:crypto";
import type { HashAnswer, HashOrder } from "./digester.ts";

addEventListener("message", (event) => {
  // All there is to say comes through the port that comes first.
  const [port] = event instanceof MessageEvent ? event.ports : [];
  if (port === undefined) return;
  port.onmessage = ({ data: { memory, length } }: MessageEvent<HashOrder>) => {
    const digest = createHash("sha256").update(new Uint8Array(memory, 0, length)).digest();
    port.postMessage({ memory, digest: new Uint8Array(digest) } satisfies HashAnswer, [memory]);
  };
});
