import { ConnectionProblem } from "../../net/connection_problem.ts";

/** The head of a response, and how its body is delimited. */
export interface ParsedHead {
  readonly status: number;
  readonly headers: Headers;
  readonly framing: Framing;
  /** Whether the connection can carry another request once the body is read. */
  readonly isKeptAlive: boolean;
  /** Bytes of the head. */
  readonly length: number;
}

/** Where a body ends (RFC 9112 section 6.3). */
export type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

/** A head that is longer is an attack or a mistake. Others take 8 KiB (nginx) to 300 KiB (browsers). */
export const HEAD_BYTES_MOST = 65_536;

/** More headers than that, too; looking each up among thousands of others takes a third of a second. */
const HEADERS_MOST = 500;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*(.*)$/;

/**
 * Reads the head of a response from the beginning of `bytes`.
 *
 * @returns `undefined` when it is not all there.
 * @throws {ConnectionProblem} This is not HTTP/1, or its end can't be told for sure.
 */
export function parseHead(bytes: Uint8Array): ParsedHead | undefined {
  const length = headLength(bytes);
  // Other protocols (SSH, SMTP) greet with a line and then wait.
  if (bytes.length >= 5 && !/^HTTP\//.test(latin1(bytes.subarray(0, 5)))) throw notHttp(bytes);
  if (length === undefined) {
    if (bytes.length >= HEAD_BYTES_MOST) {
      throw new ConnectionProblem(`The server's headers are longer than ${HEAD_BYTES_MOST} bytes`);
    }
    return undefined;
  }
  const [first = "", ...lines] = latin1(bytes.subarray(0, length)).trimEnd().split(/\r?\n/);
  const [, minor, code] = STATUS_LINE.exec(first) ?? [];
  if (minor === undefined || code === undefined) throw notHttp(bytes);
  const headers = readHeaders(lines);
  const status = Number(code);
  const framing = framingOf(status, headers);
  return { status, headers, framing, isKeptAlive: isKeptAlive({ minor, headers, framing }), length };
}

/** Where the empty line that ends a head is over. Bare line feeds are taken (RFC 9112 section 2.2). */
function headLength(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return at + 2;
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3;
  }
  return undefined;
}

function readHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  // A line that begins with a space continues the one before (RFC 9112 section 5.2).
  const unfolded = lines.join("\n").replace(/\n[ \t]+/g, " ").split("\n");
  if (unfolded.length > HEADERS_MOST) {
    throw new ConnectionProblem(`The server sent ${unfolded.length} headers, more than ${HEADERS_MOST}`);
  }
  for (const line of unfolded.filter((each) => each !== "")) {
    const [, name, value = ""] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value.includes("\0") || value.includes("\r")) {
      throw new ConnectionProblem(`The server sent a line that is no header: ${JSON.stringify(line)}`);
    }
    headers.append(name, value);
  }
  return headers;
}

function framingOf(status: number, headers: Headers): Framing {
  if (status < 200 || status === 204 || status === 304) return { kind: "length", bytes: 0 };
  const coding = headers.get("transfer-encoding");
  if (coding !== null) {
    if (coding.trim().toLowerCase() === "chunked") return { kind: "chunked" };
    throw new ConnectionProblem(`The server sends its answer in an encoding nobody asked for: ${coding}`);
  }
  const lengths = headers.get("content-length");
  if (lengths === null) return { kind: "until-close" };
  // The same one twice comes from proxies that append instead of replacing.
  const [length = "", ...others] = new Set(lengths.split(",").map((each) => each.trim()));
  if (others.length > 0 || !/^\d{1,15}$/.test(length)) {
    throw new ConnectionProblem(`The server sent a Content-Length that is none: ${lengths}`);
  }
  return { kind: "length", bytes: Number(length) };
}

function isKeptAlive(
  { minor, headers, framing }: {
    readonly minor: string;
    readonly headers: Headers;
    readonly framing: Framing;
  },
): boolean {
  if (framing.kind === "until-close") return false;
  // Both at once is how requests are smuggled past proxies (RFC 9112 section 6.1).
  if (framing.kind === "chunked" && headers.has("content-length")) return false;
  const connection = (headers.get("connection") ?? "").toLowerCase().split(",").map((each) => each.trim());
  return minor === "1" ? !connection.includes("close") : connection.includes("keep-alive");
}

function notHttp(bytes: Uint8Array): ConnectionProblem {
  const start = latin1(bytes.subarray(0, 40)).split("\n")[0] ?? "";
  const isTls = bytes[0] === 0x15 || bytes[0] === 0x16;
  return new ConnectionProblem(
    isTls
      ? "The server speaks TLS there: its URL begins with https://"
      : `What listens there does not speak HTTP/1: ${JSON.stringify(start)}`,
    { isFinal: true },
  );
}

/** Header values are bytes (RFC 9110 section 5.5); one character each, as `fetch` has them. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  // In pieces, as arguments of a call are limited.
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}
