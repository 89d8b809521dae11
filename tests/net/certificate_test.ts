import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { readCertificate } from "../../net/certificate.ts";
import { testCertificate } from "../support/certificate.ts";

Deno.test("a certificate and its key are read; everything else is said by the file's name", async () => {
  const dir = await Deno.makeTempDir({ prefix: "transfer-test-" });
  const path = (name: string) => join(dir, name);
  try {
    const { cert, key } = testCertificate(3);
    const files = {
      "cert.pem": cert,
      "key.pem": key,
      "other.pem": testCertificate().key,
      "text.pem": "secret text, no PEM\n",
      "torn.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "locked.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
      "empty.pem": "",
    };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(path(name), text);
    const read = await readCertificate({ certFile: path("cert.pem"), keyFile: path("key.pem") });
    assertEquals([read.cert, read.key], [cert, key]);
    assertEquals(Math.round((read.validTo.getTime() - read.validFrom.getTime()) / 86_400_000), 3);

    const cases = [
      [
        "cert.pem",
        "other.pem",
        `"${path("other.pem")}" does not belong to certificate "${path("cert.pem")}"`,
      ],
      ["missing", "key.pem", `TLS certificate "${path("missing")}" can't be read: there is no such file`],
      ["cert.pem", "missing", `TLS private key "${path("missing")}" can't be read: there is no such file`],
      ["text.pem", "key.pem", `TLS certificate "${path("text.pem")}" is not a certificate in PEM form`],
      ["torn.pem", "key.pem", "is not a certificate in PEM form"],
      ["empty.pem", "key.pem", "is not a certificate in PEM form"],
      ["key.pem", "key.pem", `TLS certificate "${path("key.pem")}" is not a certificate in PEM form`],
      ["cert.pem", "text.pem", `TLS private key "${path("text.pem")}" is not a private key in PEM form`],
      ["cert.pem", "cert.pem", "is not a private key in PEM form"],
      ["cert.pem", "locked.pem", "needs a passphrase"],
      ["..", "key.pem", "can't be read"],
    ] as const;
    for (const [certFile, keyFile, message] of cases) {
      const error = await assertRejects(
        () => readCertificate({ certFile: path(certFile), keyFile: path(keyFile) }),
        Error,
        message,
      );
      assertEquals(error.message.includes("secret"), false);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
