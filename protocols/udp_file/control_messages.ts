/**
 * The lines of a connection's control stream: one JSON object each, with one member that says what it is. Sizes and
 * offsets are bytes, times whole milliseconds since 1970.
 */

import { z } from "zod";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";

/** Largest number of a request; each is good for one request of a connection. */
export const MAX_REQUEST = 65_535;
/** Most ranges of one request. */
export const MAX_RANGES = 1024;
/** How many of them a client asks for at a time: a line has to hold them with every path, each character escaped. */
export const ASKED_RANGES = 200;
/** Longest page of a list, in UTF-16 units of its JSON, of which each takes three bytes at most. */
const PAGE_LENGTH = 10_000;
/** Longest path, in UTF-16 units. */
export const MAX_PATH_LENGTH = 4096;

/** Why a request is not answered. */
export const REFUSAL = ["notFound", "changed", "unreadable", "tooMuch", "cancelled"] as const;
export type RefusalCode = typeof REFUSAL[number];

const id = z.int().min(1).max(MAX_REQUEST);
const bytes = z.int().nonnegative();
const path = z.string().min(1).max(MAX_PATH_LENGTH);
const range = z.tuple([bytes, bytes]).refine(([from, to]) => from < to, "a range that is reversed or empty");

const list = z.object({
  id,
  path: z.string().max(MAX_PATH_LENGTH).default(""),
  /** If the path is a file, it is sent at once, whole, as if this request had got it. */
  get: id.optional(),
});
const get = z.object({
  id,
  path,
  /** The version that was listed: another one is not sent. */
  size: bytes,
  mtimeMs: bytes,
  /** What to send, in this order. */
  ranges: z.array(range).max(MAX_RANGES),
  /** What the digest is of: [from, to). */
  digest: z.tuple([bytes, bytes]),
});
const named = z.object({ id });
const clientMessage = z.union([
  z.object({ list }).strict(),
  z.object({ get }).strict(),
  z.object({ done: named }).strict(),
  z.object({ cancel: named }).strict(),
]);

const entry = z.object({ path, type: z.enum(["file", "directory"]), size: bytes, mtimeMs: bytes });
const entries = z.object({
  id,
  entries: z.array(entry),
  more: z.boolean(),
  /** The request of `list` that the one entry is sent as. */
  get: id.optional(),
});
const end = z.object({ id, sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const refusal = z.object({
  id,
  /** One of {@linkcode REFUSAL}, or one that is not known yet. */
  code: z.string(),
  text: z.string(),
  /** Bytes of the file that were sent before, each counted once. */
  sentBytes: bytes.default(0),
});
const serverMessage = z.union([
  z.object({ entries }).strict(),
  z.object({ end }).strict(),
  z.object({ error: refusal }).strict(),
]);

/** What a client asks. */
export type ClientMessage = z.infer<typeof clientMessage>;
/** Asks for what is at and below a path. */
export type ListRequest = Readonly<z.infer<typeof list>>;
/** Asks for ranges of a file. */
export type GetRequest = Readonly<z.infer<typeof get>>;
/** What a server answers. */
export type ServerMessage = z.infer<typeof serverMessage>;
/** Some of a list. */
export type EntriesPage = Readonly<z.infer<typeof entries>>;
/** Why a request is not answered. */
export type Refusal = Readonly<z.infer<typeof refusal>>;

/** A line that is no message. */
export class ControlError extends Error {
  override readonly name = "ControlError";
}

/** @throws {ControlError} */
export function parseClientMessage(line: string): ClientMessage {
  return parse(clientMessage, line);
}

/** @throws {ControlError} */
export function parseServerMessage(line: string): ServerMessage {
  return parse(serverMessage, line);
}

/** The line of a message, whose end is the stream's to add. */
export function messageLine(message: ClientMessage | ServerMessage): string {
  return JSON.stringify(message);
}

/** The lines of a list; without entries, one. @param get What the last of them names as `get`. */
export function* entryLines(
  request: number,
  listed: Iterable<CatalogueEntry>,
  get?: number | undefined,
): Generator<string> {
  let page: CatalogueEntry[] = [];
  let length = 0;
  for (const each of listed) {
    // JSON writes a control character as six.
    const entryLength = JSON.stringify(each.path).length + 100;
    if (page.length > 0 && length + entryLength > PAGE_LENGTH) {
      yield messageLine({ entries: { id: request, entries: page, more: true } });
      page = [];
      length = 0;
    }
    page.push(each);
    length += entryLength;
  }
  yield messageLine({ entries: { id: request, entries: page, more: false, get } });
}

/** Ranges as messages have them. */
export function rangePairs(ranges: Iterable<ByteRange>): [number, number][] {
  return [...ranges].map(({ from, to }) => [from, to]);
}

function parse<T>(schema: z.ZodType<T>, line: string): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ControlError("A control line is no JSON", { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new ControlError(`A control line is no message: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}
