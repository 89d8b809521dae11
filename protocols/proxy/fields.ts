import { Buffer } from "node:buffer";

/** A header of a message, as it came. */
export interface Field {
  readonly name: string;
  /** The name in lower case. */
  readonly key: string;
  /** Without white space around it; one character a byte (RFC 9110 section 5.5). */
  readonly value: string;
}

/** Where a body ends (RFC 9112 section 6.3). */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** Most bytes of a head, and most headers in it: nginx takes 32 KiB, Node 16 KiB and 2000 headers. */
export const HEAD_BYTES_MOST = 32_768;
const FIELDS_MOST = 100;

const encoder = new TextEncoder();

/** What makes a head one that is not passed on. */
export type HeadFault = "malformed" | "too-long" | "unknown-coding" | "unknown-version";

/** A head that is refused. */
export class HeadProblem extends Error {
  override readonly name = "HeadProblem";
  readonly fault: HeadFault;

  constructor(fault: HeadFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What is in no line of it; tabs may be. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * Looks for the end of a head in bytes that come in pieces, each byte once.
 *
 * Lines end with CR LF here and nowhere else. RFC 9112 section 2.2 allows a server to take a bare LF as well,
 * but then who reads the same bytes before or behind this one may find another end.
 */
export class HeadScanner {
  #lineStart = 0;
  #at = 0;

  /** Bytes of empty lines before the head, which are no part of it (RFC 9112 section 2.2). */
  skipped = 0;

  /**
   * @param bytes All that came so far.
   * @returns Where the head is over, with its last empty line; `undefined`: not yet.
   * @throws {HeadProblem} It is too long, or a line ends with a bare LF.
   */
  scan(bytes: Uint8Array): number | undefined {
    for (let at = bytes.indexOf(10, this.#at); at !== -1; at = bytes.indexOf(10, this.#at)) {
      if (at === 0 || bytes[at - 1] !== 13) throw new HeadProblem("malformed", "A line ends with a bare LF");
      this.#at = at + 1;
      const isEmpty = at - 1 === this.#lineStart;
      if (isEmpty && this.#lineStart > this.skipped) return at + 1;
      this.#lineStart = at + 1;
      if (isEmpty) this.skipped = at + 1;
      if (this.skipped > 8) throw new HeadProblem("malformed", "Empty lines instead of a request");
    }
    this.#at = bytes.length;
    if (bytes.length >= HEAD_BYTES_MOST) {
      throw new HeadProblem("too-long", `The head is longer than ${HEAD_BYTES_MOST} bytes`);
    }
    return undefined;
  }
}

/** The first line of a head, and its headers. `bytes` end with the empty line. @throws {HeadProblem} */
export function splitHead(bytes: Uint8Array): { readonly first: string; readonly fields: readonly Field[] } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength - 4).toString("latin1");
  const [first = "", ...lines] = text.split("\r\n");
  if (lines.length > FIELDS_MOST) {
    throw new HeadProblem("too-long", `There are ${lines.length} headers, more than ${FIELDS_MOST}`);
  }
  return { first, fields: lines.map(parseField) };
}

/**
 * By steps that look at each character once or twice: one pattern for the whole line would try every way to share
 * out a run of spaces, which takes hours for those that a head has room for.
 */
function parseField(line: string): Field {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  // A line that continues the one before (RFC 9112 section 5.2) is not taken either: it has no name.
  if (!FIELD_NAME.test(name) || CONTROL.test(line)) {
    throw new HeadProblem("malformed", "A line of the head is no header");
  }
  return { name, key: name.toLowerCase(), value: trimmed(line, colon + 1) };
}

/** What of a line is behind `start`, without the spaces and tabs around it (RFC 9110 section 5.6.3). */
function trimmed(line: string, start: number): string {
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (start < end && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** All values of a header. */
export function valuesOf(fields: readonly Field[], key: string): string[] {
  return fields.filter((field) => field.key === key).map(({ value }) => value);
}

/** The items of a header that is a list, in lower case (RFC 9110 section 5.6.1). */
export function listOf(fields: readonly Field[], key: string): string[] {
  const items = valuesOf(fields, key).flatMap((value) => value.split(","));
  return items.map((item) => item.trim().toLowerCase()).filter((item) => item !== "");
}

/**
 * What `Transfer-Encoding` and `Content-Length` say together.
 *
 * A message in which they could be read in two ways is refused, also where RFC 9112 section 6.3 would settle for
 * one: two servers in a row that read it differently take the end of one request for the beginning of another.
 *
 * @returns `undefined`: neither is there.
 * @throws {HeadProblem}
 */
export function declaredFraming(fields: readonly Field[]): Framing | undefined {
  const codings = valuesOf(fields, "transfer-encoding");
  const lengths = valuesOf(fields, "content-length");
  if (codings.length > 0) {
    if (lengths.length > 0) {
      throw new HeadProblem("malformed", "Content-Length and Transfer-Encoding in one message");
    }
    const coding = codings.join(",").toLowerCase();
    if (coding === "chunked") return { kind: "chunked" };
    const isKnownEnd = /^[a-z0-9-]+(?:[ \t]*,[ \t]*[a-z0-9-]+)*[ \t]*,[ \t]*chunked$/.test(coding) &&
      coding.indexOf("chunked") === coding.length - "chunked".length;
    throw isKnownEnd
      ? new HeadProblem("unknown-coding", "A Transfer-Encoding other than chunked")
      : new HeadProblem("malformed", "A Transfer-Encoding after which no end can be told");
  }
  const [length, ...others] = lengths;
  if (length === undefined) return undefined;
  if (others.length > 0) throw new HeadProblem("malformed", "More than one Content-Length");
  if (!/^\d{1,15}$/.test(length)) throw new HeadProblem("malformed", "A Content-Length that is no number");
  return { kind: "length", bytes: Number(length) };
}

/** A head as bytes. */
export function encodeHead(
  first: string,
  fields: Iterable<readonly [name: string, value: string]>,
): Uint8Array {
  let text = `${first}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  text += "\r\n";
  const bytes = encoder.encode(text);
  // It is ASCII as a rule, which is written much faster so.
  return bytes.length === text.length ? bytes : Buffer.from(text, "latin1");
}
