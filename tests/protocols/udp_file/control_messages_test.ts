import { assert, assertEquals, assertThrows } from "@std/assert";
import { MAX_CONTROL_LINE_BYTES } from "../../../protocols/udp_file/connection.ts";
import {
  ASKED_RANGES,
  ControlError,
  entryLines,
  MAX_PATH_LENGTH,
  MAX_REQUEST,
  messageLine,
  parseClientMessage,
  parseServerMessage,
} from "../../../protocols/udp_file/control_messages.ts";
import { addPage } from "../../../protocols/udp_file/requests.ts";
import type { CatalogueEntry } from "../../../store/catalogue_entries.ts";

/** What takes the most bytes for its length in JSON, in UTF-8, and none of both. */
const CHARACTERS = ["\u0001", "\u20ac", "\ud800", "a"];

function byteLength(line: string): number {
  return new TextEncoder().encode(`${line}\n`).length;
}

Deno.test("no page of a list is longer than a line may be, and all entries come", () => {
  for (const character of CHARACTERS) {
    for (const length of [10, 255, 1000, MAX_PATH_LENGTH - 2]) {
      const entries = Array.from({ length: 50 }, (_, i): CatalogueEntry => ({
        path: `${i}`.padStart(2, "0") + character.repeat(length),
        type: "file",
        size: Number.MAX_SAFE_INTEGER,
        mtimeMs: Number.MAX_SAFE_INTEGER,
      }));
      const found: CatalogueEntry[] = [];
      for (const line of entryLines(MAX_REQUEST, entries)) {
        assert(byteLength(line) <= MAX_CONTROL_LINE_BYTES, `${byteLength(line)} bytes`);
        const message = parseServerMessage(line);
        if ("entries" in message) found.push(...message.entries.entries);
      }
      assertEquals(found, entries);
    }
  }
});

Deno.test("a line holds as many ranges as a client asks for at a time, whatever path and numbers", () => {
  const most = Number.MAX_SAFE_INTEGER;
  for (const character of CHARACTERS) {
    const get = {
      id: MAX_REQUEST,
      path: character.repeat(MAX_PATH_LENGTH),
      size: most,
      mtimeMs: most,
      ranges: Array.from({ length: ASKED_RANGES }, (): [number, number] => [most - 1, most]),
      digest: [most, most] satisfies [number, number],
    };
    const line = messageLine({ get });
    assert(byteLength(line) <= MAX_CONTROL_LINE_BYTES, `${byteLength(line)} bytes`);
    assertEquals(parseClientMessage(line), { get });
  }
});

Deno.test("a client holds no list that is larger than there is memory for, and none without end", () => {
  const listing = { found: [], characters: 0 };
  const entry = (length: number): CatalogueEntry => {
    return { path: "a".repeat(length), type: "file", size: 0, mtimeMs: 0 };
  };
  addPage(listing, { entries: [], more: false });
  addPage(listing, { entries: [entry(1)], more: true });
  assertThrows(() => addPage(listing, { entries: [], more: true }), ControlError, "empty");
  const long = new Array(MAX_PATH_LENGTH).fill(entry(MAX_PATH_LENGTH));
  const endless = () => {
    for (let page = 0; page < 10; page++) addPage(listing, { entries: long, more: true });
  };
  assertThrows(endless, ControlError, "more files");
  const many = { found: [], characters: 0 };
  assertThrows(
    () => addPage(many, { entries: new Array(1_000_001).fill(entry(1)), more: true }),
    ControlError,
  );
});
