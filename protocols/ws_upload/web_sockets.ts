import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { SUBPROTOCOL } from "../../net/access.ts";
import { duplexBytes } from "../../net/byte_stream.ts";
import { ConnStream } from "../../net/conn_stream.ts";
import type { ReceiveMemory } from "../../net/receive_memory.ts";
import { WebSocketConnection } from "../../net/web_socket.ts";
import { answerHandshake, refusal } from "../../net/web_socket_handshake.ts";
import type { AccessGate } from "./access_gate.ts";
import { MAX_MESSAGE_BYTES, MAX_READ_BYTES, MAX_UNSENT_BYTES, serveConnection } from "./connection.ts";
import type { SideService } from "./side_service.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { Uploads } from "./uploads.ts";

/** How long a client that is turned away may take to read so, in milliseconds. */
const REFUSE_MS = 2_000;

/** All that are open or still have messages to work off; a promise settles when nothing is left to do. */
export type Connections = Map<WebSocketConnection, Promise<void>>;

/** What WebSockets are served with. */
export interface WebSocketSite {
  readonly gate: AccessGate;
  readonly uploads: Uploads;
  readonly memory: ReceiveMemory;
  readonly metrics: UploadMetrics;
  readonly connections: Connections;
  readonly side: SideService | undefined;
  /** Whether the server is to end: it takes nobody any more. */
  readonly isClosing: () => boolean;
  /** A connection ended by a fault of the server's own. */
  readonly onError: (error: unknown) => void;
}

/** Answers a request for a WebSocket, and serves uploads over it. */
export function acceptWebSocket(
  { request, socket, head }: {
    readonly request: IncomingMessage;
    readonly socket: Duplex;
    readonly head: Uint8Array;
  },
  { gate, uploads, memory, metrics, connections, side, isClosing, onError }: WebSocketSite,
): void {
  socket.on("error", () => {});
  if (isClosing()) return refuse(socket, refusal("503 Service Unavailable"));
  if (!gate.admits(request)) return refuse(socket, refusal("403 Forbidden"));
  if (!gate.hasToken(request)) return refuse(socket, refusal("401 Unauthorized"));
  const { isAccepted, answer } = answerHandshake(request, SUBPROTOCOL);
  if (!isAccepted) return refuse(socket, answer);
  socket.write(answer);
  const stream = socket instanceof ConnStream ? socket.detach(head) : duplexBytes(socket, head);
  const webSocket = new WebSocketConnection(stream, {
    role: "server",
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxReadBytes: MAX_READ_BYTES,
    memory,
    maxUnsentBytes: MAX_UNSENT_BYTES,
  });
  const served = serveConnection(webSocket, { uploads, metrics, side });
  connections.set(webSocket, served.catch(onError).finally(() => connections.delete(webSocket)));
}

function refuse(socket: Duplex, answer: string): void {
  // Else a client that keeps its side open, or reads nothing, would keep the socket.
  const timer = setTimeout(() => socket.destroy(), REFUSE_MS);
  socket.once("close", () => clearTimeout(timer));
  socket.once("finish", () => socket.destroy());
  socket.end(answer);
}
