import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A self-signed certificate and its key, as PEM text. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes a certificate for `localhost` and 127.0.0.1 that lives in memory (RFC 5280, ECDSA on P-256). Valid
 * from yesterday for `days`.
 */
export function testCertificate(days = 2): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
  const name = sequence(der(0x31, sequence(oid("550403"), der(0x0c, text("transfer test")))));
  const startMs = Date.now() - 86_400_000;
  const names = sequence(der(0x82, text("localhost")), der(0x87, Uint8Array.of(127, 0, 0, 1)));
  const extensions = sequence(
    sequence(oid("551d11"), der(0x04, names)),
    // No authority: rustls refuses one as a server's own certificate.
    sequence(oid("551d13"), der(0x01, Uint8Array.of(0xff)), der(0x04, sequence())),
  );
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, Uint8Array.of(1, ...randomBytes(8))),
    ecdsaWithSha256,
    name,
    sequence(time(startMs), time(startMs + days * 86_400_000)),
    name,
    new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
    der(0xa3, extensions),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, der(0x03, Uint8Array.of(0, ...signature)));
  return {
    cert: pem("CERTIFICATE", certificate),
    key: String(privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}

/** One value in DER (X.690): its tag, its length, its contents. */
function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, each) => sum + each.length, 0);
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([tag, ...size, ...contents.flatMap((each) => [...each])]);
}

function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return der(0x30, ...contents);
}

function oid(hex: string): Uint8Array {
  return der(0x06, Uint8Array.fromHex(hex));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function time(atMs: number): Uint8Array {
  return der(0x18, text(new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, "")));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
