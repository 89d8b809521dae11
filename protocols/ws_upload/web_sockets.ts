import type { Buffer } from "node:buffer";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws@8.18.2"
import { type WebSocket, WebSocketServer } from "ws";
import { SUBPROTOCOL } from "../../net/access.ts";
import type { ReceiveBudget } from "../../net/receive_budget.ts";
import type { AccessGate } from "./access_gate.ts";
import { MAX_FRAME_BYTES, serveConnection } from "./connection.ts";
import type { SideService } from "./side_service.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { Uploads } from "./uploads.ts";

/** All that are open or still have messages to work off; a promise settles when nothing is left to do. */
export type Connections = Map<WebSocket, Promise<void>>;

/** Takes the WebSockets that an HTTP server is asked for, and serves uploads over them. */
export function acceptWebSockets(
  http: Server,
  site: {
    readonly gate: AccessGate;
    readonly uploads: Uploads;
    readonly budget: ReceiveBudget;
    readonly metrics: UploadMetrics;
    readonly connections: Connections;
    readonly side: SideService | undefined;
  },
): WebSocketServer {
  const { gate, uploads, budget, metrics, connections, side } = site;
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  });
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!gate.admits(request)) return refuseUpgrade(socket, "403 Forbidden");
    if (!gate.hasToken(request)) return refuseUpgrade(socket, "401 Unauthorized");
    webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      const served = serveConnection(webSocket, { uploads, budget, metrics, side, transport: socket });
      connections.set(webSocket, served.finally(() => connections.delete(webSocket)));
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
