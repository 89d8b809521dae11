/**
 * The plain protocol over TCP, as a server sees it: its list, the requests of a client, and the texts of the
 * answers. See docs/protocols.md.
 */

import type { PlainList } from "../../store/offered_list.ts";
import type { Piece } from "./blocks.ts";

/** A file in the list. */
export interface PlainFile {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
}

/** What a plain client asks for. */
export type PlainRequest =
  | { readonly kind: "size"; readonly name: string }
  /** Never reversed; it may be empty, or beyond the end. */
  | { readonly kind: "range"; readonly name: string; readonly range: Piece }
  /** Not a request: to be answered with this text. */
  | { readonly kind: "invalid"; readonly answer: string };

/** Existing clients read the list with one receive of so many bytes, and take more for file data. */
const PLAIN_LIST_BYTES = 4096;
/** Longest request. */
export const PLAIN_REQUEST_BYTES = 4096;
/** The answer to a plain client of a server with a token. */
export const TOKEN_REQUIRED = "Token required.";
const INVALID_RANGE = "Invalid range format.";
const INVALID_REQUEST = "Invalid request format.";

const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;
const encoder = new TextEncoder();

/** The answer to a request for a file that is not offered. */
export function missingAnswer(name: string): string {
  return `File ${name} not found.`;
}

/**
 * A size with three decimals, in units of 1024.
 *
 * @example
 * ```ts
 * formatPlainSize(3_707_765); // "3.536MB"
 * ```
 */
export function formatPlainSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(3)}${UNITS[unit]}`;
}

/**
 * Whether a plain client can be told of a file and ask for it: its name is one line, is in no subdirectory,
 * and has no `|`, which separates a name from a range.
 */
export function isPlainName(name: string): boolean {
  return name !== "" && !/[|\/\r\n\0]/.test(name) && encoder.encode(name).length <= 255;
}

/** A line for each file that a plain client can ask for. */
function plainLines(files: Iterable<PlainFile>): string[] {
  const lines: string[] = [];
  for (const { name, size } of files) {
    if (isPlainName(name)) lines.push(`${name} ${formatPlainSize(size)}\n`);
  }
  return lines;
}

/** The list of these files: whole, and cut at a whole line to what existing clients read. */
export function plainList(files: Iterable<PlainFile>): PlainList {
  const lines = plainLines(files);
  let length = 0;
  let count = 0;
  for (const line of lines) {
    length += encoder.encode(line).length;
    if (length > PLAIN_LIST_BYTES) break;
    count++;
  }
  return {
    text: lines.join(""),
    bytes: encoder.encode(lines.slice(0, count).join("")),
    files: lines.length,
    omitted: lines.length - count,
  };
}

/**
 * Reads a request: a message has no terminator, so it is what came with one read. A line break at its end, as
 * those send who type requests by hand, is no part of it.
 */
export function parsePlainRequest(message: Uint8Array): PlainRequest {
  if (message.length > PLAIN_REQUEST_BYTES) return { kind: "invalid", answer: INVALID_REQUEST };
  const [name = "", range, ...more] = new TextDecoder().decode(message).replace(/\r?\n$/, "").split("|");
  if (more.length > 0) return { kind: "invalid", answer: INVALID_REQUEST };
  if (range === undefined) return { kind: "size", name };
  const [, start, end] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  if (start === undefined || end === undefined) return { kind: "invalid", answer: INVALID_RANGE };
  const offset = atMost(start);
  return { kind: "range", name, range: { offset, length: Math.max(0, atMost(end) - offset) } };
}

function atMost(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
