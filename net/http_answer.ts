/** Answers of HTTP/1.1 as they are written, without I/O. */

import type { DuplexBytes } from "./byte_stream.ts";
/** What is sent back. */
export interface HttpAnswer {
  readonly status: number;
  /** Lines of the header, each with its line end; those of framing and connection are added. */
  readonly headerLines: string;
  readonly body: string;
  /**
   * Takes the connection over after the header, which then is sent as it is, without framing; the body is not
   * sent. The connection is closed when it settles, and after `HEAD`, for which it is not called.
   */
  readonly takeOver?: ((stream: DuplexBytes) => Promise<void>) | undefined;
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

const encoder = new TextEncoder();
/** Of the statuses in use (RFC 9110 section 15). */
const REASONS: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** Beyond ASCII a text has more bytes than units. */
// deno-lint-ignore no-control-regex
const BEYOND_ASCII = /[^\x00-\x7f]/;

function utf8Length(text: string): number {
  return BEYOND_ASCII.test(text) ? encoder.encode(text).length : text.length;
}

/**
 * The bytes of an answer.
 *
 * @param room Where they are put if they fit; else they have a buffer of their own.
 */
export function encodeAnswer(
  { status, headerLines, body, takeOver }: HttpAnswer,
  { isLast, isHead, date }: {
    /** The connection ends with it. */
    readonly isLast: boolean;
    /** It answers `HEAD`. */
    readonly isHead: boolean;
    /** Its `Date` (RFC 9110 section 6.6.1). */
    readonly date: string;
  },
  room: Uint8Array<ArrayBuffer>,
): Uint8Array {
  const start = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\nDate: ${date}\r\n${headerLines}`;
  if (takeOver !== undefined) return encode(`${start}\r\n`, room);
  const connection = isLast ? "Connection: close\r\n" : "";
  // No answer of 204 has a length (RFC 9110 section 8.6).
  const length = status === 204 ? "" : `Content-Length: ${utf8Length(body)}\r\n`;
  return encode(`${start}${connection}${length}\r\n${isHead ? "" : body}`, room);
}

/** `encode` alone takes five times as long, for the buffer that it makes. */
function encode(text: string, room: Uint8Array<ArrayBuffer>): Uint8Array {
  if (text.length > room.length) return encoder.encode(text);
  const { read, written } = encoder.encodeInto(text, room);
  return read === text.length ? room.subarray(0, written) : encoder.encode(text);
}

/** The answer to what can't be read as a request. */
export function problemAnswer({ status, message }: RequestProblem): HttpAnswer {
  const body = JSON.stringify({ status: "error", message });
  return { status, headerLines: "Content-Type: application/json\r\n", body };
}
