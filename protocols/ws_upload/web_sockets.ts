import type { Buffer } from "node:buffer";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws@8.18.2"
import { type WebSocket, WebSocketServer } from "ws";
import { SUBPROTOCOL } from "../../net/access.ts";
import type { AccessGate } from "./access_gate.ts";
import { MAX_FRAME_BYTES, serveConnection } from "./connection.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { ConnectionId } from "./upload_session.ts";
import type { Uploads } from "./uploads.ts";

/** A client's WebSocket. */
export interface Connection {
  readonly socket: WebSocket;
  /** Settles when nothing is left to do for it. */
  readonly served: Promise<void>;
}

/** All that are open or still have messages to work off. */
export type Connections = Map<ConnectionId, Connection>;

/** Takes the WebSockets that an HTTP server is asked for, and serves uploads over them. */
export function acceptWebSockets(
  http: Server,
  site: {
    readonly gate: AccessGate;
    readonly uploads: Uploads;
    readonly metrics: UploadMetrics;
    readonly connections: Connections;
  },
): WebSocketServer {
  const { gate, uploads, metrics, connections } = site;
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  });
  let lastConnection = 0;
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!gate.admits(request)) return refuseUpgrade(socket, "403 Forbidden");
    if (!gate.hasToken(request)) return refuseUpgrade(socket, "401 Unauthorized");
    webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      const id = ++lastConnection;
      const served = serveConnection(webSocket, {
        handle: (message) => uploads.handle(message, id),
        metrics,
      }).then(() => uploads.disconnected(id)).finally(() => connections.delete(id));
      connections.set(id, { socket: webSocket, served });
    });
  });
  return webSockets;
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on("error", () => {});
  // Else a client that keeps its side open would keep the socket.
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
