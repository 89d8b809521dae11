import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { crc32 as nativeCrc32 } from "node:zlib";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { crc32 } from "../../web/crc32.js";
import { Sha256 } from "../../web/sha256.js";

/** The examples of FIPS 180-4 that NIST publishes, and the long one of RFC 6234. */
const VECTORS: readonly (readonly [message: string, sha256: string])[] = [
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  [
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
    "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
  ],
  ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
];

Deno.test("the page's SHA-256 gives the published digests", () => {
  for (const [message, expected] of VECTORS) {
    const hash = new Sha256();
    hash.update(new TextEncoder().encode(message));
    assertEquals(hash.hex(), expected);
  }
});

Deno.test("the page's SHA-256 of bytes in pieces is that of node:crypto at every step", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
  fc.assert(fc.property(pieces, (pieces) => {
    const [own, native] = [new Sha256(), createHash("sha256")];
    for (const piece of pieces) {
      own.update(piece);
      native.update(piece);
      assertEquals(own.hex(), native.copy().digest("hex"));
    }
  }));
});

Deno.test("the page's CRC-32 is that of node:zlib, wherever the bytes lie", () => {
  const bytes = pseudoRandomBytes(200);
  for (let from = 0; from < 20; from++) {
    for (let to = from; to <= bytes.length; to++) {
      const part = bytes.subarray(from, to);
      assertEquals(crc32(part), nativeCrc32(part));
    }
  }
});
