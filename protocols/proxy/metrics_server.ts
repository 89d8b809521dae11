import { type AccessHeaders, isHostAllowed, isTokenValid } from "../../net/access.ts";
import { METRICS_CONTENT_TYPE } from "../../net/metrics.ts";

/** Options of {@linkcode serveMetrics}. */
export interface MetricsServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What has to be presented for the metrics. */
  readonly token: string | undefined;
  readonly render: () => string;
}

/**
 * Serves `/metrics` and `/healthz` beside a proxy, on a port of their own: on the proxy's all paths belong to the
 * upstreams.
 *
 * @throws {Error} The address can't be listened on; `code` tells why.
 */
export function serveMetrics(
  { host, port, token, render }: MetricsServerOptions,
): { readonly port: number } & AsyncDisposable {
  const server = Deno.serve({ hostname: host, port, onListen: () => {} }, (request) => {
    const headers: AccessHeaders = {
      host: request.headers.get("host") ?? undefined,
      origin: request.headers.get("origin") ?? undefined,
      authorization: request.headers.get("authorization") ?? undefined,
      "sec-fetch-site": request.headers.get("sec-fetch-site") ?? undefined,
    };
    if (!isHostAllowed(headers, { boundTo: host, allowedOrigins: [], hasToken: token !== undefined })) {
      return plain(403, "Forbidden");
    }
    if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "Method Not Allowed");
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return plain(200, "ok");
    if (pathname !== "/metrics") return plain(404, "Not Found");
    if (!isTokenValid(headers, token)) return plain(401, "Unauthorized", { "www-authenticate": "Bearer" });
    return new Response(render(), { headers: { "content-type": METRICS_CONTENT_TYPE } });
  });
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
