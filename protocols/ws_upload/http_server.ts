import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { takeEach } from "../../net/accept.ts";
import { ConnectionLimit, type ConnectionRefusal } from "../../net/connection_limit.ts";
import { ConnStream } from "../../net/conn_stream.ts";

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
  readonly onRefused: (
    reason: ConnectionRefusal,
    peer: { readonly remoteAddress?: string | undefined },
  ) => void;
  /** Called for every request for a WebSocket, with what was read behind it. */
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
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
  readonly port: number;
  /**
   * Uses another certificate for the connections to come.
   *
   * @throws {TypeError} The server was started without one.
   */
  setCertificate(pair: TlsPair): void;
  /** Takes no more connections. @returns Settles when the last one is over. */
  close(): Promise<void>;
  /** Ends the connections that wait for a request. */
  closeIdle(): void;
  /** Ends all connections. */
  closeAll(): void;
}

/** Most connections at a time, of all kinds. */
const MAX_CONNECTIONS = 2048;
/** How often it is looked whether a client took too long, in milliseconds; Node's default is 30 s. */
const CHECK_MS = 1_000;

/** Starts a server. */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<HttpServer> {
  const { tls, headersMs = 10_000, idleMs = 120_000 } = options;
  const limits = {
    headersTimeout: headersMs,
    handshakeTimeout: headersMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, headersMs),
    // A body is never read, so it may take no time at all.
    requestTimeout: 0,
    // Any other upgrade may be ignored (RFC 9110 section 7.8), and clients do ask for h2c.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === "websocket",
  };
  const tlsServer = tls === undefined ? undefined : createTlsServer({ ...limits, ...tls }, listener);
  const server: Server = tlsServer ?? createServer(limits, listener);
  server.timeout = idleMs;
  server.on("upgrade", options.onUpgrade);
  const limit = new ConnectionLimit({ total: MAX_CONNECTIONS, perAddress: options.maxConnectionsPerAddress });
  const admit = (socket: Admissible) => admitTo(limit, socket, options);
  // Before Deno 2.8 it was something of its own, which takes no connections from elsewhere.
  const takesConnections = tlsServer === undefined && server instanceof NetServer;
  const { port, close, destroyAll } = takesConnections
    ? handConnections(server, options, admit)
    : await bind(server, options, admit);
  return {
    port,
    setCertificate({ cert, key }) {
      if (tlsServer === undefined) throw new TypeError("The server was started without TLS");
      tlsServer.setSecureContext({ cert, key });
    },
    close,
    closeIdle: () => server.closeIdleConnections(),
    closeAll() {
      server.closeAllConnections();
      destroyAll();
    },
  };
}

/** A connection that may be too many. */
type Admissible = Duplex & { readonly remoteAddress?: string | undefined };

/** @returns Whether it is taken; else it is gone. */
function admitTo(limit: ConnectionLimit, socket: Admissible, { onRefused }: ListenOptions): boolean {
  // Without one it is gone already.
  const { remoteAddress } = socket;
  const reason = remoteAddress === undefined ? undefined : limit.admit(remoteAddress);
  if (remoteAddress !== undefined && reason === undefined) {
    socket.once("close", () => limit.release(remoteAddress));
    return true;
  }
  if (reason !== undefined) onRefused(reason, { remoteAddress });
  socket.destroy();
  return false;
}

interface Bound {
  readonly port: number;
  readonly close: () => Promise<void>;
  /** Also ends what Node's server counts no more, or not yet: what was upgraded, or is shaking hands. */
  readonly destroyAll: () => void;
}

/** Listens, and hands a server its connections as {@linkcode ConnStream}s. */
function handConnections(
  server: Server,
  { host, port }: ListenOptions,
  admit: (socket: Admissible) => boolean,
): Bound {
  const listener = Deno.listen({ hostname: host, port });
  const open = new Set<ConnStream>();
  const { promise: empty, resolve: onEmpty } = Promise.withResolvers<void>();
  let isListening = true;
  // A server that does not listen keeps no connection alive, and looks after none.
  Object.defineProperty(server, "listening", { get: () => isListening });
  server.emit("listening");
  const take = (conn: Deno.TcpConn) => {
    const stream = new ConnStream(conn);
    open.add(stream);
    stream.once("close", () => {
      open.delete(stream);
      if (!isListening && open.size === 0) onEmpty();
    });
    if (admit(stream)) server.emit("connection", stream);
  };
  void takeEach(listener, take);
  return {
    port: listener.addr.port,
    async close() {
      isListening = false;
      listener.close();
      // Has it stop looking after connections; that it does not listen is no news.
      server.close(() => {});
      if (open.size > 0) await empty;
    },
    destroyAll() {
      for (const stream of open) stream.destroy();
    },
  };
}

function bind(
  server: Server,
  { host, port }: ListenOptions,
  admit: (socket: Admissible) => boolean,
): Promise<Bound> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    admit(socket);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve({
        port: typeof address === "object" && address !== null ? address.port : port,
        close: () => new Promise((resolve) => server.close(() => resolve())),
        destroyAll() {
          for (const socket of open) socket.destroy();
        },
      });
    });
  });
}
