import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";

/** A certificate and its private key, as PEM text. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** A server of HTTP, on TLS or not, that is listening. */
export interface HttpServer {
  readonly server: Server;
  readonly port: number;
  /**
   * Uses another certificate for the connections to come.
   *
   * @throws {TypeError} The server was started without one.
   */
  readonly setCertificate: (pair: TlsPair) => void;
}

/** Most connections at a time, of all kinds. */
const MAX_CONNECTIONS = 2048;
/** How long a client may take for the TLS handshake and then for a request's headers, in milliseconds. */
const HEADERS_MS = 10_000;
/** How often that is looked at, in milliseconds. */
const CHECK_MS = 1_000;

const LIMITS = {
  headersTimeout: HEADERS_MS,
  handshakeTimeout: HEADERS_MS,
  connectionsCheckingInterval: CHECK_MS,
  requestTimeout: 0,
} as const;

/** Starts a server. Requests for a WebSocket arrive as "upgrade" on it. */
export async function listen(
  listener: RequestListener,
  options: { readonly host: string; readonly port: number; readonly tls?: TlsPair | undefined },
): Promise<HttpServer> {
  const { tls } = options;
  if (tls === undefined) {
    const server = createServer(LIMITS, listener);
    return { server, port: await bind(server, options), setCertificate };
  }
  // Without the protocol a client that offers it, as Deno's WebSocket does, is refused (RFC 7301).
  const server = createTlsServer({ ...LIMITS, ...tls, ALPNProtocols: ["http/1.1"] }, listener);
  return {
    server,
    port: await bind(server, options),
    setCertificate: ({ cert, key }) => server.setSecureContext({ cert, key }),
  };
}

function setCertificate(): never {
  throw new TypeError("The server was started without TLS");
}

function bind(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
