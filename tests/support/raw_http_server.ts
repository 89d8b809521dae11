import { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";

/** A request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  /** What `Range` asks for, `to` exclusive. */
  readonly range: { readonly from: number; readonly to: number } | undefined;
  /** How many requests came before it, on all connections and on its own. */
  readonly index: number;
  readonly indexOnConnection: number;
}

/** A connection of a client, to answer on as one likes. */
export interface RawConnection {
  /** How many connections came before it. */
  readonly index: number;
  /** Waits until the kernel has taken it. Resolves also when the client is gone. */
  write(data: string | Uint8Array): Promise<void>;
  /** The next bytes that the client sends; `undefined` when it has closed. */
  read(): Promise<Uint8Array | undefined>;
  /** Closes it in order (FIN). */
  end(): void;
  /** Closes it as if it had never been (RST). */
  reset(): void;
  /** Resolves when the client has closed it, or the server. */
  readonly closed: Promise<void>;
}

/** A server that speaks whatever a test has it speak: it knows how a request ends, and nothing else of HTTP. */
export interface RawHttpServer extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** All requests that came, in order. */
  readonly requests: readonly RawRequest[];
  readonly connections: RawConnections;
  /** Resolves when every connection that came so far is closed. */
  allClosed(): Promise<void>;
}

/** How many connections there are, were at most at a time, and have come in all. */
export interface RawConnections {
  readonly open: number;
  readonly most: number;
  readonly all: number;
}

/** Answers one request. The next one on the connection is read when it is done. */
export type RawAnswer = (request: RawRequest, connection: RawConnection) => Promise<void> | void;

/** Starts a {@linkcode RawHttpServer} on a free port of 127.0.0.1. */
export async function rawHttpServer(
  answer: RawAnswer,
  { onConnection }: {
    /** Called with each connection as it comes. */
    readonly onConnection?: (connections: RawConnections, connection: RawConnection) => void;
  } = {},
): Promise<RawHttpServer> {
  const requests: RawRequest[] = [];
  const connections = { open: 0, most: 0, all: 0 };
  const sockets = new Set<Socket>();
  const serving = new Set<Promise<void>>();
  const closed: Promise<void>[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    connections.open++;
    connections.most = Math.max(connections.most, connections.open);
    const connection = rawConnection(socket, connections.all++);
    closed.push(connection.closed.then(() => {
      connections.open--;
      sockets.delete(socket);
    }));
    onConnection?.({ ...connections }, connection);
    const served = serve(connection, {
      answer,
      note: (request) => {
        const noted = { ...request, index: requests.length };
        requests.push(noted);
        return noted;
      },
    }).finally(() => serving.delete(served));
    serving.add(served);
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return {
    port: address.port,
    origin: `http://127.0.0.1:${address.port}`,
    requests,
    connections,
    async allClosed() {
      await Promise.all(closed);
    },
    async [Symbol.asyncDispose]() {
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      await Promise.all(serving);
      await closed;
    },
  };
}

async function serve(
  connection: RawConnection,
  { answer, note }: {
    readonly answer: RawAnswer;
    readonly note: (request: Omit<RawRequest, "index">) => RawRequest;
  },
): Promise<void> {
  let text = "";
  for (let indexOnConnection = 0;; indexOnConnection++) {
    let end = text.indexOf("\r\n\r\n");
    while (end === -1) {
      const bytes = await connection.read();
      if (bytes === undefined) return;
      text += Buffer.from(bytes).toString("latin1");
      end = text.indexOf("\r\n\r\n");
    }
    const request = note({ ...parseRequest(text.slice(0, end)), indexOnConnection });
    text = text.slice(end + 4);
    await answer(request, connection);
  }
}

function parseRequest(head: string): Omit<RawRequest, "index" | "indexOnConnection"> {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = new Headers();
  for (const line of lines) {
    headers.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1));
  }
  const [, from, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "") ?? [];
  const range = from === undefined
    ? undefined
    : { from: Number(from), to: last ? Number(last) + 1 : Infinity };
  return { method, target, headers, range };
}

function rawConnection(socket: Socket, index: number): RawConnection {
  const { promise: closed, resolve: noteClosed } = Promise.withResolvers<void>();
  socket.on("close", () => noteClosed());
  // A client that resets its side is no failure of the server's.
  socket.on("error", () => {});
  socket.setNoDelay(true);
  const incoming = socket[Symbol.asyncIterator]();
  return {
    index,
    closed,
    async write(data) {
      if (socket.destroyed || socket.writableEnded) return;
      const { promise: taken, resolve } = Promise.withResolvers<void>();
      socket.write(data, () => resolve());
      await Promise.race([taken, closed]);
    },
    async read() {
      try {
        const { value, done } = await incoming.next();
        return done ? undefined : value;
      } catch {
        return undefined; // Reset by the client.
      }
    },
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}
