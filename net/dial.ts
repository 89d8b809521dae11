import { ConnectionProblem } from "./connection_problem.ts";

/** A connection as far as protocols need it; those of Deno have this shape. */
export interface ByteStream {
  /** @returns How many bytes came, at least one; `null` when the other side has no more. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** @returns How many bytes were taken. */
  write(bytes: Uint8Array): Promise<number>;
  /** A read or write under way rejects. */
  close(): void;
}

/** Where to connect to. */
export interface Endpoint {
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** Options of {@linkcode dial}. */
export interface DialOptions {
  /**
   * Whether an address may be connected to. Asked of the very addresses that are then used, so that a name
   * that means another one a moment later changes nothing.
   *
   * @default Every one may.
   */
  readonly admitAddress?: ((address: string) => boolean) | undefined;
  readonly signal: AbortSignal;
}

/** After this time without a connection the next address is tried as well (RFC 8305 section 5). */
const NEXT_ADDRESS_MS = 250;

/** A name that means this machine, whatever its resolver says, and in both families (RFC 6761 section 6.3). */
const LOCALHOST = /^(.*\.)?localhost\.?$/i;
const LOOPBACK = ["127.0.0.1", "::1"] as const;
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
/** An IPv4 address in the one form that everybody takes for it. */
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`);

/**
 * Connects over TCP to the first address of a name that answers.
 *
 * @throws {ConnectionProblem} Nothing answers, the name is not known, or no address of it is admitted.
 * @throws The reason of `signal`, when that is what ended it.
 */
export async function dial(endpoint: Endpoint, options: DialOptions): Promise<Deno.TcpConn> {
  const addresses = await admittedAddresses(endpoint.hostname, options);
  try {
    return await connectToFirst(addresses, { port: endpoint.port, signal: options.signal });
  } catch (error) {
    options.signal.throwIfAborted();
    throw new ConnectionProblem(`Can't connect to ${printed(endpoint)}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** The addresses of a name that may be connected to; at least one. Throws like {@linkcode dial}. */
export async function admittedAddresses(
  hostname: string,
  { admitAddress = () => true, signal }: DialOptions,
): Promise<readonly string[]> {
  const found = await isAddress(hostname) ? [hostname] : await resolve(hostname, signal);
  const admitted = found.filter(admitAddress);
  if (admitted.length > 0) return admitted;
  // Not which: whoever asks may be a stranger, who could look up the names of this network.
  throw new ConnectionProblem(
    `"${hostname}" has a private or local address, and nothing is fetched from there`,
    { isFinal: true },
  );
}

/** Node's sockets, and its resolver, are loaded for what needs them: that takes longer than to connect. */
async function isAddress(hostname: string): Promise<boolean> {
  if (!hostname.includes(":")) return IPV4.test(hostname);
  const { isIP } = await import("node:net");
  return isIP(hostname) !== 0;
}

async function resolve(hostname: string, signal: AbortSignal): Promise<readonly string[]> {
  if (LOCALHOST.test(hostname)) return LOOPBACK;
  try {
    const { lookup } = await import("node:dns/promises");
    const found = await orAbort(lookup(hostname, { all: true }), signal);
    return found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "ENOTFOUND" ? "no such name is known" : String(code ?? error);
    throw new ConnectionProblem(`"${hostname}" has no address: ${why}`, { cause: error });
  }
}

/**
 * Tries addresses, each when the one before has failed or a moment has passed, and keeps the first connection
 * (RFC 8305). Rejects as the first that failed did.
 */
export async function connectToFirst(
  addresses: readonly string[],
  { port, signal }: { readonly port: number; readonly signal: AbortSignal },
): Promise<Deno.TcpConn> {
  const losers = new AbortController();
  const attempts = AbortSignal.any([signal, losers.signal]);
  const { promise, resolve: win, reject } = Promise.withResolvers<Deno.TcpConn>();
  let pending = addresses.length;
  let next = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWon = false;
  const problems: unknown[] = [];

  const tryNext = () => {
    clearTimeout(timer);
    const address = addresses[next++];
    if (address === undefined) return;
    Deno.connect({ hostname: address, port, signal: attempts }).then(
      (connection) => {
        // Two can arrive at once, before the abort of the others has any effect.
        if (isWon) return connection.close();
        isWon = true;
        win(connection);
      },
      (error: unknown) => {
        problems.push(error);
        if (--pending === 0) reject(problems[0]);
        else tryNext();
      },
    );
    timer = setTimeout(tryNext, NEXT_ADDRESS_MS);
  };
  try {
    tryNext();
    const connection = await promise;
    connection.setNoDelay(true);
    return connection;
  } finally {
    clearTimeout(timer);
    losers.abort();
  }
}

/** An endpoint as people write it. */
export function printed({ hostname, port }: Endpoint): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Closes what may be closed already, by a deadline for one. */
export function closeQuietly(stream: ByteStream): void {
  try {
    stream.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "nothing listens there";
  return error instanceof Error ? error.message.replace(/ \(os error \d+\)$/, "") : String(error);
}

/** Settles as `task` does, or rejects when the signal comes first. */
async function orAbort<T>(task: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([task, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    // Whoever lost the race is nobody's concern any more.
    task.catch(() => {});
  }
}
