/** How both ends of XFER/1 prove that they know the token, without saying it. */

import { createHmac, timingSafeEqual } from "node:crypto";
import type { Nonces } from "./hello.ts";

/** What a client sends in AUTH: HMAC-SHA-256 of its nonce and the server's, with the token as key. */
export function clientProof(token: string, { client, server }: Nonces): Uint8Array {
  return createHmac("sha256", token).update(client).update(server).digest();
}

/** What a server answers: the nonces the other way round, so that nobody can send back what it was sent. */
export function serverProof(token: string, { client, server }: Nonces): Uint8Array {
  return createHmac("sha256", token).update(server).update(client).digest();
}

/** Whether a peer's proof is the one that was expected. Compared in constant time. */
export function isProof(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}
