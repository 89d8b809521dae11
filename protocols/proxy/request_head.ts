import {
  declaredFraming,
  type Field,
  type Framing,
  HeadProblem,
  listOf,
  splitHead,
  valuesOf,
} from "./fields.ts";
import { type HostName, parseHost } from "./host_name.ts";

/** The head of a client's request, read and found to mean one thing only. */
export interface RequestHead {
  readonly method: string;
  /** In origin form, or `*`; of CONNECT as it came. */
  readonly target: string;
  /** Of HTTP/1. */
  readonly minor: 0 | 1;
  readonly fields: readonly Field[];
  /** What it is for; `undefined`: it does not say, which HTTP/1.0 allows. */
  readonly host: HostName | undefined;
  readonly framing: Exclude<Framing, { kind: "until-close" }>;
  /** Whether the client would send another request on the connection. */
  readonly isKeptAlive: boolean;
  /** Whether it asks for a WebSocket. */
  readonly wantsWebSocket: boolean;
  /** Whether the client waits for an interim answer before it sends the body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
}

// deno-lint-ignore no-control-regex
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) ([^\x00-\x20\x7f]+) HTTP\/(\d)\.(\d)$/;
/** `http://host/path`, which a server has to take as well (RFC 9112 section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i;

/**
 * Reads the head of a request.
 *
 * @param bytes From its first line to the empty line at its end.
 * @throws {HeadProblem} It is malformed, or could be read in two ways.
 */
export function parseRequestHead(bytes: Uint8Array): RequestHead {
  const { first, fields } = splitHead(bytes);
  const [, method = "", written = "", major, minorDigit] = REQUEST_LINE.exec(first) ?? [];
  if (major === undefined) {
    if (/^PRI \* HTTP\/2/.test(first)) throw new HeadProblem("unknown-version", "HTTP/2");
    throw new HeadProblem("malformed", "The first line is no request");
  }
  if (major !== "1") throw new HeadProblem("unknown-version", `HTTP/${major}`);
  // Whoever speaks a later 1.x understands 1.1 (RFC 9110 section 2.5).
  const minor = minorDigit === "0" ? 0 : 1;
  const { target, authority } = splitTarget(method, written);
  const framing = declaredFraming(fields) ?? { kind: "length", bytes: 0 };
  // Nobody who speaks 1.0 knows of it, and proxies that do not would pass it on (RFC 9112 section 6.1).
  if (framing.kind === "chunked" && minor === 0) {
    throw new HeadProblem("malformed", "Transfer-Encoding in HTTP/1.0");
  }
  if (framing.kind === "until-close") throw new HeadProblem("malformed", "A request without an end");
  const connection = listOf(fields, "connection");
  return {
    method,
    target,
    minor,
    fields,
    host: hostOf(fields, { minor, authority }),
    framing,
    // What follows CONNECT is for whom it names.
    isKeptAlive: method !== "CONNECT" &&
      (minor === 1 ? !connection.includes("close") : connection.includes("keep-alive")),
    wantsWebSocket: method === "GET" && minor === 1 && framing.kind === "length" && framing.bytes === 0 &&
      connection.includes("upgrade") && valuesOf(fields, "upgrade").join().toLowerCase() === "websocket",
    expectsContinue: minor === 1 && listOf(fields, "expect").includes("100-continue"),
  };
}

function splitTarget(method: string, written: string): { target: string; authority: string | undefined } {
  if (written.startsWith("/") && method !== "CONNECT") return { target: written, authority: undefined };
  if (written === "*" && method === "OPTIONS") return { target: written, authority: undefined };
  if (method === "CONNECT") return { target: written, authority: written };
  // OPTIONS of no path is about the server itself (RFC 9112 section 3.2.4).
  const [, authority, path = method === "OPTIONS" ? "*" : "/"] = ABSOLUTE.exec(written) ?? [];
  if (authority === undefined) throw new HeadProblem("malformed", "The target is no path");
  if (path === "*") return { target: path, authority };
  return { target: path.startsWith("/") ? path : `/${path}`, authority };
}

/** What a request is for (RFC 9112 section 3.2): its `Host`, of which there is one, or what its target says. */
function hostOf(
  fields: readonly Field[],
  { minor, authority }: { readonly minor: 0 | 1; readonly authority: string | undefined },
): HostName | undefined {
  const [written, ...others] = valuesOf(fields, "host");
  if (others.length > 0) throw new HeadProblem("malformed", "More than one Host");
  if (written === undefined && minor === 1) throw new HeadProblem("malformed", "No Host");
  const own = written === undefined ? undefined : parseHost(written);
  if (written !== undefined && own === undefined) throw new HeadProblem("malformed", "A Host that is none");
  if (authority === undefined) return own;
  const named = parseHost(authority);
  if (named === undefined) throw new HeadProblem("malformed", "The target names no host");
  return named;
}
