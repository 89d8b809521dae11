/** The lines of an HTTP/1.1 message's head (RFC 9112 sections 2 and 5), as a core without I/O. */

import { Buffer } from "node:buffer";

/** A header of a message, as it came. */
export interface Field {
  readonly name: string;
  /** The name in lower case. */
  readonly key: string;
  /** Without white space around it; one character a byte (RFC 9110 section 5.5). */
  readonly value: string;
}

/** What a reader of heads takes. */
export interface HeadRules {
  /** Most bytes of a head, its empty line among them. */
  readonly bytesMost: number;
  /** Most headers in it. */
  readonly fieldsMost: number;
  /**
   * Whether to take what careless servers send as long as its meaning can be guessed: lines that end with a bare LF,
   * lines that continue the one before, blanks before a colon, two statements of a length. Only a client that passes
   * nothing on may: of two readers in a row that guess, one takes for a request what is a body to the other.
   *
   * @default false
   */
  readonly isLenient?: boolean;
}

/** What makes a head one that is refused. */
export type HeadFault = "malformed" | "too-long" | "unknown-coding" | "unknown-version";

/** How a server answers a request whose head is refused. */
export const STATUS_OF_FAULT = {
  malformed: 400,
  "too-long": 431,
  "unknown-coding": 501,
  "unknown-version": 505,
} as const satisfies Record<HeadFault, number>;

/** A head that is refused. Its message is a noun, "a line that is no header", with nothing of the head in it. */
export class HeadProblem extends Error {
  override readonly name = "HeadProblem";
  readonly fault: HeadFault;
  /** The piece of the head that is wrong, as it came: not to be printed as it is. */
  readonly found: string | undefined;

  constructor(fault: HeadFault, message: string, found?: string) {
    super(message);
    this.fault = fault;
    this.found = found;
  }
}

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What is in no line; tabs may be. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
/** What the lenient refuse, too: it ends a line, or a text. */
// deno-lint-ignore no-control-regex
const CONTROL_AT_LEAST = /[\x00\r\n]/;
/** Bytes of empty lines that may be before a head (RFC 9112 section 2.2). */
const SKIPPED_MOST = 8;

/**
 * Looks for the end of a head in bytes that come in pieces, each byte once.
 *
 * Lines end with CR LF here and nowhere else. RFC 9112 section 2.2 allows a server to take a bare LF as well,
 * but then who reads the same bytes before or behind this one may find another end.
 */
export class HeadScanner {
  /** Bytes of empty lines before the head, which are no part of it. */
  skipped = 0;
  readonly #rules: HeadRules;
  #lineStart = 0;
  #at = 0;

  constructor(rules: HeadRules) {
    this.#rules = rules;
  }

  /**
   * @param bytes All that came so far.
   * @returns Where the head is over, with its last empty line; `undefined`: not yet.
   * @throws {HeadProblem} It is too long, or a line ends with a bare LF.
   */
  scan(bytes: Uint8Array): number | undefined {
    const { bytesMost, isLenient } = this.#rules;
    for (let at = bytes.indexOf(10, this.#at); at !== -1; at = bytes.indexOf(10, this.#at)) {
      const hasReturn = at > 0 && bytes[at - 1] === 13;
      if (!hasReturn && isLenient !== true) {
        throw new HeadProblem("malformed", "a line that ends with a bare LF");
      }
      this.#at = at + 1;
      const isEmpty = at - (hasReturn ? 1 : 0) === this.#lineStart;
      if (isEmpty && this.#lineStart > this.skipped) {
        if (this.#at - this.skipped > bytesMost) throw tooLong(bytesMost);
        return this.#at;
      }
      this.#lineStart = this.#at;
      if (isEmpty) this.skipped = this.#at;
      if (this.skipped > SKIPPED_MOST) throw new HeadProblem("malformed", "nothing but empty lines");
    }
    this.#at = bytes.length;
    if (bytes.length >= bytesMost) throw tooLong(bytesMost);
    return undefined;
  }
}

function tooLong(bytesMost: number): HeadProblem {
  return new HeadProblem("too-long", `a head of more than ${bytesMost} bytes`);
}

/** A head as text, one character a byte. @param bytes From its first line to the empty line at its end. */
export function headText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The first line of a head, and its headers. @param text As of {@linkcode headText}. @throws {HeadProblem} */
export function splitHead(
  text: string,
  { fieldsMost, isLenient = false }: HeadRules,
): { readonly first: string; readonly fields: readonly Field[] } {
  const written = isLenient ? text.replaceAll("\r\n", "\n").replace(/\n[ \t]+/g, " ") : text;
  const lineEnd = isLenient ? "\n" : "\r\n";
  // Behind the last line are its end and the empty line's.
  const [first = "", ...lines] = written.slice(0, -2 * lineEnd.length).split(lineEnd);
  if (lines.length > fieldsMost) {
    throw new HeadProblem("too-long", `${lines.length} headers, more than ${fieldsMost}`);
  }
  return { first, fields: lines.map((line) => parseField(line, isLenient)) };
}

/**
 * By steps that look at each character once or twice: one pattern for the whole line would try every way to share
 * out a run of blanks, which takes hours for those that a head has room for.
 */
function parseField(line: string, isLenient: boolean): Field {
  const colon = line.indexOf(":");
  const name = isLenient ? trimmed(line, 0, Math.max(0, colon)) : line.slice(0, Math.max(0, colon));
  // A line that continues the one before (RFC 9112 section 5.2) is not taken either: it has no name.
  if (!FIELD_NAME.test(name) || (isLenient ? CONTROL_AT_LEAST : CONTROL).test(line)) {
    throw new HeadProblem("malformed", "a line that is no header", line);
  }
  return { name, key: name.toLowerCase(), value: trimmed(line, colon + 1, line.length) };
}

/** What of a line is between two places, without the spaces and tabs around it (RFC 9110 section 5.6.3). */
function trimmed(line: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (start < end && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** All values of a header. */
export function valuesOf(fields: readonly Field[], key: string): string[] {
  const values: string[] = [];
  for (const field of fields) if (field.key === key) values.push(field.value);
  return values;
}

/** The items of a header that is a list, in lower case (RFC 9110 section 5.6.1). */
export function listOf(fields: readonly Field[], key: string): string[] {
  const items: string[] = [];
  for (const value of valuesOf(fields, key)) {
    for (const item of value.split(",")) {
      const bare = trimmed(item, 0, item.length);
      if (bare !== "") items.push(bare.toLowerCase());
    }
  }
  return items;
}
