import { type Field, HeadProblem, type HeadRules } from "./http_fields.ts";
import { parseRequestHead, type RequestHead } from "./request_head.ts";

/** The head of a request as those who answer it read it. */
export interface ServedHead extends Pick<RequestHead, "method" | "target" | "framing" | "expectsContinue"> {
  readonly path: string;
  /** Without its question mark; empty when there is none. */
  readonly query: string;
  /** By name in lower case; fields of one name are joined by a comma (RFC 9110 section 5.3). */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether the connection may carry another request after this one. */
  readonly keepsAlive: boolean;
}

/**
 * Reads the head of a request. A core without I/O.
 *
 * @param text As of `headText`.
 * @throws {HeadProblem} It is malformed, or two readers could take it for different requests.
 */
export function parseServedHead(text: string, rules: HeadRules): ServedHead {
  const { method, target, authority, minor, fields, framing, isKeptAlive, expectsContinue } =
    parseRequestHead(
      text,
      rules,
    );
  if (method === "CONNECT") throw new HeadProblem("malformed", "a target that is no path", target);
  const headers = joined(fields);
  // What an absolute target names counts, whatever Host says (RFC 9112 section 3.2.2).
  if (authority !== undefined) headers.set("host", authority);
  const question = target.indexOf("?");
  return {
    method,
    target,
    path: question === -1 ? target : target.slice(0, question),
    query: question === -1 ? "" : target.slice(question + 1),
    headers,
    framing,
    // Answers say nothing of it, and so mean nothing to who speaks 1.0.
    keepsAlive: minor === 1 && isKeptAlive,
    expectsContinue,
  };
}

function joined(fields: readonly Field[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const { key, value } of fields) {
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}${key === "cookie" ? "; " : ", "}${value}`);
  }
  return headers;
}
