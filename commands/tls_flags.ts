import type { Logger } from "@logtape/logtape";
import { type Certificate, readCertificate } from "../net/certificate.ts";
import { type Trust, trustFile } from "../net/trust.ts";
import { printable } from "../terminal/printable.ts";
import { UsageError } from "./command.ts";

/** Where a server's certificate and its key are. */
type CertificateFiles = Parameters<typeof readCertificate>[0];

/**
 * What `--tls-cert` and `--tls-key` say together.
 *
 * @throws {UsageError} One is given without the other.
 */
function certificateFiles(
  certFile: string | undefined,
  keyFile: string | undefined,
): CertificateFiles | undefined {
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === keyFile) return undefined;
  const [given, missing] = certFile === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  throw new UsageError(`${given} needs ${missing} too: a certificate and its private key go together`);
}

/** A server's certificate as it was read, and the files to read it again from. */
export interface ServedCertificate {
  readonly tls: Certificate | undefined;
  readonly files: CertificateFiles | undefined;
}

/**
 * Reads what `--tls-cert` and `--tls-key` name, and warns of one that clients will refuse; without the two
 * there is none.
 *
 * @throws {UsageError} One is given without the other.
 * @throws {Error} They can't be read, or used.
 */
export async function servedCertificate(
  log: Logger,
  { tlsCert, tlsKey }: { readonly tlsCert: string | undefined; readonly tlsKey: string | undefined },
): Promise<ServedCertificate> {
  const files = certificateFiles(tlsCert, tlsKey);
  if (files === undefined) return { tls: undefined, files };
  const tls = await readCertificate(files);
  warnOfDates(log, tls);
  return { tls, files };
}

/** Warns of a certificate that is not valid yet, or no more. */
function warnOfDates(log: Logger, { validFrom, validTo }: Certificate): void {
  const now = Date.now();
  if (validTo.getTime() > now && validFrom.getTime() <= now) return;
  const dates = { validFrom: validFrom.toISOString(), validTo: validTo.toISOString() };
  log.warn("the certificate is not valid at present: clients will refuse it", dates);
}

/** SIGHUP reads the certificate again; what can't be used is told, and the one in use stays. */
export function reloadOnHangUp(
  log: Logger,
  { server, files }: {
    readonly server: { setCertificate(certificate: Certificate): void };
    readonly files: CertificateFiles | undefined;
  },
): void {
  if (files === undefined || Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGHUP", async () => {
    try {
      const certificate = await readCertificate(files);
      warnOfDates(log, certificate);
      server.setCertificate(certificate);
      log.info("certificate reloaded", { validTo: certificate.validTo.toISOString() });
    } catch (error) {
      log.error("certificate not reloaded, the one in use stays", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  });
}

/** The certificate authorities of the file that `--ca` names. @throws {UsageError} It holds none. */
export async function trusted(path: string): Promise<Trust> {
  try {
    return await trustFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--ca ${printable(path)}: ${why}`, { cause: error });
  }
}
