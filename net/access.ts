/** Who may speak to a server: checks of a request's headers, without I/O. */

import { createHash, timingSafeEqual } from "node:crypto";

/** The headers that the checks read, as `node:http` names them. */
export interface AccessHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly authorization?: string | undefined;
  readonly "sec-websocket-protocol"?: string | undefined;
  /** Every browser of today sends it (Fetch Metadata), and no page can leave it out. */
  readonly "sec-fetch-site"?: string | string[] | undefined;
}

/** The subprotocol that the server speaks, and the prefix of the one that carries a browser's token. */
export const SUBPROTOCOL = "transfer";
const TOKEN_SUBPROTOCOL = "transfer.token.";

/** Whether a name or address is this machine's own loopback. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  // A URL parser writes every address in one way: 127.1 and 0:0:0:0:0:0:0:1 as well.
  const parsed = URL.parse(`http://${bare.includes(":") ? `[${bare}]` : bare}`)?.hostname ?? bare;
  const name = parsed.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(name) || /^::ffff:7f[0-9a-f]{2}:/.test(name);
}

/**
 * Whether a server may answer a request with this `Host`. A web page can point its own name at this
 * machine (DNS rebinding) and would then be of the same origin as the server: so names that are not known
 * to be the server's are refused. Known are addresses, which no page can point anywhere, names of
 * loopback, the name it was bound to, and the hosts of `allowedOrigins`.
 *
 * A server on loopback is strict with everybody. One that others reach is called by names that it can't
 * know: there only browsers are held to this, and only where no token protects it anyhow.
 */
export function isHostAllowed(
  headers: AccessHeaders,
  server: {
    readonly boundTo: string;
    readonly allowedOrigins: readonly string[];
    readonly hasToken: boolean;
  },
): boolean {
  const { host } = headers;
  const isBrowser = headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;
  if (!isLoopback(server.boundTo) && (server.hasToken || !isBrowser)) return true;
  // HTTP/1.0 has no Host; no browser speaks it.
  if (host === undefined) return true;
  const hostname = URL.parse(`http://${host}`)?.hostname;
  if (hostname === undefined) return false;
  if (isLoopback(hostname) || hostname === server.boundTo.toLowerCase()) return true;
  if (!isLoopback(server.boundTo) && isAddress(hostname)) return true;
  return server.allowedOrigins.some((origin) => {
    const { protocol, host: allowed } = new URL(origin);
    // Parsed with its scheme, whose own port may be written or left out.
    return URL.parse(`${protocol}//${host}`)?.host === allowed;
  });
}

/** Whether a host of a URL is an address; a URL parser writes those of version 4 in one way. */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Whether a request with this `Origin` may be answered: one without (no browser sent it), the server's
 * own (RFC 6454: scheme, host and port, all three), or an allowed one.
 */
export function isOriginAllowed(
  headers: AccessHeaders,
  server: { readonly scheme: "http" | "https"; readonly allowedOrigins: readonly string[] },
): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true;
  if (server.allowedOrigins.includes(origin)) return true;
  return host !== undefined && origin === URL.parse(`${server.scheme}://${host}`)?.origin;
}

/**
 * Whether a request carries the token, as `Authorization: Bearer`, as the password of HTTP basic
 * authentication (what a browser can be made to ask for), or in a WebSocket subprotocol (the one
 * thing that a page can set). Compared in constant time. Without a token to ask for, all may enter.
 */
export function isTokenValid(headers: AccessHeaders, token: string | undefined): boolean {
  if (token === undefined) return true;
  const expected = digest(token);
  let valid = false;
  for (const presented of presentedTokens(headers)) {
    if (timingSafeEqual(digest(presented), expected)) valid = true;
  }
  return valid;
}

function* presentedTokens(headers: AccessHeaders): Generator<string> {
  const [scheme = "", credentials = ""] = (headers.authorization ?? "").split(/ +/, 2);
  if (scheme.toLowerCase() === "bearer") yield credentials;
  if (scheme.toLowerCase() === "basic") {
    const decoded = decodeBase64(credentials, "base64");
    yield decoded.slice(decoded.indexOf(":") + 1);
  }
  for (const protocol of (headers["sec-websocket-protocol"] ?? "").split(",")) {
    const name = protocol.trim();
    if (name.startsWith(TOKEN_SUBPROTOCOL)) {
      yield decodeBase64(name.slice(TOKEN_SUBPROTOCOL.length), "base64url");
    }
  }
}

function decodeBase64(text: string, alphabet: "base64" | "base64url"): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text, { alphabet }));
  } catch {
    return "";
  }
}

/** Equal in length whatever the input, as a comparison in constant time needs. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
