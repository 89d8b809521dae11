import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

/** A server's certificate and key, read and found to belong together. Both as PEM text. */
export interface Certificate {
  /** The server's own first, then those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

/**
 * Reads a certificate and its private key.
 *
 * @throws {Error} A file can't be read, is not PEM of its kind, the key needs a passphrase, or the two
 * do not belong together. The message names the file and never shows what is in it.
 */
export async function readCertificate(
  files: { readonly certFile: string; readonly keyFile: string },
): Promise<Certificate> {
  const { certFile, keyFile } = files;
  const [cert, key] = await Promise.all([
    readText(certFile, "certificate"),
    readText(keyFile, "private key"),
  ]);
  const parsed = parseCertificate(cert, certFile);
  if (!parsed.checkPrivateKey(parseKey(key, keyFile))) {
    throw new Error(`Private key "${keyFile}" does not belong to certificate "${certFile}"`);
  }
  return { cert, key, validFrom: new Date(parsed.validFrom), validTo: new Date(parsed.validTo) };
}

async function readText(path: string, what: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : String(error);
    throw new Error(`TLS ${what} "${path}" can't be read: ${reason}`, { cause: error });
  }
}

function parseCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`TLS certificate "${path}" is not a certificate in PEM form`, { cause: error });
  }
}

function parseKey(pem: string, path: string): KeyObject {
  if (/ENCRYPTED/.test(pem)) {
    throw new Error(`TLS private key "${path}" needs a passphrase: store it without one (openssl pkey)`);
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error(`TLS private key "${path}" is not a private key in PEM form`, { cause: error });
  }
}
