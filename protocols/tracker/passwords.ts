import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/** Cost of new hashes: 32 MiB and about 60 ms (OWASP's second choice of N = 2^15, r = 8, p = 3, once). */
const COST = { N: 2 ** 15, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
/** Twice what `COST` needs; a file with a hash that costs more is refused instead of swallowing the memory. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024 + 1024 * 1024;
const HASH = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/;

const derive = promisify<string, Uint8Array, number, {
  N: number;
  r: number;
  p: number;
  maxmem: number;
}, Uint8Array>(scrypt);

/** A password's hash: `scrypt$N$r$p$SALT$KEY` (RFC 7914), salt and key as base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return written(salt, await keyOf(password, salt, COST));
}

/** A hash of no password; to check one against it takes as long as against any other. */
export function decoyHash(): string {
  return written(randomBytes(16), randomBytes(KEY_BYTES));
}

/** Whether a text has the form of {@linkcode hashPassword}'s. */
export function isPasswordHash(text: string): boolean {
  return HASH.test(text);
}

/** Whether a password is the one of a hash. Takes about 60 ms of a thread, right or wrong. */
export async function isPassword(password: string, hash: string): Promise<boolean> {
  const [, N, r, p, salt = "", key = ""] = HASH.exec(hash) ?? [];
  if (N === undefined) return false;
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  return timingSafeEqual(await keyOf(password, decode(salt), cost), decode(key));
}

function written(salt: Uint8Array, key: Uint8Array): string {
  return ["scrypt", COST.N, COST.r, COST.p, encode(salt), encode(key)].join("$");
}

async function keyOf(
  password: string,
  salt: Uint8Array,
  cost: { readonly N: number; readonly r: number; readonly p: number },
): Promise<Uint8Array> {
  // One spelling of an accented letter is as good as the other (RFC 8265 section 4).
  return await derive(password.normalize("NFC"), salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY_BYTES });
}

function encode(bytes: Uint8Array): string {
  return new Uint8Array(bytes).toBase64({ alphabet: "base64url", omitPadding: true });
}

function decode(text: string): Uint8Array {
  return Uint8Array.fromBase64(text, { alphabet: "base64url" });
}
