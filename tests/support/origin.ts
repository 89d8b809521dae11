import { pseudoRandomBytes } from "./bytes.ts";

/** A web server that files are fetched from. */
export interface Origin extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What was asked for: method, path and `Range`, if any. */
  readonly requests: readonly string[];
  /** Lets the bodies of `/held/…` come to their end, those to come as well. */
  release(): void;
}

/** What every file of it holds. */
export const ORIGIN_BYTES = pseudoRandomBytes(300_000);
/** Of a held file that much comes before it stands still. */
export const HELD_BYTES = 100_000;

/**
 * Starts an {@linkcode Origin}. Files with ranges are at `/files/NAME` and, standing still half-way, at
 * `/held/NAME`; `/page` is HTML, `/redirect?to=URL` redirects, `/empty` has no bytes, all else is 404.
 */
export function startOrigin(): Origin {
  const requests: string[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    requests.push(`${request.method} ${pathname} ${request.headers.get("range") ?? ""}`);
    if (pathname === "/page") return new Response("<p>hello", { headers: { "Content-Type": "text/html" } });
    if (pathname === "/empty") return new Response(null, { headers: { "Content-Length": "0" } });
    if (pathname === "/redirect") {
      return new Response(null, { status: 302, headers: { Location: searchParams.get("to") ?? "/" } });
    }
    if (pathname.startsWith("/files/")) return ranged(request, ORIGIN_BYTES.length);
    if (pathname.startsWith("/held/")) return ranged(request, HELD_BYTES, released);
    return new Response("Not found", { status: 404 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    port: server.addr.port,
    requests,
    release,
    async [Symbol.asyncDispose]() {
      release();
      await server.shutdown();
    },
  };
}

/** Bytes behind `heldFrom` come only when `released`. */
function ranged(request: Request, heldFrom: number, released: Promise<void> = Promise.resolve()): Response {
  const size = ORIGIN_BYTES.length;
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  const from = Number(match?.[1] ?? 0);
  const to = Math.min(size, match?.[2] ? Number(match[2]) + 1 : size);
  const held = Math.max(from, Math.min(to, heldFrom));
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      try {
        if (held > from) controller.enqueue(ORIGIN_BYTES.subarray(from, held));
        if (held < to) await released;
        if (held < to) controller.enqueue(ORIGIN_BYTES.subarray(held, to));
        controller.close();
      } catch {
        // Its client is gone.
      }
    },
  });
  const headers = new Headers({ "Content-Length": String(to - from), ETag: '"1"', "Accept-Ranges": "bytes" });
  if (match === null) return new Response(body, { headers });
  headers.set("Content-Range", `bytes ${from}-${to - 1}/${size}`);
  return new Response(body, { status: 206, headers });
}
