import { ConnectionProblem, deadline } from "../../net/connection_problem.ts";
import { type ByteStream, closeQuietly, dial, type Endpoint } from "../../net/dial.ts";
import { connectUnverified, secure } from "../../net/secure.ts";
import { basicAuthorization } from "./credentials.ts";
import { HttpConnection } from "./http_connection.ts";
import type { Proxy } from "./proxies.ts";
import { encodeConnect, type Header } from "./encoded_request.ts";

/** How servers are connected to. */
export interface ConnectOptions {
  /** Of a connection, TLS included, and again of the head of an answer. */
  readonly timeoutMs: number;
  /** Certificates in PEM, trusted besides those of the system. */
  readonly caCerts?: readonly string[] | undefined;
  /** Whether any certificate will do. */
  readonly insecure?: boolean | undefined;
  /** The proxy that a URL is to be asked through. */
  readonly proxyFor?: ((url: URL) => Proxy | undefined) | undefined;
  /**
   * Whether an address may be connected to, see `dial`. Nobody checks what a proxy connects to, so that a URL
   * with a proxy is refused when this is given.
   */
  readonly admitAddress?: ((address: string) => boolean) | undefined;
}

/** How a URL is reached. */
export interface Route {
  /** Connections of the same are interchangeable. */
  readonly key: string;
  readonly url: URL;
  /** Where the connection goes. */
  readonly endpoint: Endpoint;
  readonly proxy: Proxy | undefined;
  /** Whether the proxy gets the request itself, instead of a tunnel being led through it. */
  readonly asksProxy: boolean;
  /** What the proxy is told. */
  readonly proxyHeaders: readonly Header[];
}

/**
 * Finds out how a URL is reached.
 *
 * @throws {TypeError} It is not http or https, or its proxy can't be used.
 * @throws {ConnectionProblem} A proxy would reach it, and addresses are to be checked.
 */
export function routeTo(url: URL, { proxyFor, admitAddress }: ConnectOptions): Route {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`Only http and https can be fetched, not ${url.protocol}`);
  }
  const proxy = proxyFor?.(url);
  if (proxy !== undefined && admitAddress !== undefined) {
    throw new ConnectionProblem("Nothing is fetched through a proxy where addresses are checked", {
      isFinal: true,
    });
  }
  const asksProxy = proxy !== undefined && url.protocol === "http:";
  const endpoint = proxy ?? endpointOf(url);
  const proxyHeaders = proxy?.credentials === undefined
    ? []
    : [basicAuthorization(proxy.credentials, "Proxy-Authorization")];
  const key = asksProxy ? `proxy ${endpoint.hostname}:${endpoint.port}` : url.origin;
  return { key, url, endpoint, proxy, asksProxy, proxyHeaders };
}

/**
 * Connects along a route, through the proxy and with TLS where they belong to it.
 *
 * @throws {ConnectionProblem} There is no connection, in time or at all.
 * @throws The reason of `signal`, when that is what ended it.
 */
export async function connect(
  route: Route,
  options: ConnectOptions & { readonly signal: AbortSignal | undefined },
): Promise<ByteStream> {
  const { timeoutMs, caCerts = [], insecure = false, admitAddress } = options;
  const { url, proxy, endpoint } = route;
  const message = `No connection to ${url.host} within ${timeoutMs / 1000} s`;
  using limit = deadline({ timeoutMs, message, signal: options.signal });
  const { signal } = limit;
  const { hostname } = endpointOf(url);
  const isSecure = url.protocol === "https:";
  if (isSecure && insecure) {
    const prepare = proxy === undefined ? undefined : (stream: ByteStream) => openTunnel(stream, route);
    return await connectUnverified(endpoint, { admitAddress, signal, serverName: hostname, prepare });
  }
  const connection = await dial(endpoint, { admitAddress, signal });
  if (!isSecure) return connection;
  if (proxy !== undefined) await closingOnAbort(connection, signal, () => openTunnel(connection, route));
  return await secure(connection, { hostname, caCerts, signal });
}

async function openTunnel(stream: ByteStream, { url, proxyHeaders }: Route): Promise<void> {
  // What comes behind the head is TLS, and its server waits for the client to begin.
  const { head } = await new HttpConnection(stream).ask(encodeConnect(url, proxyHeaders));
  if (head.status >= 200 && head.status < 300) return;
  throw new ConnectionProblem(`The proxy answered ${head.status} when asked for ${url.host}`, {
    isFinal: head.status === 407 || head.status === 403,
  });
}

function endpointOf({ hostname, port, protocol }: URL): Endpoint {
  return {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || (protocol === "https:" ? 443 : 80)),
  };
}

/** Runs a task on a connection, which is closed if the signal comes before the task is done, or if it fails. */
export async function closingOnAbort<T>(
  connection: ByteStream,
  signal: AbortSignal,
  task: () => Promise<T>,
): Promise<T> {
  const close = () => closeQuietly(connection);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    return await task();
  } catch (error) {
    close();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
