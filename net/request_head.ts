/** The head of an HTTP/1.1 request (RFC 9112 section 3), read strictly, as a core without I/O. */

import { type HostName, parseHost } from "./host_name.ts";
import { type Field, HeadProblem, type HeadRules, listOf, splitHead, valuesOf } from "./http_fields.ts";
import { declaredFraming, type Framing } from "./http_framing.ts";

/** The head of a client's request, read and found to mean one thing only. */
export interface RequestHead {
  readonly method: string;
  /** In origin form, or `*`; of CONNECT as it came. */
  readonly target: string;
  /** Host and port of a target that names them, as they came: they count instead of `Host`. */
  readonly authority: string | undefined;
  /** Of HTTP/1. */
  readonly minor: 0 | 1;
  readonly fields: readonly Field[];
  /** What it is for; `undefined`: it does not say, which HTTP/1.0 allows. */
  readonly host: HostName | undefined;
  readonly framing: Exclude<Framing, { kind: "until-close" }>;
  /** Whether the client would send another request on the connection. */
  readonly isKeptAlive: boolean;
  /** Whether the client waits for an interim answer before it sends the body (RFC 9110 section 10.1.1). */
  readonly expectsContinue: boolean;
}

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const VERSION = /^\S+ \S+ HTTP\/(\d(?:\.\d)?)$/;
/** `http://host/path`, which a server has to take as well (RFC 9112 section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i;
/** Headers that say something of the whole request, and of which two can't both be right. */
const SINGLE: ReadonlySet<string> = new Set(["host", "authorization", "origin", "content-type"]);

/**
 * Reads the head of a request.
 *
 * @param text As of `headText`.
 * @throws {HeadProblem} It is malformed, or could be read in two ways.
 */
export function parseRequestHead(text: string, rules: HeadRules): RequestHead {
  const { first, fields } = splitHead(text, rules);
  const [, method = "", written = "", digit] = REQUEST_LINE.exec(first) ?? [];
  if (digit === undefined) throw notARequest(first);
  const minor = digit === "0" ? 0 : 1;
  const { target, authority } = splitTarget(method, written);
  refuseRepeated(fields);
  const framing = declaredFraming(fields, rules) ?? { kind: "length", bytes: 0 };
  // Nobody who speaks 1.0 knows of it, and proxies that do not would pass it on (RFC 9112 section 6.1).
  if (framing.kind === "chunked" && minor === 0) {
    throw new HeadProblem("malformed", "a Transfer-Encoding in HTTP/1.0");
  }
  if (framing.kind === "until-close") throw new HeadProblem("malformed", "a request without an end");
  const connection = listOf(fields, "connection");
  return {
    method,
    target,
    authority,
    minor,
    fields,
    host: hostOf(fields, { minor, authority }),
    framing,
    // What follows CONNECT is for whom it names.
    isKeptAlive: method !== "CONNECT" &&
      (minor === 1 ? !connection.includes("close") : connection.includes("keep-alive")),
    expectsContinue: minor === 1 && listOf(fields, "expect").includes("100-continue"),
  };
}

function notARequest(first: string): HeadProblem {
  const version = VERSION.exec(first)?.[1];
  return version !== undefined && version !== "1.0" && version !== "1.1"
    ? new HeadProblem("unknown-version", "a version other than HTTP/1.1 and 1.0", first)
    : new HeadProblem("malformed", "a first line that is no request", first);
}

function splitTarget(method: string, written: string): Pick<RequestHead, "target" | "authority"> {
  if (method === "CONNECT") return { target: written, authority: written };
  if (written.startsWith("/")) return { target: written, authority: undefined };
  if (written === "*" && method === "OPTIONS") return { target: written, authority: undefined };
  // OPTIONS of no path is about the server itself (RFC 9112 section 3.2.4).
  const [, authority, path = method === "OPTIONS" ? "*" : "/"] = ABSOLUTE.exec(written) ?? [];
  if (authority === undefined) throw new HeadProblem("malformed", "a target that is no path", written);
  return { target: path.startsWith("?") ? `/${path}` : path, authority };
}

function refuseRepeated(fields: readonly Field[]): void {
  const seen = new Set<string>();
  for (const { key } of fields) {
    if (!SINGLE.has(key)) continue;
    if (seen.has(key)) throw new HeadProblem("malformed", `more than one ${key}`);
    seen.add(key);
  }
}

/** What a request is for (RFC 9112 section 3.2): its `Host`, of which there is one, or what its target says. */
function hostOf(
  fields: readonly Field[],
  { minor, authority }: { readonly minor: 0 | 1; readonly authority: string | undefined },
): HostName | undefined {
  const [written] = valuesOf(fields, "host");
  if (written === undefined && minor === 1) throw new HeadProblem("malformed", "no Host");
  const own = written === undefined ? undefined : parseHost(written);
  if (written !== undefined && own === undefined) {
    throw new HeadProblem("malformed", "a Host that is none", written);
  }
  if (authority === undefined) return own;
  const named = parseHost(authority);
  if (named === undefined) throw new HeadProblem("malformed", "a target that names no host", authority);
  return named;
}
