import type { IncomingMessage, ServerResponse } from "node:http";
import { METRICS_CONTENT_TYPE } from "../../net/metrics.ts";
import type { AccessGate } from "./access_gate.ts";
import type { EventHub } from "./event_hub.ts";
import { serveFile } from "./files_route.ts";
import type { ShareList } from "./share_list.ts";
import type { SideService } from "./side_service.ts";

/** A file of the page. */
export interface PageAsset {
  readonly contentType: string;
  readonly body: string;
}

/** A request and the way to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What the routes answer from. */
export interface Site {
  readonly gate: AccessGate;
  /** The page, by URL path. */
  readonly page: ReadonlyMap<string, PageAsset>;
  /** Absolute path of the directory of received files. */
  readonly root: string;
  /** The metrics of this moment, as text. */
  readonly scrape: () => Promise<string>;
  /** What others may see of the uploads; `undefined`: nothing. */
  readonly share: ShareList | undefined;
  readonly side: SideService | undefined;
  /** What happens; `undefined`: nothing that others may know of. */
  readonly hub: EventHub | undefined;
  /** A request could not be answered, through no fault of its own. */
  readonly onError: (path: string, error: unknown) => void;
}

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

/** Answers one HTTP request that is no WebSocket's. Never throws. */
export async function respond(exchange: Exchange, site: Site): Promise<void> {
  const { request, response } = exchange;
  try {
    if (!site.gate.admits(request)) {
      return endText(exchange, 403, "Forbidden: Host or Origin is not this server's\n");
    }
    const path = URL.parse(request.url ?? "", "http://server")?.pathname ?? "";
    const side = site.side?.route(path);
    if (side !== undefined) return await guard(exchange, site, side);
    if (request.method !== "GET" && request.method !== "HEAD") {
      site.gate.deny("method", request.socket, request.method);
      response.setHeader("Allow", "GET, HEAD");
      return endText(exchange, 405, "Method not allowed\n");
    }
    await route(exchange, path, site);
  } catch (error) {
    site.onError(request.url ?? "", error);
    if (!response.headersSent) endText(exchange, 500, "Internal error\n");
    else response.destroy();
  }
}

async function route(exchange: Exchange, path: string, site: Site): Promise<void> {
  const { request, response } = exchange;
  if (path === "/healthz") return endText(exchange, 200, "ok\n");
  const asset = site.page.get(path);
  if (asset !== undefined) {
    response.writeHead(200, { ...PAGE_HEADERS, "Content-Type": asset.contentType });
    response.end(request.method === "HEAD" ? undefined : asset.body);
    return;
  }
  if (path === "/api/access") return endText(exchange, site.gate.answersToken(request) ? 204 : 401);
  const guarded = guardedRoute(path, site);
  if (guarded === undefined) return endText(exchange, 404, "Not found\n");
  await guard(exchange, site, guarded);
}

/** Lets a request pass that comes with the token. */
async function guard(
  exchange: Exchange,
  site: Site,
  guarded: (exchange: Exchange) => Promise<void> | void,
): Promise<void> {
  const { request, response } = exchange;
  if (!site.gate.hasToken(request)) {
    // Not on /api/access: there the page asks, in its own way.
    response.setHeader("WWW-Authenticate", 'Basic realm="transfer", charset="UTF-8"');
    return endText(exchange, 401, "The token is required\n");
  }
  await guarded(exchange);
}

/** What is behind the token, by path. */
function guardedRoute(path: string, site: Site): ((exchange: Exchange) => Promise<void> | void) | undefined {
  const { share, hub, root } = site;
  if (path === "/metrics") {
    return async (exchange) => endText(exchange, 200, await site.scrape(), METRICS_CONTENT_TYPE);
  }
  if (path === "/api/uploads" && share !== undefined) {
    return (exchange) => endText(exchange, 200, `${JSON.stringify(share.snapshot())}\n`, "application/json");
  }
  if (path === "/api/events" && hub !== undefined) {
    return (exchange) => {
      if (hub.follow(exchange)) return;
      exchange.response.setHeader("Retry-After", "10");
      endText(exchange, 503, "Too many readers\n");
    };
  }
  if (!path.startsWith("/files/")) return undefined;
  return async (exchange) => {
    const name = decodePath(path.slice("/files/".length));
    if (name === undefined || !(await serveFile(exchange, { root, name }))) {
      endText(exchange, 404, "Not found\n");
    }
  };
}

function endText(
  { request, response }: Exchange,
  status: number,
  text = "",
  contentType = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, {
    "Content-Type": contentType,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

function decodePath(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
