/** What commands that serve have in common. */

import type { Logger } from "@logtape/logtape";
import { isLoopback } from "../net/access.ts";
import { EXIT, type ExitCode } from "./command.ts";

/** Says what to do about an address that can't be listened on; other errors stay as they are. */
export function explainListen(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return new Error(`Port ${port} of ${host} is in use: end what uses it, or choose another with --port`, {
      cause: error,
    });
  }
  if (code === "EADDRNOTAVAIL" || code === "EINVAL" || code === "ENOTFOUND") {
    return new Error(`${host} is no address of this machine: choose another with --host`, { cause: error });
  }
  return error;
}

/** How the host of an address is written that a person can use on this machine. */
export function urlHost(host: string): string {
  if (host === "127.0.0.1" || host === "::1" || host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

/** Warns of a server that others than this machine's users reach, and that asks nobody for a token. */
export function warnIfOpen(
  log: Logger,
  { host, token, can }: {
    readonly host: string;
    readonly token: string | undefined;
    /** What anyone can do then: "read the files". */
    readonly can: string;
  },
): void {
  if (isLoopback(host) || token !== undefined) return;
  log.warn(`anyone who reaches this address can ${can}: set TRANSFER_TOKEN`, { host });
}

/** Starts to listen. @throws {Error} As what starts, with what to do where the address can't be listened on. */
export async function listening<S>(
  address: { readonly host: string; readonly port: number },
  start: () => Promise<S>,
): Promise<S> {
  try {
    return await start();
  } catch (error) {
    throw explainListen(error, address);
  }
}

/** Serves until the signal is aborted, then stops. */
export async function untilAborted(
  signal: AbortSignal,
  { log, stop }: { readonly log: Logger; readonly stop: () => Promise<void> },
): Promise<ExitCode> {
  await aborted(signal);
  log.info("stopping", { reason: signal.reason });
  await stop();
  log.info("stopped", {});
  return EXIT.done;
}

/** Settles when a signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
