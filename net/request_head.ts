/** The head of an HTTP/1.1 request (RFC 9112), read strictly, as a core without I/O. */

/** How the body of a request ends (RFC 9112 section 6.3). */
export type RequestFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

/** A request without its body. */
export interface RequestHead {
  readonly method: string;
  /** Path and query as they were sent; of an absolute target, without scheme and authority. */
  readonly target: string;
  readonly path: string;
  /** Without its question mark; empty when there is none. */
  readonly query: string;
  /** By name in lower case; fields of one name are joined by a comma (RFC 9110 section 5.3). */
  readonly headers: ReadonlyMap<string, string>;
  readonly framing: RequestFraming;
  /** Whether the connection may carry another request after this one. */
  readonly keepsAlive: boolean;
  /** Whether the client waits for word before it sends the body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
}

/** A request that is not answered for what it asks. */
export class RequestProblem extends Error {
  override readonly name = "RequestProblem";
  /** The HTTP status of the answer, after which the connection ends. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Most fields of a request. */
export const MAX_FIELDS = 100;

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What no value holds, a lone line end among it (RFC 9110 section 5.5); tab is allowed. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
/** Fields of which a second one makes the request unclear. */
const SINGLE: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "authorization",
  "origin",
  "content-type",
]);

/**
 * Reads a head.
 *
 * @param text All up to the empty line, without the line end before it.
 * @throws {RequestProblem} It is malformed, or two readers could take it for different requests.
 */
export function parseRequestHead(text: string): RequestHead {
  const lines = text.split("\r\n");
  const [, method = "", sent = "", minor] = REQUEST_LINE.exec(lines[0] ?? "") ?? [];
  if (method === "") throw new RequestProblem(400, "The request line is not one of HTTP/1.1");
  const headers = parseFields(lines);
  const { authority, target } = splitTarget(sent, method);
  const host = authority ?? headers.get("host");
  if (host === undefined && minor === "1") throw new RequestProblem(400, "The Host is missing");
  // The authority of an absolute target counts, whatever Host says (RFC 9112 section 3.2.2).
  if (authority !== undefined) headers.set("host", authority);
  const question = target.indexOf("?");
  const connection = headers.get("connection")?.toLowerCase();
  return {
    method,
    target,
    path: question === -1 ? target : target.slice(0, question),
    query: question === -1 ? "" : target.slice(question + 1),
    headers,
    framing: framingOf(headers, minor === "1"),
    keepsAlive: minor === "1" && (connection === undefined || !/(?:^|,)\s*close\s*(?:,|$)/.test(connection)),
    expectsContinue: minor === "1" && headers.get("expect")?.toLowerCase() === "100-continue",
  };
}

function parseFields(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  if (lines.length - 1 > MAX_FIELDS) throw new RequestProblem(431, `More than ${MAX_FIELDS} header fields`);
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // A space before the colon and a folded line end up here, too (RFC 9112 section 5.1 and 5.2).
    if (!FIELD_NAME.test(name)) throw new RequestProblem(400, "A header field has no valid name");
    if (CONTROL.test(line)) throw new RequestProblem(400, "A header field holds a control character");
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    if (before !== undefined && SINGLE.has(name)) throw new RequestProblem(400, `Two fields of ${name}`);
    headers.set(name, before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`);
  }
  return headers;
}

function splitTarget(sent: string, method: string): { authority: string | undefined; target: string } {
  if (sent.startsWith("/") || (sent === "*" && method === "OPTIONS")) {
    return { authority: undefined, target: sent };
  }
  const [, authority, target = ""] = /^https?:\/\/([^/?#@]+)(.*)$/i.exec(sent) ?? [];
  if (authority === undefined) throw new RequestProblem(400, "The request's target is not a path");
  return { authority, target: target.startsWith("/") ? target : `/${target}` };
}

/** @throws {RequestProblem} It can be read in two ways: what smuggles a request past a proxy. */
function framingOf(headers: ReadonlyMap<string, string>, isHttp11: boolean): RequestFraming {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (coding !== undefined) {
    if (length !== undefined || !isHttp11) {
      throw new RequestProblem(400, "Transfer-Encoding with Content-Length, or in HTTP/1.0");
    }
    if (coding.toLowerCase() !== "chunked") throw new RequestProblem(501, "A Transfer-Encoding unknown here");
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "none" };
  if (!/^\d{1,15}$/.test(length)) throw new RequestProblem(400, "The Content-Length is not a number");
  const bytes = Number(length);
  return bytes === 0 ? { kind: "none" } : { kind: "length", bytes };
}
