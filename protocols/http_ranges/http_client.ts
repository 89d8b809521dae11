import { ConnectionProblem, deadline } from "../../net/connection_problem.ts";
import { closeQuietly } from "../../net/dial.ts";
import { closingOnAbort, connect, type ConnectOptions, type Route, routeTo } from "./connect.ts";
import { HttpConnection, StaleConnectionError } from "./http_connection.ts";
import { encodeRequest, type GetRequest } from "./encoded_request.ts";

/** A GET request, and what ends it. */
export interface HttpRequest extends Omit<GetRequest, "isProxied"> {
  /** Ends the request, or the reading of its body; what is under way rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body is still to be read. */
export interface HttpResponse {
  readonly status: number;
  /** Values have one character a byte, as with `fetch`. */
  readonly headers: Headers;
  /**
   * Reads into `buffer` what has come, and waits only while nothing has.
   *
   * @returns How many bytes; `null` at the end of the body.
   * @throws {ConnectionProblem} The connection was lost before that.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /** To be called in the end; the connection goes unless the body was read to its end. */
  close(): void;
}

/** A connection of the pool is not believed to be alive any longer than this, in milliseconds. */
const IDLE_MS = 30_000;
/** Most connections of the pool: servers that redirect leave one each, and a client may live for months. */
const IDLE_MOST = 64;
/** A server that takes so long to connect to, in milliseconds, is far enough for a round trip to count. */
const FAR_MS = 20;

/** Options of {@linkcode HttpClient}. */
export interface HttpClientOptions extends ConnectOptions {
  /**
   * Connections to be opened besides the first while a far server thinks about the first request: the next
   * requests then go out a round trip earlier, two under TLS. Default: none.
   */
  readonly spares?: number;
  /** A server is far that takes so long to connect to, in milliseconds. Default: 20. */
  readonly farMs?: number;
}

/**
 * Asks for files over HTTP/1.1, each request on a connection of its own; a connection whose answer was read to
 * its end carries the next request for the same server. Redirects are not followed, bodies not decoded.
 *
 * Built on bare connections, as `fetch` and `node:http` take two to three times the time for a large body.
 */
export class HttpClient implements Disposable {
  readonly #options: HttpClientOptions;
  readonly #idle = new Map<string, { readonly connection: HttpConnection; readonly sinceMs: number }[]>();
  /** Connections that are being opened and nobody has asked for yet. */
  readonly #spares = new Map<string, Promise<HttpConnection | undefined>[]>();
  readonly #closing = new AbortController();

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /**
   * Sends a request and waits for the head of its answer.
   *
   * @throws {ConnectionProblem} There is no answer, in time or at all, or it is not HTTP/1.
   * @throws {TypeError} The URL or a header can't be sent.
   */
  async open(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    const route = routeTo(request.url, this.#options);
    for (;;) {
      const reused = this.#takeIdle(route.key) ?? await this.#takeSpare(route.key, request.signal);
      const connection = reused ?? await this.#connect(route, request.signal);
      try {
        return await this.#ask(connection, { route, request });
      } catch (error) {
        closeQuietly(connection.stream);
        request.signal?.throwIfAborted();
        if (reused !== undefined && error instanceof StaleConnectionError) continue;
        throw asProblem(error);
      }
    }
  }

  /** Closes the connections that are idle, and each of the others with the end of its answer. */
  [Symbol.dispose](): void {
    this.#closing.abort(new ConnectionProblem("The client was closed"));
    for (const { connection } of [...this.#idle.values()].flat()) closeQuietly(connection.stream);
    this.#idle.clear();
  }

  async #ask(
    connection: HttpConnection,
    { route, request }: { readonly route: Route; readonly request: HttpRequest },
  ): Promise<HttpResponse> {
    const { timeoutMs } = this.#options;
    const { signal } = request;
    const bytes = encodeRequest({
      ...request,
      headers: [...route.asksProxy ? route.proxyHeaders : [], ...request.headers ?? []],
      isProxied: route.asksProxy,
    });
    using limit = deadline({
      timeoutMs,
      message: `No answer from ${request.url.host} within ${timeoutMs / 1000} s`,
      signal,
    });
    const { head, body } = await closingOnAbort(connection.stream, limit.signal, () => connection.ask(bytes));
    const close = () => closeQuietly(connection.stream);
    signal?.addEventListener("abort", close, { once: true });
    let isOpen = true;
    const release = () => {
      if (!isOpen) return;
      isOpen = false;
      signal?.removeEventListener("abort", close);
      if (head.isKeptAlive && body.isOver && !body.hasExcess && !signal?.aborted) {
        this.#keep(route.key, connection);
      } else closeQuietly(connection.stream);
    };
    return {
      status: head.status,
      headers: head.headers,
      async read(buffer) {
        try {
          return await body.read(buffer);
        } catch (error) {
          signal?.throwIfAborted();
          throw asProblem(error);
        }
      },
      close: release,
    };
  }

  async #connect(route: Route, signal: AbortSignal | undefined): Promise<HttpConnection> {
    const startedMs = performance.now();
    const connection = new HttpConnection(await connect(route, { ...this.#options, signal }));
    const { farMs = FAR_MS } = this.#options;
    if (performance.now() - startedMs >= farMs) this.#openSpares(route);
    return connection;
  }

  #openSpares(route: Route): void {
    const { spares: count = 0 } = this.#options;
    if (this.#closing.signal.aborted || this.#spares.has(route.key)) return;
    const { signal } = this.#closing;
    const spares = Array.from({ length: count }, async () => {
      try {
        const stream = await connect(route, { ...this.#options, signal });
        signal.addEventListener("abort", () => closeQuietly(stream), { once: true });
        return new HttpConnection(stream, { wasIdle: true });
      } catch {
        return undefined; // Whoever needs it tries again, and hears why.
      }
    });
    this.#spares.set(route.key, spares);
  }

  async #takeSpare(key: string, signal: AbortSignal | undefined): Promise<HttpConnection | undefined> {
    const spare = this.#spares.get(key)?.shift();
    if (spare === undefined) return undefined;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([spare, aborted]);
    } catch (error) {
      void spare.then((connection) => connection === undefined || closeQuietly(connection.stream));
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  #takeIdle(key: string): HttpConnection | undefined {
    const idle = this.#idle.get(key) ?? [];
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      if (performance.now() - last.sinceMs < IDLE_MS) return last.connection;
      closeQuietly(last.connection.stream);
    }
    return undefined;
  }

  #keep(key: string, connection: HttpConnection): void {
    if (this.#closing.signal.aborted) return closeQuietly(connection.stream);
    const idle = this.#idle.get(key) ?? [];
    // The server that was asked last goes to the end, to be the last one that is let go.
    this.#idle.delete(key);
    this.#idle.set(key, [...idle, { connection, sinceMs: performance.now() }]);
    const all = [...this.#idle.values()].flat();
    if (all.length > IDLE_MOST) this.#letGoOfOldest();
  }

  #letGoOfOldest(): void {
    for (const [key, [oldest, ...others]] of this.#idle) {
      if (others.length === 0) this.#idle.delete(key);
      else this.#idle.set(key, others);
      if (oldest === undefined) continue;
      closeQuietly(oldest.connection.stream);
      return;
    }
  }
}

function asProblem(error: unknown): unknown {
  if (error instanceof ConnectionProblem || error instanceof TypeError) return error;
  const reason = error instanceof Error ? error.message.replace(/ \(os error \d+\)$/, "") : String(error);
  return new ConnectionProblem(`The connection was lost: ${reason}`, { cause: error });
}
