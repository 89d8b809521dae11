import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { ConnectionLimit, type ConnectionRefusal } from "../../net/connection_limit.ts";

/** A certificate and its private key, as PEM text. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** Options of {@linkcode listen}. */
export interface ListenOptions {
  /** Address or name to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** `undefined`: no TLS. */
  readonly tls?: TlsPair | undefined;
  /** Most connections at a time from one address. */
  readonly maxConnectionsPerAddress: number;
  /** Called for every connection that is not taken. */
  readonly onRefused: (reason: ConnectionRefusal, socket: Socket) => void;
  /**
   * How long a client may take for the TLS handshake, and then for the headers of each request, in
   * milliseconds. Default: 10 000.
   */
  readonly headersMs?: number;
  /** How long an answer may stand still because its reader does, in milliseconds. Default: 120 000. */
  readonly idleMs?: number;
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
/** How often it is looked whether a client took too long, in milliseconds; Node's default is 30 s. */
const CHECK_MS = 1_000;

/** Starts a server. Requests for a WebSocket arrive as "upgrade" on it. */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<HttpServer> {
  const { tls, headersMs = 10_000, idleMs = 120_000 } = options;
  const limits = {
    headersTimeout: headersMs,
    handshakeTimeout: headersMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, headersMs),
    // A body is never read, so it may take no time at all.
    requestTimeout: 0,
  };
  const tlsServer = tls === undefined ? undefined : createTlsServer({ ...limits, ...tls }, listener);
  const server: Server = tlsServer ?? createServer(limits, listener);
  // Of WebSockets `ws` takes it off again.
  server.timeout = idleMs;
  limitConnections(server, options);
  return {
    server,
    port: await bind(server, options),
    setCertificate({ cert, key }) {
      if (tlsServer === undefined) throw new TypeError("The server was started without TLS");
      tlsServer.setSecureContext({ cert, key });
    },
  };
}

function limitConnections(server: Server, options: ListenOptions): void {
  const limit = new ConnectionLimit({
    total: MAX_CONNECTIONS,
    perAddress: options.maxConnectionsPerAddress,
  });
  server.on("connection", (socket: Socket) => {
    const { remoteAddress } = socket;
    // It is gone already.
    if (remoteAddress === undefined) return void socket.destroy();
    const refusal = limit.admit(remoteAddress);
    if (refusal === undefined) {
      socket.once("close", () => limit.release(remoteAddress));
      return;
    }
    options.onRefused(refusal, socket);
    socket.destroy();
  });
}

function bind(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
