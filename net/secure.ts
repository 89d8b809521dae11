import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ConnectionProblem } from "./connection_problem.ts";
import {
  admittedAddresses,
  type ByteStream,
  closeQuietly,
  type DialOptions,
  type Endpoint,
  printed,
} from "./dial.ts";
import { explainTlsProblem } from "./tls_problem.ts";

/**
 * Speaks TLS over a connection, and checks whose certificate it is.
 *
 * @throws {ConnectionProblem} It is not accepted, or the other side speaks no TLS; the connection is closed.
 * @throws The reason of `signal`, when that is what ended it.
 */
export async function secure(
  connection: Deno.TcpConn,
  { hostname, caCerts, withoutTls = "is its URL http://", signal }: {
    readonly hostname: string;
    /** In PEM, besides those of the system. */
    readonly caCerts: readonly string[];
    /** What a person is told to look at where the server speaks no TLS. */
    readonly withoutTls?: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<ByteStream> {
  const secured = await Deno.startTls(connection, {
    hostname,
    caCerts: [...caCerts],
    alpnProtocols: ["http/1.1"],
  });
  const close = () => closeQuietly(secured);
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    await secured.handshake();
    return secured;
  } catch (error) {
    close();
    signal.throwIfAborted();
    throw tlsProblem(error, withoutTls);
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/**
 * Connects over TLS without looking at the certificate, which Deno's own TLS can't: through Node's, at a
 * third of the speed.
 *
 * @param options `prepare` speaks on the connection before TLS does: to a proxy, say.
 */
export async function connectUnverified(
  endpoint: Endpoint,
  options: DialOptions & {
    /** Whom the certificate is asked for. */
    readonly serverName: string;
    readonly prepare?: ((stream: ByteStream) => Promise<void>) | undefined;
  },
): Promise<ByteStream> {
  const [host = endpoint.hostname] = await admittedAddresses(endpoint.hostname, options);
  const plain = connectSocket({ host, port: endpoint.port });
  const close = () => void plain.destroy();
  options.signal.addEventListener("abort", close, { once: true });
  try {
    options.signal.throwIfAborted();
    await firstOf(plain, ["connect", "close"]);
    await options.prepare?.(socketStream(plain));
    options.signal.throwIfAborted();
    const socket = connectTls({
      socket: plain,
      // An address is no name to ask for (RFC 6066 section 3).
      ...(/^[\d.]+$|:/.test(options.serverName) ? {} : { servername: options.serverName }),
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    // A connection that is closed under it is told to none who wait for the handshake alone.
    plain.once("close", () => socket.destroy());
    await firstOf(socket, ["secureConnect", "close"]);
    options.signal.throwIfAborted();
    return socketStream(socket);
  } catch (error) {
    plain.destroy();
    options.signal.throwIfAborted();
    if (error instanceof ConnectionProblem) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectionProblem(`Can't connect to ${printed(endpoint)}: ${reason}`, { cause: error });
  } finally {
    options.signal.removeEventListener("abort", close);
  }
}

/** A socket of Node's in the shape of {@linkcode ByteStream}; it is read no faster than it is asked for. */
export function socketStream(socket: Socket): ByteStream {
  let problem: Error | undefined;
  socket.on("error", (error: Error) => problem = error);
  return {
    async read(buffer) {
      for (;;) {
        // A read of more than there is would wait for that much.
        const bytes = socket.read(Math.min(buffer.length, socket.readableLength));
        if (bytes instanceof Uint8Array && bytes.length > 0) {
          buffer.set(bytes);
          return bytes.length;
        }
        if (problem !== undefined) throw problem;
        if (socket.readableEnded) return null;
        if (socket.destroyed) throw new Deno.errors.ConnectionAborted("The connection was closed");
        await firstOf(socket, ["readable", "end", "close"]);
      }
    },
    async write(bytes) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
      return await promise;
    },
    close: () => void socket.destroy(),
  };
}

/** Waits for the first of some events, and leaves no listener behind. Rejects with an error. */
async function firstOf(socket: Socket, events: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const settle = () => resolve();
  for (const event of events) socket.once(event, settle);
  socket.once("error", reject);
  try {
    await promise;
  } finally {
    for (const event of events) socket.off(event, settle);
    socket.off("error", reject);
  }
}

function tlsProblem(error: unknown, withoutTls: string): ConnectionProblem {
  const problem = error instanceof Error ? error.message : String(error);
  const explained = explainTlsProblem(problem, withoutTls);
  return explained === undefined
    ? new ConnectionProblem(`The TLS connection failed: ${problem}`, { cause: error })
    : new ConnectionProblem(explained, { isFinal: true, cause: error });
}
