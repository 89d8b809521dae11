import { Buffer } from "node:buffer";
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** A new token: 128 random bits in base64url. */
export function newResumeToken(): string {
  return randomBytes(16).toString("base64url");
}

/** What is stored of a token, in hexadecimal. The token has too many bits to be found by trying. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** What a token, or none, says about an upload that a hash, or none, guards. */
export function claimOf(
  token: string | undefined,
  tokenHash: string | undefined,
): "owner" | "stranger" | "unowned" {
  if (tokenHash === undefined) return "unowned";
  if (token === undefined) return "stranger";
  const isEqual = timingSafeEqual(Buffer.from(hashToken(token), "hex"), Buffer.from(tokenHash, "hex"));
  return isEqual ? "owner" : "stranger";
}
