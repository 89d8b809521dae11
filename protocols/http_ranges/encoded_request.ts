/** A GET request. */
export interface GetRequest {
  /** Without user and password: these belong into `headers`. */
  readonly url: URL;
  /** Bytes to ask for, `to` exclusive; the whole file without. */
  readonly range?: { readonly from: number; readonly to: number } | undefined;
  /** Sent as they are; one of the caller's replaces one of ours of the same name. */
  readonly headers?: readonly Header[] | undefined;
  /** Whether a proxy is asked for it, which has to be told the whole URL (RFC 9112 section 3.2.2). */
  readonly isProxied?: boolean | undefined;
}

/** A header's name and value. */
export type Header = readonly [name: string, value: string];

const USER_AGENT = "transfer";

/** What decides where a message ends, or what its body means: not for the caller to say. */
const OWN_HEADERS = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * A request as it goes over the wire.
 *
 * @throws {TypeError} A header is none, or one of those that say how messages are framed.
 */
export function encodeRequest({ url, range, headers = [], isProxied = false }: GetRequest): Uint8Array {
  for (const header of headers) checkHeader(header);
  const target = `${url.pathname}${url.search}`;
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const defaults: readonly Header[] = [["Host", url.host], ["User-Agent", USER_AGENT], ["Accept", "*/*"]];
  const all: readonly Header[] = [
    ...defaults.filter(([name]) => !given.has(name.toLowerCase())),
    // What is stored has to be the file itself.
    ["Accept-Encoding", "identity"],
    ...(range === undefined ? [] : [["Range", `bytes=${range.from}-${range.to - 1}`] as const]),
    ...headers,
  ];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return latin1(`GET ${isProxied ? url.origin : ""}${target} HTTP/1.1\r\n${lines}\r\n`);
}

/**
 * Refuses a header that would end early or change the framing.
 *
 * @throws {TypeError} Says which.
 */
export function checkHeader([name, value]: Header): void {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw new TypeError(`"${name}" is no name of a header`);
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw new TypeError(`The value of header "${name}" has characters that no header can have`);
  }
  if (OWN_HEADERS.has(name.toLowerCase())) {
    throw new TypeError(`Header "${name}" is set by the download itself`);
  }
}

/** Asks a proxy for a connection to where the URL leads (RFC 9110 section 9.3.6). */
export function encodeConnect(url: URL, headers: readonly Header[]): Uint8Array {
  const authority = `${url.hostname}:${url.port || 443}`;
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return latin1(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${lines}\r\n`);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
