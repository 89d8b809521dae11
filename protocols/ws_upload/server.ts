import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws@8.18.2"
import WebSocket, { WebSocketServer } from "ws";
import { isHostAllowed, isOriginAllowed, isTokenValid, SUBPROTOCOL } from "../../net/access.ts";
import { ReceiveBudget } from "../../net/receive_budget.ts";
import { lockDirectory } from "../../store/lock.ts";
import { UploadStore } from "../../store/upload_store.ts";
import { MAX_FRAME_BYTES, serveConnection } from "./connection.ts";
import { serveFile } from "./files_route.ts";
import { type UploadEvent, Uploads } from "./uploads.ts";

/** A file of the page. */
export interface PageAsset {
  readonly contentType: string;
  readonly body: string;
}

/** Options of {@linkcode startUploadServer}. */
export interface UploadServerOptions {
  /** Address or name to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Directory that files are received in; made when it is not there. */
  readonly dir: string;
  /** Largest file accepted, in bytes. */
  readonly maxFileBytes: number;
  /** Most bytes that the directory may hold. */
  readonly maxTotalBytes: number;
  /** After how long without its client an unfinished upload is deleted, in milliseconds. */
  readonly expireMs: number;
  /** Most uploads open at a time. */
  readonly maxSessions: number;
  /** Replace a file that has an upload's name, instead of numbering the new one. */
  readonly overwrite: boolean;
  /** What every client has to present; `undefined` asks for nothing. */
  readonly token?: string | undefined;
  /** Origins of web pages that may use this server besides its own, such as `https://example.org`. */
  readonly allowedOrigins: readonly string[];
  /** The page, by URL path. */
  readonly page: ReadonlyMap<string, PageAsset>;
  readonly onEvent: (event: UploadEvent) => void;
}

/** A running server. */
export interface UploadServer {
  readonly host: string;
  readonly port: number;
  /** Absolute path of the directory. */
  readonly dir: string;
  /**
   * Stops: nothing new is taken, every client's socket is closed with 1001, what was received is
   * synced. Takes at most ten seconds, whatever the clients do.
   */
  close(): Promise<void>;
}

/** Most connections at a time, of all kinds. */
const MAX_CONNECTIONS = 2048;
/** Most bytes of messages that wait to be worked off, over all connections. */
const RECEIVE_BYTES = 64 * 1024 * 1024;
/** How often stale uploads are looked for, in milliseconds. */
const EXPIRE_EVERY_MS = 3_600_000;
/** How long a client may take for a request's headers, in milliseconds. */
const HEADERS_MS = 10_000;
/** How long {@linkcode UploadServer.close} waits for clients to close their side, in milliseconds. */
const GOODBYE_MS = 2_000;

const FORBIDDEN = "Forbidden: the Host or Origin of this request is not known to be this server's. " +
  "Open it by its address, or start it with --allow-origin and the origin in your browser's address bar.\n";

const PAGE_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  // The page and the program are of one version; a cached half of an older one is not.
  "Cache-Control": "no-cache",
} as const;

/** Starts a server of the upload protocol, its page and the files it received. */
export async function startUploadServer(options: UploadServerOptions): Promise<UploadServer> {
  const directory = await lockDirectory(options.dir);
  const store = await UploadStore.open(directory.path, { nowMs: Date.now() });
  const uploads = await Uploads.open({ ...options, store });
  const budget = new ReceiveBudget(RECEIVE_BYTES);
  const connections = new Set<Promise<void>>();
  const expirer = setInterval(() => void uploads.expire(Date.now() - options.expireMs), EXPIRE_EVERY_MS);
  await uploads.expire(Date.now() - options.expireMs);
  const http = createServer({ headersTimeout: HEADERS_MS, requestTimeout: 0 }, (request, response) => {
    void respond({ request, response }, options, store.root);
  });
  http.maxConnections = MAX_CONNECTIONS;
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
  });
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const status = refusal(request, options) ??
      (isTokenValid(request.headers, options.token) ? undefined : 401);
    if (status !== undefined) return refuseUpgrade(socket, status);
    webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      const served = serveConnection(webSocket, { uploads, budget, transport: socket }).finally(() =>
        connections.delete(served)
      );
      connections.add(served);
    });
  });
  const port = await listen(http, options);
  const stop = async () => {
    clearInterval(expirer);
    const closed = new Promise((resolve) => http.close(resolve));
    for (const client of webSockets.clients) client.close(1001, "Server is stopping");
    const terminate = setTimeout(() => {
      for (const client of webSockets.clients) client.terminate();
      http.closeAllConnections();
    }, GOODBYE_MS);
    await Promise.all(connections);
    http.closeIdleConnections();
    await closed;
    clearTimeout(terminate);
    directory[Symbol.dispose]();
  };
  let stopped: Promise<void> | undefined;
  return { host: options.host, port, dir: store.root, close: () => stopped ??= stop() };
}

function listen(http: Server, options: UploadServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen(options.port, options.host, () => {
      http.off("error", reject);
      const address = http.address();
      resolve(typeof address === "object" && address !== null ? address.port : options.port);
    });
  });
}

/** The status that a request is turned away with before its path matters. */
function refusal(request: IncomingMessage, options: UploadServerOptions): number | undefined {
  const { allowedOrigins, host, token } = options;
  const server = { boundTo: host, allowedOrigins, hasToken: token !== undefined };
  if (!isHostAllowed(request.headers, server)) return 403;
  if (!isOriginAllowed(request.headers, { scheme: "http", allowedOrigins })) return 403;
  return undefined;
}

function refuseUpgrade(socket: Duplex, status: number): void {
  const reason = status === 401 ? "Unauthorized" : "Forbidden";
  socket.on("error", () => {});
  const answer = `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  // Not left to the client to close: it could keep the socket, and the server from stopping.
  socket.end(answer, () => socket.destroy());
}

async function respond(
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
  options: UploadServerOptions,
  root: string,
): Promise<void> {
  const { request, response } = exchange;
  const end = (status: number, text = "") => {
    response.writeHead(status, {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
    });
    response.end(request.method === "HEAD" ? undefined : text);
  };
  try {
    const refused = refusal(request, options);
    if (refused !== undefined) return end(refused, FORBIDDEN);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return end(405, "Method not allowed\n");
    }
    const path = URL.parse(request.url ?? "", "http://server")?.pathname ?? "";
    if (path === "/healthz") return end(200, "ok\n");
    const asset = options.page.get(path);
    if (asset !== undefined) {
      response.writeHead(200, { ...PAGE_HEADERS, "Content-Type": asset.contentType });
      response.end(request.method === "HEAD" ? undefined : asset.body);
      return;
    }
    const authorized = isTokenValid(request.headers, options.token);
    // Without `WWW-Authenticate`, so that the page can ask in its own way.
    if (path === "/api/access") return end(authorized ? 204 : 401);
    if (!path.startsWith("/files/")) return end(404, "Not found\n");
    if (!authorized) {
      response.setHeader("WWW-Authenticate", 'Basic realm="transfer", charset="UTF-8"');
      return end(401, "The token is required\n");
    }
    const name = decodePath(path.slice("/files/".length));
    if (name === undefined || !(await serveFile(exchange, { root, name }))) end(404, "Not found\n");
  } catch (error) {
    options.onEvent({ type: "unusable", path: request.url ?? "", reason: String(error) });
    if (!response.headersSent) end(500, "Internal error\n");
    else response.destroy();
  }
}

function decodePath(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
