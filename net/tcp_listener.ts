import { createServer, Server, type TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import { takeEach } from "./accept.ts";
import { type ByteStream, closeQuietly } from "./dial.ts";
import { socketStream } from "./secure.ts";

/** A connection's bytes, and an end for one direction of it. */
export interface ServedStream extends ByteStream {
  /** Tells the peer that nothing more will be written. */
  end(): Promise<void>;
}

/** A connection that has just been made. */
export interface Arrival {
  /** The peer's IP address. */
  readonly address: string;
  /** Its bytes; over TLS after the handshake. Rejects when that fails, or takes too long. */
  readonly stream: Promise<ServedStream>;
  /** Ends it at once, whether or not the handshake is done. May be called twice. */
  close(): void;
}

/** Options of {@linkcode listenTcp}. */
export interface ListenTcpOptions {
  /** Address or name to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** A certificate and its private key, as PEM text; `undefined`: no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** How long a client may take for the TLS handshake, in milliseconds. */
  readonly handshakeMs: number;
  readonly onArrival: (arrival: Arrival) => void;
}

/** Most bytes that are handed to TLS at a time. */
const WRITE_BYTES = 64 * 1024;

/** Listens for TCP connections. */
export interface TcpListening {
  readonly port: number;
  /**
   * Uses another certificate for the connections to come; those that are open stay.
   *
   * @throws {TypeError} It was started without one.
   */
  setCertificate(pair: { readonly cert: string; readonly key: string }): void;
  /** Takes no more connections; those that were taken are the caller's. */
  close(): void;
}

/**
 * Starts listening, over TLS through Node's server, as Deno's own can't change its certificate.
 *
 * @throws {Error} The address can't be listened on; `code` tells why. Or TLS was asked for, and the runtime is too old.
 */
export async function listenTcp(options: ListenTcpOptions): Promise<TcpListening> {
  return options.tls === undefined ? listenPlain(options) : await listenSecure(options, options.tls);
}

function listenPlain({ host, port, onArrival }: ListenTcpOptions): TcpListening {
  const listener = Deno.listen({ hostname: host, port });
  void takeEach(listener, (conn) => {
    // A short answer must not wait for the acknowledgement of the one before it (RFC 896).
    conn.setNoDelay();
    const stream: ServedStream = {
      read: (buffer) => conn.read(buffer),
      write: (bytes) => conn.write(bytes),
      end: () => conn.closeWrite(),
      close: () => closeQuietly(conn),
    };
    onArrival({ address: conn.remoteAddr.hostname, stream: Promise.resolve(stream), close: stream.close });
  });
  return {
    port: listener.addr.port,
    setCertificate() {
      throw new TypeError("The server was started without TLS");
    },
    close: () => listener.close(),
  };
}

async function listenSecure(
  { host, port, handshakeMs, onArrival }: ListenTcpOptions,
  pair: { readonly cert: string; readonly key: string },
): Promise<TcpListening> {
  // Deno 2.7 has a sketch of this server, which tells of no connection before its handshake.
  if (!("setSecureContext" in Server.prototype)) {
    throw new Error(`TLS needs Deno 2.9 or later, and this program runs on ${Deno.version.deno}`);
  }
  const server = createServer({ ...pair, handshakeTimeout: handshakeMs });
  const shaking = new Map<string, PromiseWithResolvers<ServedStream>>();
  server.on("connection", (socket: Socket) => {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) return void socket.destroy(); // Gone already.
    const peer = `${remoteAddress} ${remotePort}`;
    const stream = Promise.withResolvers<ServedStream>();
    shaking.set(peer, stream);
    socket.setNoDelay();
    socket.once("close", () => {
      stream.reject(new Error("The TLS handshake was not completed"));
      if (shaking.get(peer) === stream) shaking.delete(peer);
    });
    onArrival({ address: remoteAddress, stream: stream.promise, close: () => void socket.destroy() });
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    const stream = socketStream(socket);
    shaking.get(`${socket.remoteAddress} ${socket.remotePort}`)?.resolve({
      ...stream,
      // Node tells only when all of it is gone: by parts, it is seen whether the peer reads.
      write: (bytes) => stream.write(bytes.subarray(0, WRITE_BYTES)),
      end: () => ended(socket),
    });
  });
  // Without a listener it would end the process; what became of the connection its stream tells.
  server.on("tlsClientError", (_error: Error, socket: TLSSocket) => void socket.destroy());
  await bound(server, { host, port });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    setCertificate: ({ cert, key }) => server.setSecureContext({ cert, key }),
    close: () => void server.close(),
  };
}

function ended(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => socket.end(() => resolve()));
}

async function bound(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
