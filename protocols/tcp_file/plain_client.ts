/** The plain protocol over TCP, as a client sees it: a server's list, requests, and the answers to them. */

import type { Piece } from "./blocks.ts";
import { missingAnswer } from "./plain.ts";

/** A file in a plain server's list. */
export interface PlainListing {
  /** As the server writes it. A peer's: not safe as it is. */
  readonly name: string;
  /** As the server writes it, rounded: `3.536MB`. */
  readonly size: string;
}

/** What a plain server says when it is asked for a file's size. */
export type SizeAnswer =
  | { readonly kind: "size"; readonly size: number }
  | { readonly kind: "missing" }
  /** The beginning of one that says that the file is not there. */
  | { readonly kind: "partial" }
  /** Something else. */
  | { readonly kind: "other"; readonly text: string };

/** Reads a plain list. Lines that are no name and size are passed over, and the last may lack its end. */
export function parsePlainList(list: Uint8Array): PlainListing[] {
  const found: PlainListing[] = [];
  for (const line of new TextDecoder().decode(list).split(/\r?\n/)) {
    const [, name, size] = /^(.+) (\d+(?:\.\d+)? ?[KMGTP]?B)$/s.exec(line) ?? [];
    if (name !== undefined && size !== undefined) found.push({ name, size });
  }
  return found;
}

/** Asks for a file's size, or with a range for its bytes. The name has no `|`. */
export function encodePlainRequest(name: string, range?: Piece): Uint8Array<ArrayBuffer> {
  const text = range === undefined ? name : `${name}|${range.offset}-${range.offset + range.length}`;
  return new TextEncoder().encode(text);
}

/**
 * Reads the answer to a request for a file's size. It has no terminator: digits are taken as complete, and
 * the caller has to see to it that nothing more comes.
 */
export function parseSizeAnswer(answer: Uint8Array, name: string): SizeAnswer {
  const text = new TextDecoder().decode(answer);
  const size = /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(size)) return { kind: "size", size };
  const missing = missingAnswer(name);
  if (text === missing) return { kind: "missing" };
  return missing.startsWith(text) ? { kind: "partial" } : { kind: "other", text };
}

/**
 * One range a connection: equal parts, of which the last takes what is over. Of a file with fewer bytes than
 * parts the empty ones are left out.
 */
export function partsOf(size: number, parts: number): Piece[] {
  const length = Math.floor(size / parts);
  const ranges = Array.from({ length: parts }, (_, i) => {
    const offset = i * length;
    return { offset, length: i === parts - 1 ? size - offset : length };
  });
  return ranges.filter((range) => range.length > 0);
}
