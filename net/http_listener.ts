import { isLoopback } from "./access.ts";
import { ConnectionLimit, type ConnectionRefusal } from "./connection_limit.ts";
import { HttpConnection, type HttpHandler, type HttpHost, type HttpLimits } from "./http_connection.ts";
import { type Arrival, listenTcp } from "./tcp_listener.ts";

/** Options of {@linkcode listenHttp}. */
export interface ListenHttpOptions {
  /** Address or name to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** A certificate and its private key, as PEM text; `undefined`: no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Most connections at a time. */
  readonly maxConnections: number;
  /** Most connections at a time from one address; this machine may have all. */
  readonly maxConnectionsPerAddress: number;
  /** What is not named has a default. */
  readonly limits?: Partial<HttpLimits>;
  readonly handler: HttpHandler;
  /** Called for every connection that is not taken. */
  readonly onRefused: (reason: ConnectionRefusal, address: string) => void;
  /** A handler threw. */
  readonly onError: (error: unknown) => void;
}

/** A server of HTTP/1.1 that is listening. */
export interface HttpListening {
  readonly port: number;
  /** Connections that are open. */
  readonly connections: number;
  /**
   * Uses another certificate for the connections to come; those that are open stay.
   *
   * @throws {TypeError} It was started without one.
   */
  setCertificate(pair: { readonly cert: string; readonly key: string }): void;
  /**
   * Takes no more connections, ends those that wait for a request, and after `graceMs` all. What was taken over
   * is its owner's to end.
   */
  close(graceMs: number): Promise<void>;
}

/** Defaults: with 2,048 clients at their limits all of it is 170 MB. */
const LIMITS: HttpLimits = {
  headBytes: 16 * 1024,
  bodyBytes: 64 * 1024,
  headMs: 10_000,
  bodyMs: 15_000,
  idleMs: 75_000,
  writeMs: 30_000,
};
/** How often it is looked whether a client took too long, in milliseconds. */
const CHECK_MS = 500;

/**
 * Starts a server of HTTP/1.1 over connections of its own.
 *
 * @throws {Error} The address can't be listened on; `code` tells why.
 */
export async function listenHttp(options: ListenHttpOptions): Promise<HttpListening> {
  const limits = { ...LIMITS, ...options.limits };
  const limit = new ConnectionLimit({
    total: options.maxConnections,
    perAddress: options.maxConnectionsPerAddress,
    isExempt: isLoopback,
  });
  const connections = new Connections({ ...options, limits });
  const listening = await listenTcp({
    ...options,
    handshakeMs: limits.headMs,
    onArrival(arrival) {
      const refusal = limit.admit(arrival.address);
      if (refusal !== undefined) {
        options.onRefused(refusal, arrival.address);
        arrival.stream.catch(() => {});
        return arrival.close();
      }
      void connections.serve(arrival).finally(() => limit.release(arrival.address));
    },
  });
  const everyMs = Math.min(CHECK_MS, limits.headMs, limits.bodyMs, limits.writeMs);
  const checker = setInterval(() => connections.check(), everyMs);
  return {
    port: listening.port,
    get connections() {
      return connections.count;
    },
    setCertificate: (pair) => listening.setCertificate(pair),
    async close(graceMs) {
      listening.close();
      await connections.close(graceMs);
      clearInterval(checker);
    },
  };
}

/** The connections of a listener. */
class Connections {
  readonly #host: HttpHost;
  /** All of them, and those that have shaken hands. */
  readonly #arrivals = new Set<Arrival>();
  readonly #open = new Set<HttpConnection>();
  #isClosing = false;
  #nowMs = performance.now();
  #date = new Date().toUTCString();
  #onEmpty = () => {};

  constructor(options: Pick<HttpHost, "limits" | "handler" | "onError">) {
    this.#host = {
      ...options,
      date: () => this.#date,
      nowMs: () => this.#nowMs,
      isClosing: () => this.#isClosing,
    };
  }

  get count(): number {
    return this.#arrivals.size;
  }

  /** Serves a connection to its end. Never rejects. */
  async serve(arrival: Arrival): Promise<void> {
    this.#arrivals.add(arrival);
    try {
      const connection = new HttpConnection(await arrival.stream, arrival.address, this.#host);
      this.#open.add(connection);
      if (this.#isClosing) connection.close();
      await connection.serve().finally(() => this.#open.delete(connection));
    } catch {
      // The TLS handshake failed, which is the client's to know.
    } finally {
      arrival.close();
      this.#arrivals.delete(arrival);
      if (this.#arrivals.size === 0) this.#onEmpty();
    }
  }

  /** Ends those that took too long. */
  check(): void {
    this.#nowMs = performance.now();
    this.#date = new Date().toUTCString();
    for (const connection of this.#open) connection.check(this.#nowMs);
  }

  /** Ends those that wait for a request, and after `graceMs` all. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const { promise: empty, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    for (const connection of this.#open) if (connection.isIdle) connection.close();
    const terminate = setTimeout(() => {
      for (const arrival of this.#arrivals) arrival.close();
    }, graceMs);
    if (this.#arrivals.size > 0) await empty;
    clearTimeout(terminate);
  }
}
