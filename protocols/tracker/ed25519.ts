/** Ed25519 (RFC 8032) with keys and signatures as base64url without padding (RFC 4648 section 5). */

import { Buffer } from "node:buffer";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";

/** What precedes the 32 bytes of a public key in its SubjectPublicKeyInfo (RFC 8410 section 4). */
const SPKI_PREFIX = Uint8Array.fromHex("302a300506032b6570032100");

/** A key pair of its owner. */
export interface SigningKey {
  /** The public key. */
  readonly key: string;
  /** Signs a text's UTF-8. */
  readonly sign: (text: string) => string;
}

/** Makes a new private key, in PEM (PKCS #8). */
export function newKeyPem(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Reads a private key. @throws {Error} It is none of Ed25519. */
export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== "ed25519") throw new Error("it is no Ed25519 key");
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  return {
    key: base64url(spki.subarray(SPKI_PREFIX.length)),
    sign: (text) => base64url(sign(null, new TextEncoder().encode(text), privateKey)),
  };
}

/** Whether a signature of a text is one of a key. A malformed key or signature has none. */
export function isSignedBy(key: string, text: string, signature: string): boolean {
  const publicKey = publicKeyOf(key);
  const bytes = bytesOf(signature);
  if (publicKey === undefined || bytes?.length !== 64) return false;
  return verify(null, new TextEncoder().encode(text), publicKey, bytes);
}

/** Bytes as base64url. */
export function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * The bytes of a text in base64url; `undefined`: it is none, or not the one spelling that they have. Its last
 * character can have bits that no byte has: two spellings of one key would be two keys.
 */
function bytesOf(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    return base64url(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function publicKeyOf(key: string): KeyObject | undefined {
  const bytes = bytesOf(key);
  if (bytes?.length !== 32) return undefined;
  try {
    const der = Buffer.from([...SPKI_PREFIX, ...bytes]);
    return createPublicKey({ key: der, format: "der", type: "spki" });
  } catch {
    return undefined; // Not a point of the curve.
  }
}
