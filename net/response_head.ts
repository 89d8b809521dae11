/** The head of an HTTP/1.1 response (RFC 9112 section 4), as a core without I/O. */

import { type Field, HeadProblem, type HeadRules, listOf, splitHead, valuesOf } from "./http_fields.ts";
import { declaredFraming, type Framing } from "./http_framing.ts";

/** The head of a server's response. */
export interface ResponseHead {
  readonly status: number;
  /** Words that say the same as the status; may be empty. */
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** Whether the connection can carry another request when the body is over. */
  readonly isKeptAlive: boolean;
}

// deno-lint-ignore no-control-regex
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?$/;

/**
 * Reads the head of a response.
 *
 * @param text As of `headText`.
 * @param options `method`: of the request, as the answer to HEAD has no body, whatever its headers say.
 * @throws {HeadProblem} It is malformed, or could be read in two ways.
 */
export function parseResponseHead(
  text: string,
  { method, rules }: { readonly method: string; readonly rules: HeadRules },
): ResponseHead {
  const { first, fields } = splitHead(text, rules);
  const [, minor, code, reason = ""] = STATUS_LINE.exec(first) ?? [];
  if (code === undefined) {
    throw new HeadProblem("unknown-version", "a first line that is no status of HTTP/1", first);
  }
  const status = Number(code);
  const framing = framingOf(status, { method, fields, isLenient: rules.isLenient ?? false });
  const connection = listOf(fields, "connection");
  const isOpen = minor === "1" ? !connection.includes("close") : connection.includes("keep-alive");
  return { status, reason, fields, framing, isKeptAlive: isOpen && isEndSure({ minor, framing, fields }) };
}

/** What is ambiguous is refused even where there is no body to be framed, save by the lenient. */
function framingOf(
  status: number,
  { method, fields, isLenient }: {
    readonly method: string;
    readonly fields: readonly Field[];
    readonly isLenient: boolean;
  },
): Framing {
  const hasBody = method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
  const nothing: Framing = { kind: "length", bytes: 0 };
  if (!hasBody && isLenient) return nothing;
  const declared = declaredFraming(fields, { isLenient, takesRepeated: true });
  return hasBody ? declared ?? { kind: "until-close" } : nothing;
}

/** Whether all who read the response find the same end (RFC 9112 section 6.1). */
function isEndSure(
  { minor, framing, fields }: {
    readonly minor: string | undefined;
    readonly framing: Framing;
    readonly fields: readonly Field[];
  },
): boolean {
  if (framing.kind === "until-close") return false;
  return framing.kind !== "chunked" || (minor === "1" && valuesOf(fields, "content-length").length === 0);
}
