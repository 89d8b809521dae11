/** Where the body of an HTTP/1.1 message ends (RFC 9112 section 6), as a core without I/O. */

import { type Field, HeadProblem, type HeadRules, valuesOf } from "./http_fields.ts";

/** How a body ends. */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

const CODING = /^[a-z0-9-]+(?:[ \t]*,[ \t]*[a-z0-9-]+)*[ \t]*,[ \t]*chunked$/;

/**
 * What `Transfer-Encoding` and `Content-Length` say together.
 *
 * A message in which they could be read in two ways is refused, also where RFC 9112 section 6.3 would settle for
 * one: two servers in a row that read it differently take the end of one request for the beginning of another. The
 * lenient settle for it.
 *
 * @param options `takesRepeated`: whether the same length may be said twice, as servers behind others of their own do.
 * @returns `undefined`: neither is there.
 * @throws {HeadProblem}
 */
export function declaredFraming(
  fields: readonly Field[],
  { isLenient = false, takesRepeated = false }: Pick<HeadRules, "isLenient"> & {
    readonly takesRepeated?: boolean;
  },
): Framing | undefined {
  const codings = valuesOf(fields, "transfer-encoding");
  const lengths = valuesOf(fields, "content-length");
  if (codings.length > 0) {
    if (lengths.length > 0 && !isLenient) {
      throw new HeadProblem("malformed", "a Content-Length beside a Transfer-Encoding");
    }
    return codedFraming(codings.join(","));
  }
  if (lengths.length === 0) return undefined;
  const written = isLenient ? lengths.flatMap((each) => each.split(",").map((item) => item.trim())) : lengths;
  const [length = "", ...others] = takesRepeated || isLenient ? new Set(written) : written;
  if (others.length > 0) {
    throw new HeadProblem("malformed", "more than one Content-Length", lengths.join(", "));
  }
  if (!/^\d{1,15}$/.test(length)) throw new HeadProblem("malformed", "a Content-Length that is none", length);
  return { kind: "length", bytes: Number(length) };
}

function codedFraming(written: string): Framing {
  const coding = written.toLowerCase();
  if (coding === "chunked") return { kind: "chunked" };
  const isKnownEnd = CODING.test(coding) && coding.indexOf("chunked") === coding.length - "chunked".length;
  throw isKnownEnd
    ? new HeadProblem("unknown-coding", "a Transfer-Encoding other than chunked", written)
    : new HeadProblem("malformed", "a Transfer-Encoding after which no end can be told", written);
}
