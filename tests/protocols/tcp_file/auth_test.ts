import { assertEquals } from "@std/assert";
import { clientProof, isProof, serverProof } from "../../../protocols/tcp_file/auth.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

const NONCES = { client: new Uint8Array(16), server: new Uint8Array(16).fill(255) };

Deno.test("proofs are HMAC-SHA-256 over the nonces, each end's own first", () => {
  // printf … | openssl dgst -sha256 -hmac secret
  assertEquals(
    clientProof("secret", NONCES).toHex(),
    "884f320826b078425c0b1aa52910bb5eb5f8c9856fe0e8f2b74347c4bed07c98",
  );
  assertEquals(
    serverProof("secret", NONCES).toHex(),
    "f111ae4b2a62ab7bf0ba4424e98247f69c5b797371a0c91da8c72eb3c8eb88a1",
  );
});

Deno.test("only the proof of this token, these nonces and this end is accepted", () => {
  const proof = clientProof("secret", NONCES);
  const others = [
    clientProof("Secret", NONCES),
    clientProof("secret", { ...NONCES, server: pseudoRandomBytes(16) }),
    clientProof("secret", { ...NONCES, client: pseudoRandomBytes(16) }),
    serverProof("secret", NONCES),
    proof.subarray(0, 31),
    new Uint8Array(0),
  ];
  assertEquals(isProof(Uint8Array.from(proof), proof), true);
  assertEquals(others.map((other) => isProof(other, proof)), others.map(() => false));
});
