/** The plain protocol over UDP: its texts, and the requests of a client. See docs/protocols.md. */

import type { PlainList } from "../../store/offered_list.ts";

/** Most bytes of a file in a datagram, and of the list. */
export const PLAIN_DATAGRAM_BYTES = 4096;
/** Longest request: existing programs read no more. */
export const PLAIN_REQUEST_BYTES = 1024;

export const ACK_TEXT = "ACK";
export const EOF_TEXT = "EOF";
export const MISSING_TEXT = "File not found";
const LIST_REQUEST = "LIST";
const DOWNLOAD_REQUEST = "DOWNLOAD ";

const encoder = new TextEncoder();

/** A file in the list. */
export interface PlainFile {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
}

/** A file that is asked for. */
export interface Download {
  readonly name: string;
  /** Where to begin, in bytes. */
  readonly offset: number;
  /** How many bytes; 0: to the end. */
  readonly length: number;
}

/** What a client sends. */
export type PlainRequest =
  | { readonly kind: "ack" }
  | { readonly kind: "list" }
  /** Ways to read the request, as a name may end in numbers, too: the first whose file is there is meant. */
  | { readonly kind: "download"; readonly readings: readonly Download[] };

/** Reads a datagram of a client; a line break at its end is dropped. `undefined`: it is no request. */
export function parsePlainRequest(datagram: Uint8Array): PlainRequest | undefined {
  if (datagram.length > PLAIN_REQUEST_BYTES) return undefined;
  const text = new TextDecoder().decode(datagram).replace(/\r?\n$/, "");
  if (text === "") return undefined;
  if (text === ACK_TEXT) return { kind: "ack" };
  if (text === LIST_REQUEST) return { kind: "list" };
  const whole = { name: text, offset: 0, length: 0 };
  if (!text.startsWith(DOWNLOAD_REQUEST)) return { kind: "download", readings: [whole] };
  return { kind: "download", readings: [...readingsOf(text.slice(DOWNLOAD_REQUEST.length)), whole] };
}

/** A request for a file, at most {@linkcode PLAIN_REQUEST_BYTES} if its name is not too long. */
export function encodeDownload({ name, offset, length }: Download): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${DOWNLOAD_REQUEST}${name} ${offset} ${length}`);
}

/** Whether a request for any bytes of a file of this name is not too long. */
export function isRequestable(name: string): boolean {
  const { MAX_SAFE_INTEGER: most } = Number;
  return encodeDownload({ name, offset: most, length: most }).length <= PLAIN_REQUEST_BYTES;
}

/** A request for the list. */
export function encodeListRequest(): Uint8Array<ArrayBuffer> {
  return encoder.encode(LIST_REQUEST);
}

/** Whether a plain client can be told of a file and ask for it: its name is one line, in no subdirectory. */
export function isPlainName(name: string): boolean {
  return name !== "" && !/[/\r\n\0]/.test(name) && encoder.encode(name).length <= 255;
}

/**
 * The list of these files: whole, and cut at a whole line to one datagram. Of no files that is an empty line, as
 * existing programs die of an empty datagram.
 */
export function plainList(files: Iterable<PlainFile>): PlainList {
  const lines: string[] = [];
  let text = "";
  let length = 0;
  let omitted = 0;
  for (const { name, size } of files) {
    if (!isPlainName(name)) continue;
    const line = `${name} ${size}B\n`;
    const lineBytes = encoder.encode(line).length;
    lines.push(line);
    if (omitted > 0 || length + lineBytes > PLAIN_DATAGRAM_BYTES) {
      omitted++;
      continue;
    }
    text += line;
    length += lineBytes;
  }
  return {
    text: lines.join(""),
    bytes: encoder.encode(text === "" ? "\n" : text),
    files: lines.length,
    omitted,
  };
}

/** Reads a plain list. Lines that are no name and size are passed over. Names are a peer's: not safe as they are. */
export function parsePlainList(datagram: Uint8Array): PlainFile[] {
  const files: PlainFile[] = [];
  for (const line of new TextDecoder().decode(datagram).split(/\r?\n/)) {
    const [, name, size] = /^(.+) (\d+) ?B$/.exec(line) ?? [];
    if (name !== undefined && Number.isSafeInteger(Number(size))) files.push({ name, size: Number(size) });
  }
  return files;
}

/** The size in the answer to a request; `undefined`: it is not decimal digits alone. */
export function parsePlainSize(datagram: Uint8Array): number | undefined {
  if (datagram.length > 16) return undefined;
  const text = new TextDecoder().decode(datagram);
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

/** Whether a datagram is exactly a text. */
export function isText(datagram: Uint8Array, text: string): boolean {
  return datagram.length === text.length && new TextDecoder().decode(datagram) === text;
}

/** Whether two datagrams are the same. */
export function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function readingsOf(text: string): Download[] {
  const readings: Download[] = [];
  for (const pattern of [/^(.+) (\d+) (\d+)$/s, /^(.+) (\d+)$/s, /^(.+)$/s]) {
    const [, name, offset = "0", length = "0"] = pattern.exec(text) ?? [];
    if (name !== undefined) readings.push({ name, offset: atMost(offset), length: atMost(length) });
  }
  return readings;
}

function atMost(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
