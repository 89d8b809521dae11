import { ConnectionProblem, deadline } from "../../net/connection_problem.ts";
import { type ByteStream, closeQuietly, dial } from "../../net/dial.ts";
import { writeAll } from "../../net/byte_stream.ts";
import { secure } from "../../net/secure.ts";
import type { Candidate } from "./balancer.ts";
import type { UpstreamAddress } from "./conf.ts";
import { IDLE_CONNECTIONS_MOST, POOL_IDLE_MS } from "./proxy_limits.ts";
import { StreamReader } from "./stream_reader.ts";
import { type HealthOptions, UpstreamHealth } from "./upstream_health.ts";

/** A connection to an upstream, of which one request at a time makes use. */
export interface UpstreamConnection {
  readonly kind: "connection";
  readonly reader: StreamReader;
  /** Whether it carried a request before, and may have been closed since. */
  readonly isReused: boolean;
  /** Writes all of the bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Tells the upstream that nothing more will be written; over TLS by closing the connection. */
  end(): Promise<void>;
  /** At once; reads and writes under way reject. May be called twice. */
  close(): void;
}

/** Why there is no connection. */
export interface Unreachable {
  readonly kind: "unreachable";
  /** `exhausted`: this machine has no file handle or port left, which says nothing of the upstream. */
  readonly fault: "unreachable" | "exhausted";
  /** Whether it was only too slow. */
  readonly isLate: boolean;
  readonly reason: string;
}

/** Options of {@linkcode Upstream}. */
export interface UpstreamOptions {
  readonly health: HealthOptions;
  /** In PEM, trusted besides those of the system. */
  readonly caCerts: readonly string[];
  readonly connectMs: number;
}

/** A server that requests are passed to: what is known of it, and connections that wait for a request. */
export class Upstream implements Candidate {
  readonly address: UpstreamAddress;
  readonly health: UpstreamHealth;
  /** Requests under way. */
  active = 0;
  readonly #options: UpstreamOptions;
  /** The last to come is the last that was used. */
  readonly #idle: { readonly connection: UpstreamConnection; readonly sinceMs: number }[] = [];
  #isRetired = false;

  constructor(address: UpstreamAddress, options: UpstreamOptions) {
    this.address = address;
    this.#options = options;
    this.health = new UpstreamHealth(options.health, performance.now());
  }

  get origin(): string {
    return this.address.origin;
  }

  get isUp(): boolean {
    return this.health.isUp;
  }

  /** Connections that wait. */
  get idle(): number {
    return this.#idle.length;
  }

  /** @returns A connection that waited no longer than so; `undefined`: there is none. */
  take(maxIdleMs: number): UpstreamConnection | undefined {
    for (;;) {
      const newest = this.#idle.at(-1);
      if (newest === undefined || performance.now() - newest.sinceMs > maxIdleMs) return undefined;
      this.#idle.pop();
      if (newest.connection.reader.length === 0) return { ...newest.connection, isReused: true };
      // What came unasked (a 408 before the end, say) would be taken for the answer to this request.
      newest.connection.close();
    }
  }

  /** Opens a connection. @throws The reason of `signal`, when that is what ended it. */
  async connect(signal?: AbortSignal): Promise<UpstreamConnection | Unreachable> {
    const { hostname, isSecure } = this.address;
    const { connectMs, caCerts } = this.#options;
    using due = deadline({ timeoutMs: connectMs, message: "It takes no connection in time", signal });
    try {
      const plain = await dial(this.address, due);
      if (!isSecure) return connectionOf(plain, () => plain.closeWrite());
      const secured = await secure(plain, { hostname, caCerts, signal: due.signal });
      // Half a TLS connection can't be closed, and one whose client is gone must not stay.
      return connectionOf(secured, () => Promise.resolve(closeQuietly(secured)));
    } catch (error) {
      if (!(error instanceof ConnectionProblem)) throw error;
      const fault = isExhausted(error) ? "exhausted" : "unreachable";
      return { kind: "unreachable", fault, isLate: due.signal.aborted, reason: error.message };
    }
  }

  /** Keeps a connection, whose last answer was read to its end, for another request. */
  give(connection: UpstreamConnection): void {
    if (this.#isRetired || this.#idle.length >= IDLE_CONNECTIONS_MOST) return connection.close();
    const entry = { connection, sinceMs: performance.now() };
    this.#idle.push(entry);
    // Whatever comes now is its end, or was not asked for. Whoever takes the connection goes on with this read.
    const drop = () => {
      const at = this.#idle.indexOf(entry);
      if (at === -1) return;
      this.#idle.splice(at, 1);
      connection.close();
    };
    connection.reader.fill().then(drop, drop);
  }

  /** Closes connections that have waited for too long. */
  sweep(): void {
    const nowMs = performance.now();
    const fresh = this.#idle.findIndex(({ sinceMs }) => nowMs - sinceMs <= POOL_IDLE_MS);
    const count = fresh === -1 ? this.#idle.length : fresh;
    for (const { connection } of this.#idle.splice(0, count)) connection.close();
  }

  /** It gets no more requests: connections are closed when their last one is answered. */
  retire(): void {
    this.#isRetired = true;
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }
}

/** What the system says when it is itself that lacks something. */
const EXHAUSTED: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"]);

function isExhausted({ cause }: ConnectionProblem): boolean {
  return cause instanceof Error && "code" in cause && EXHAUSTED.has(cause.code);
}

function connectionOf(stream: ByteStream, end: () => Promise<void>): UpstreamConnection {
  return {
    kind: "connection",
    reader: new StreamReader(stream),
    isReused: false,
    write: (bytes) => writeAll(stream, bytes),
    end,
    close: () => closeQuietly(stream),
  };
}
