/** What commands that serve have in common. */

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

/** Settles when a signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
