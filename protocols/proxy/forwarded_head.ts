import { listOf, valuesOf } from "../../net/http_fields.ts";
import type { Framing } from "../../net/http_framing.ts";
import type { RequestHead } from "../../net/request_head.ts";
import type { ResponseHead } from "../../net/response_head.ts";
import type { SetHeader, UpstreamAddress } from "./conf.ts";
import { encodeHead } from "./encoded_head.ts";
import { isWebSocket, wantsWebSocket } from "./upgrade.ts";

/** Headers of one connection only (RFC 9110 section 7.6.1), and those that say how its messages are framed. */
const HOP_BY_HOP = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What only the proxy says to an upstream, besides all `X-Forwarded-*`; from a client it would be a lie. */
const OF_THE_PROXY = new Set([
  ...HOP_BY_HOP,
  "forwarded",
  "host",
  // Programs of the CGI kind would take it for the address of a proxy to use (CVE-2016-5385).
  "proxy",
  "x-real-ip",
]);

/** What an upstream's head is made of, besides the request. */
export interface UpstreamHeadOptions {
  readonly upstream: UpstreamAddress;
  readonly setHeaders: readonly SetHeader[];
  readonly clientAddress: string;
  readonly scheme: "http" | "https";
  /** The name by which this proxy knows its own requests. */
  readonly pseudonym: string;
}

/** The head that an upstream gets. */
export function upstreamHead(request: RequestHead, options: UpstreamHeadOptions): Uint8Array {
  return encodeHead(`${request.method} ${request.target} HTTP/1.1`, upstreamFields(request, options));
}

function* upstreamFields(
  request: RequestHead,
  { upstream, setHeaders, clientAddress, scheme, pseudonym }: UpstreamHeadOptions,
): Generator<readonly [string, string]> {
  const { fields, host } = request;
  const asked = host === undefined ? "" : host.port === undefined ? host.name : `${host.name}:${host.port}`;
  const proxyHost = upstream.authority;
  const values = {
    host: host?.name ?? proxyHost,
    httpHost: asked === "" ? proxyHost : asked,
    remoteAddress: clientAddress,
    forwardedFor: valuesOf(fields, "x-forwarded-for").join(", "),
    scheme,
    target: request.target,
    proxyHost,
  };
  // An empty value means: not at all, as with nginx.
  const set = setHeaders.map(({ name, value }) => [name, value(values)] as const);
  const isSet = new Set(set.map(([name]) => canonical(name)));
  const own: readonly (readonly [string, string])[] = [
    ["Host", proxyHost],
    ["X-Forwarded-For", clientAddress],
    ["X-Forwarded-Proto", scheme],
    ["X-Forwarded-Host", asked],
  ];
  for (const [name, value] of own) if (!isSet.has(canonical(name)) && value !== "") yield [name, value];
  for (const [name, value] of set) if (value !== "") yield [name, value];
  const nominated = new Set(listOf(fields, "connection"));
  for (const { name, key, value } of fields) {
    const same = canonical(key);
    if (OF_THE_PROXY.has(same) || same.startsWith("x-forwarded-") || key === "via") continue;
    if (nominated.has(key) || isSet.has(same)) continue;
    yield [name, value];
  }
  yield ["Via", [...valuesOf(fields, "via"), `1.${request.minor} ${pseudonym}`].join(", ")];
  if (wantsWebSocket(request)) yield* [["Connection", "Upgrade"], ["Upgrade", "websocket"]] as const;
  yield* framingFields(request.framing, { isEmptyTold: valuesOf(fields, "content-length").length > 0 });
}

/** What headers have in common between which programs of the CGI kind see no difference: `X_Real_IP`, `X-Real-IP`. */
function canonical(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** Whether a request has come through this proxy before: it is passed in a circle. */
export function isLoop({ fields }: RequestHead, pseudonym: string): boolean {
  return listOf(fields, "via").some((each) => each.split(/[ \t]+/)[1] === pseudonym.toLowerCase());
}

/** What a client gets of a response, and in which form. */
export interface ClientMessage {
  readonly head: Uint8Array;
  /** Whether the body goes out in chunks. */
  readonly isChunked: boolean;
  /** Whether the client's connection can carry another request afterwards. */
  readonly isKeptAlive: boolean;
}

/**
 * The head that a client gets.
 *
 * @param options `isKeptAlive`: whether the connection would be kept, if the response's end can be told.
 */
export function clientMessage(
  response: ResponseHead,
  { request, isKeptAlive }: { readonly request: RequestHead; readonly isKeptAlive: boolean },
): ClientMessage {
  const { status, framing } = response;
  const isInterim = status < 200;
  const hasLength = framing.kind === "length";
  const isChunked = !hasLength && request.minor === 1;
  const isKept = isKeptAlive && (hasLength || isChunked);
  const fields = [...clientFields(response)];
  if (isWebSocket(response)) fields.push(["Connection", "Upgrade"], ["Upgrade", "websocket"]);
  else if (!isInterim) {
    const [told] = valuesOf(response.fields, "content-length");
    // There it tells of a body that is not sent (RFC 9110 section 8.6).
    if (request.method === "HEAD" || status === 304) {
      if (told !== undefined) fields.push(["Content-Length", told]);
    } else if (status !== 204 && (hasLength || isChunked)) {
      fields.push(...framingFields(hasLength ? framing : { kind: "chunked" }, { isEmptyTold: true }));
    }
    if (!isKept) fields.push(["Connection", "close"]);
    else if (request.minor === 0) fields.push(["Connection", "keep-alive"]);
  }
  const head = encodeHead(`HTTP/1.1 ${status} ${response.reason}`, fields);
  return { head, isChunked, isKeptAlive: isKept };
}

function* clientFields({ fields }: ResponseHead): Generator<readonly [string, string]> {
  const nominated = new Set(listOf(fields, "connection"));
  for (const { name, key, value } of fields) {
    if (!HOP_BY_HOP.has(key) && !nominated.has(key)) yield [name, value];
  }
}

function framingFields(
  framing: Framing,
  { isEmptyTold }: { readonly isEmptyTold: boolean },
): readonly (readonly [string, string])[] {
  if (framing.kind === "chunked") return [["Transfer-Encoding", "chunked"]];
  if (framing.kind === "until-close" || (framing.bytes === 0 && !isEmptyTold)) return [];
  return [["Content-Length", String(framing.bytes)]];
}
