import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { digestOf } from "../../../protocols/tcp_file/digests.ts";
import { FrameReader } from "../../../protocols/tcp_file/frame_reader.ts";
import { decodeListPage, encodeListPages } from "../../../protocols/tcp_file/list_pages.ts";
import type { CatalogueEntry } from "../../../store/catalogue_entries.ts";
import * as messages from "../../../protocols/tcp_file/messages.ts";
import { MessageError } from "../../../protocols/tcp_file/payload_text.ts";
import { concat } from "../../support/client_frames.ts";

const anyName = fc.string({ unit: "binary", minLength: 1, maxLength: 40 }).map((text) => text.toWellFormed());
const part = anyName.filter((text) => !/[/\0]/.test(text) && text !== "." && text !== "..");
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const number = fc.maxSafeNat();
const entry: fc.Arbitrary<CatalogueEntry> = fc.record({
  path,
  type: fc.constantFrom("file", "directory"),
  size: number,
  mtimeMs: number,
});

Deno.test("what is encoded is decoded to the same", () => {
  fc.assert(
    fc.property(path, number, number, fc.boolean(), fc.nat(0xffff), (path, offset, length, digest, code) => {
      const get = { path, offset, length };
      assertEquals(messages.decodeGet(messages.encodeGet(get)), get);
      assertEquals(messages.decodeListRequest(messages.encodeListRequest({ path })), { path });
      const root = { path, digest };
      assertEquals(messages.decodeRootRequest(messages.encodeRootRequest(root)), root);
      const answer = { path, size: offset, mtimeMs: length, ...digest ? { root: "ab".repeat(32) } : {} };
      assertEquals(messages.decodeRootAnswer(messages.encodeRootAnswer(answer)), answer);
      const error = { code, text: path.slice(0, 1000).toWellFormed() };
      assertEquals(messages.decodeError(messages.encodeError(error)), error);
    }),
    { numRuns: 300 },
  );
});

Deno.test("pages of a list hold all entries in order, each within 64 KiB and none emptier than it must be", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), fc.integer({ min: 1, max: 60 }), (some, times) => {
      const entries = Array.from({ length: times }, () => some).flat();
      const pages = [...encodeListPages(entries)];
      assertEquals(pages.flatMap((page) => [...decodeListPage(page)]), entries);
      assert(pages.every((page) => page.length <= 64 * 1024));
      pages.slice(1).forEach((page, i) => {
        const [first] = decodeListPage(page);
        const before = pages[i]?.length ?? 0;
        assert(before + new TextEncoder().encode(JSON.stringify(first)).length + 1 > 64 * 1024);
      });
    }),
    { numRuns: 50 },
  );
  assertEquals([...encodeListPages([])].map((page) => decodeListPage(page)), [[]]);
});

Deno.test("a page of a list is as full as it may be, to the byte", () => {
  const named = (path: string): CatalogueEntry => ({ path, type: "file", size: 1, mtimeMs: 1 });
  const bytes = (entries: readonly CatalogueEntry[]) => JSON.stringify({ entries }).length;
  const most = Array.from({ length: 20 }, () => named("a".repeat(3100)));
  const left = 64 * 1024 - bytes([...most, named("")]);
  const pages = (last: number) => [...encodeListPages([...most, named("b".repeat(last))])];
  assertEquals(pages(left).map(({ length }) => length), [64 * 1024]);
  assertEquals(pages(left + 1).map((page) => decodeListPage(page).length), [20, 1]);
});

Deno.test("a DATA frame is written before the bytes of the file, wherever they lie", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), number, fc.nat(50), (bytes, mtimeMs, before) => {
      const memory = new Uint8Array(before + messages.DATA_HEAD_BYTES + bytes.length);
      memory.set(bytes, before + messages.DATA_HEAD_BYTES);
      const head = { offset: 7 * BLOCK_BYTES, version: { size: 2 ** 52, mtimeMs }, digest: digestOf(bytes) };
      messages.writeDataHead(memory.subarray(before), {
        request: 9,
        isEnd: true,
        length: bytes.length,
        ...head,
      });
      const frame = new FrameReader({ sender: "server", first: memory.subarray(before) }).next();
      assertEquals([frame?.request, frame?.isEnd], [9, true]);
      const data = messages.decodeData(frame?.payload ?? new Uint8Array(0));
      assertEquals([data.offset, data.version], [head.offset, head.version]);
      assertEquals([data.digest.toHex(), data.bytes.toHex()], [head.digest.toHex(), bytes.toHex()]);
    }),
  );
});

Deno.test("numbers of a GET beyond what a file can have count as the end", () => {
  const payload = concat([new Uint8Array(16).fill(255), new TextEncoder().encode("a")]);
  const end = Number.MAX_SAFE_INTEGER;
  assertEquals(messages.decodeGet(payload), { path: "a", offset: end, length: end });
});

Deno.test("a long text of an error is cut to what a frame of it may hold", () => {
  const payload = messages.encodeError({ code: 1, text: "é€😀".repeat(2000) });
  assert(payload.length <= 4096 && messages.decodeError(payload).text.startsWith("é€😀é"));
});

const text = (value: string) => new TextEncoder().encode(value);
const get = (path: string) => messages.encodeGet({ path, offset: 0, length: 1 });
const dataOf = (fields: readonly bigint[], bytes: number) => {
  const payload = new Uint8Array(56 + bytes);
  fields.forEach((value, i) => new DataView(payload.buffer).setBigUint64(8 * i, value));
  return payload;
};

const REFUSED: readonly (readonly [string, () => unknown])[] = [
  ["an absolute path", () => messages.decodeGet(get("/etc/passwd"))],
  ["a path that leads out", () => messages.decodeGet(get("a/../../b"))],
  ["a path with a dot", () => messages.decodeGet(get("./b"))],
  ["a path with an empty part", () => messages.decodeGet(get("a//b"))],
  ["a path with NUL", () => messages.decodeGet(get("a\0b"))],
  ["a path of a directory as it is typed", () => messages.decodeGet(get("a/"))],
  ["a path that is too long", () => messages.decodeGet(get("a".repeat(4097)))],
  ["a path that is not UTF-8", () => messages.decodeGet(concat([get("a"), Uint8Array.of(0xff)]))],
  ["a GET without a path", () => messages.decodeGet(get(""))],
  ["a GET that is cut off", () => messages.decodeGet(new Uint8Array(15))],
  ["a LIST that leads out", () => messages.decodeListRequest(text('{"path":".."}'))],
  ["a LIST that is no JSON", () => messages.decodeListRequest(text('{"path":'))],
  ["a LIST that is no object", () => messages.decodeListRequest(text("[]"))],
  ["a ROOT without a path", () => messages.decodeRootRequest(text("{}"))],
  ["a ROOT of the whole directory", () => messages.decodeRootRequest(text('{"path":""}'))],
  ["a list that is no object", () => decodeListPage(text("null"))],
  ["a list without entries", () => decodeListPage(text("{}"))],
  ["an entry that is none", () => decodeListPage(text('{"entries":[null]}'))],
  ["an entry without a path", () => decodeListPage(listOf({ path: undefined }))],
  ["an entry with an empty path", () => decodeListPage(listOf({ path: "" }))],
  ["an entry whose path is too long", () => decodeListPage(listOf({ path: "é".repeat(2049) }))],
  ["an entry of a negative size", () => decodeListPage(listOf({ size: -1 }))],
  ["an entry of a size that no number is", () => decodeListPage(listOf({ size: 2 ** 60 }))],
  ["an entry of a broken time", () => decodeListPage(listOf({ mtimeMs: 0.5 }))],
  ["an entry of another type", () => decodeListPage(listOf({ type: "link" }))],
  ["a root that is no digest", () => {
    return messages.decodeRootAnswer(text('{"path":"a","size":1,"mtimeMs":0,"root":"AB"}'));
  }],
  ["an ERROR without a code", () => messages.decodeError(new Uint8Array(1))],
  ["DATA that is cut off", () => messages.decodeData(new Uint8Array(55))],
  ["DATA behind the end of the file", () => messages.decodeData(dataOf([5n, 10n, 0n], 6))],
  ["DATA of more than a block", () => messages.decodeData(dataOf([0n, 2n ** 40n, 0n], BLOCK_BYTES + 1))],
  ["DATA of a size that no number is", () => messages.decodeData(dataOf([0n, 2n ** 60n, 0n], 1))],
];

/** A list of one entry, which something is wrong with. */
function listOf(wrong: Readonly<Record<string, unknown>>): Uint8Array {
  return text(JSON.stringify({ entries: [{ path: "a", type: "file", size: 1, mtimeMs: 0, ...wrong }] }));
}

for (const [what, decode] of REFUSED) {
  Deno.test(`${what} is refused`, () => {
    assertThrows(decode, MessageError);
  });
}

Deno.test("whatever a payload is, it is decoded or refused", () => {
  const decoders = [
    messages.decodeListRequest,
    decodeListPage,
    messages.decodeGet,
    messages.decodeData,
    messages.decodeRootRequest,
    messages.decodeRootAnswer,
    messages.decodeError,
  ];
  const payload = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(text));
  fc.assert(
    fc.property(payload, fc.constantFrom(...decoders), (payload, decode) => {
      try {
        decode(payload);
      } catch (error) {
        assert(error instanceof MessageError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
