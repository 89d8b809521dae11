/** Lists of files, in as many frames as they need. */

import { Buffer } from "node:buffer";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import { isPath, MessageError, parseJson } from "./payload_text.ts";

/** Longest page of a list. */
const PAGE_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/**
 * Payloads of the LIST frames that hold these entries, each as full as it may be; without entries, one. The
 * last one that comes is to be sent with the flag END.
 */
export function* encodeListPages(entries: Iterable<CatalogueEntry>): Generator<Uint8Array<ArrayBuffer>> {
  const [before, behind] = ['{"entries":[', "]}"];
  // Each entry counts a comma, and the first has none.
  const emptyBytes = before.length + behind.length - 1;
  let texts: string[] = [];
  let length = emptyBytes;
  for (const entry of entries) {
    const text = JSON.stringify(entry);
    const entryBytes = Buffer.byteLength(text) + 1;
    if (length + entryBytes > PAGE_BYTES) {
      yield encoder.encode(`${before}${texts.join(",")}${behind}`);
      texts = [];
      length = emptyBytes;
    }
    texts.push(text);
    length += entryBytes;
  }
  yield encoder.encode(`${before}${texts.join(",")}${behind}`);
}

/** The entries of a page. Their paths are a peer's: not safe as they are. @throws {MessageError} */
export function decodeListPage(payload: Uint8Array): readonly CatalogueEntry[] {
  const page = parseJson(payload);
  const entries = isRecord(page) ? page["entries"] : undefined;
  if (!Array.isArray(entries)) throw new MessageError("A list has no entries");
  return entries.map(listEntry);
}

/** By hand, as a schema takes five times as long, and there may be a million of them. */
function listEntry(entry: unknown): CatalogueEntry {
  if (isRecord(entry)) {
    const { path, type, size, mtimeMs } = entry;
    const isKnown = type === "file" || type === "directory";
    if (isKnown && isPath(path) && isCount(size) && isCount(mtimeMs)) return { path, type, size, mtimeMs };
  }
  throw new MessageError("An entry of a list is not what it should be");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
