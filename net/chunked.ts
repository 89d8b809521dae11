import { ConnectionProblem } from "./connection_problem.ts";

/** Of a chunk's size line, extensions included. */
const LINE_MOST = 4096;

const LENIENT_SIZE = /^([0-9a-f]{1,13})[ \t]*(?:;.*)?\r?$/i;

/** A field line with its CR (RFC 9112 section 7.1.2). */
// deno-lint-ignore no-control-regex
const TRAILER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r$/;

/** What comes next in a chunked body (RFC 9112 section 7.1). */
type Expected =
  | { readonly kind: "size"; line: string }
  | { readonly kind: "payload"; left: number }
  | { readonly kind: "payload-end" }
  | { readonly kind: "trailers"; line: string; bytes: number }
  | { readonly kind: "end" };

/** Options of {@linkcode ChunkedDecoder}. */
export interface ChunkedDecoderOptions {
  /**
   * Whether each line has to end with CR LF, nothing but hexadecimal digits stands before an extension, and trailers
   * are headers. Who passes a body on, or reads requests that somebody else passed on, can't be lenient: the two
   * might find another end.
   *
   * @default false
   */
  readonly isStrict?: boolean;
}

/** Takes the framing out of a chunked body. A core without I/O. */
export class ChunkedDecoder {
  readonly #isStrict: boolean;
  #expected: Expected = { kind: "size", line: "" };
  /** The byte before the next one, where it matters. */
  #last = 0;

  constructor({ isStrict = false }: ChunkedDecoderOptions = {}) {
    this.#isStrict = isStrict;
  }

  /** Whether the body, its trailers included, is over. */
  get isOver(): boolean {
    return this.#expected.kind === "end";
  }

  /**
   * Decodes what came next, in place: the payload is moved to the beginning of `bytes`.
   *
   * @returns How many bytes of payload, and how many of `bytes` belong to the body at all.
   * @throws {ConnectionProblem} This is not in chunks.
   */
  decode(bytes: Uint8Array): { readonly payload: number; readonly taken: number } {
    let at = 0;
    let payload = 0;
    while (at < bytes.length && this.#expected.kind !== "end") {
      if (this.#expected.kind === "payload") {
        const count = Math.min(this.#expected.left, bytes.length - at);
        bytes.copyWithin(payload, at, at + count);
        payload += count;
        at += count;
        this.#expected.left -= count;
        this.#last = 0;
        if (this.#expected.left === 0) this.#expected = { kind: "payload-end" };
      } else {
        this.#take(bytes[at++] ?? 0);
      }
    }
    return { payload, taken: at };
  }

  #take(byte: number): void {
    const expected = this.#expected;
    const follows = this.#last;
    this.#last = byte;
    if (this.#isStrict && (byte === 10) !== (follows === 13)) {
      throw malformed("a line that does not end with CR LF");
    }
    switch (expected.kind) {
      case "size":
        if (byte !== 10) expected.line += String.fromCharCode(byte);
        else this.#expected = afterSize(expected.line, this.#isStrict);
        if (expected.line.length > LINE_MOST) throw malformed("a size without end");
        return;
      case "payload-end":
        if (byte === 10) this.#expected = { kind: "size", line: "" };
        else if (byte !== 13) throw malformed("more bytes than announced");
        return;
      case "trailers":
        // They are for nobody here; only their end counts.
        if (++expected.bytes > 16 * LINE_MOST) throw malformed("trailers without end");
        if (byte !== 10) expected.line += String.fromCharCode(byte);
        else if (this.#isLast(expected.line)) this.#expected = { kind: "end" };
        else expected.line = "";
        return;
    }
  }

  /** Whether a line ends the trailers. @throws {ConnectionProblem} It may neither do so nor be one of them. */
  #isLast(line: string): boolean {
    if (!this.#isStrict) return line.trim() === "";
    if (line === "\r") return true;
    // A line of blanks ends them for one reader, and continues them for another.
    if (!TRAILER.test(line)) throw malformed("a trailer that is no header");
    return false;
  }
}

function afterSize(line: string, isStrict: boolean): Expected {
  // deno-lint-ignore no-control-regex
  const form = isStrict ? /^([0-9a-f]{1,13})(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r$/i : LENIENT_SIZE;
  const digits = form.exec(line)?.[1];
  if (digits === undefined) throw malformed(`${JSON.stringify(line.slice(0, 40))} for a size`);
  const left = parseInt(digits, 16);
  return left === 0 ? { kind: "trailers", line: "", bytes: 0 } : { kind: "payload", left };
}

function malformed(what: string): ConnectionProblem {
  return new ConnectionProblem(`The chunks are broken: ${what}`);
}
