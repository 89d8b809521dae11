import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatPlainSize,
  parsePlainRequest,
  PLAIN_REQUEST_BYTES,
  plainList,
  type PlainRequest,
} from "../../../protocols/tcp_file/plain.ts";
import {
  encodePlainRequest,
  parsePlainList,
  parseSizeAnswer,
  partsOf,
} from "../../../protocols/tcp_file/plain_client.ts";

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("sizes have three decimals, in units of 1024", () => {
  const sizes: readonly (readonly [number, string])[] = [
    [0, "0.000B"],
    [1023, "1023.000B"],
    [1024, "1.000KB"],
    [3_707_765, "3.536MB"],
    [5 * 1024 ** 3, "5.000GB"],
    [2 ** 52, "4096.000TB"],
  ];
  assertEquals(sizes.map(([bytes]) => formatPlainSize(bytes)), sizes.map(([, shown]) => shown));
});

Deno.test("the list has a line for each file that a plain client can ask for", () => {
  const names = ["a b.txt", 'it\'s "x"', "a|b", "a\nb", "sub/a", "", "ü.txt"];
  const { text } = plainList(names.map((name) => ({ name, size: 1 })));
  assertEquals(text, 'a b.txt 1.000B\nit\'s "x" 1.000B\nü.txt 1.000B\n');
});

Deno.test("a list is cut at a whole line within 4096 bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 })), (names) => {
      const { text: whole, bytes, omitted } = plainList(names.map((name) => ({ name, size: 7 })));
      const lines = whole.split(/(?<=\n)/).filter((line) => line !== "");
      const kept = lines.length - omitted;
      assertEquals(bytes, text(lines.slice(0, kept).join("")));
      assert(bytes.length <= 4096);
      assert(omitted === 0 || bytes.length + text(lines[kept] ?? "").length > 4096);
      assertEquals(
        parsePlainList(bytes).map(({ name }) => name),
        lines.slice(0, kept).map((line) => line.slice(0, -8)),
      );
    }),
    { numRuns: 200 },
  );
  const full = "x".repeat(504);
  const list = plainList(
    Array.from({ length: 20 }, (_, i) => ({ name: `${i % 10}${full}`.slice(0, 248), size: 1 })),
  );
  assertEquals(list.text.length, 20 * 256);
  assertEquals([list.bytes.length, list.omitted, list.files], [4096, 4, 20]);
});

const RANGE = { kind: "invalid", answer: "Invalid range format." } as const;
const REQUEST = { kind: "invalid", answer: "Invalid request format." } as const;
const ranged = (name: string, offset: number, length: number): PlainRequest => {
  return { kind: "range", name, range: { offset, length } };
};

const REQUESTS: readonly (readonly [string, PlainRequest])[] = [
  ["a.txt", { kind: "size", name: "a.txt" }],
  ["a b 'c'.txt", { kind: "size", name: "a b 'c'.txt" }],
  ["a.txt\n", { kind: "size", name: "a.txt" }],
  ["a.txt\r\n", { kind: "size", name: "a.txt" }],
  ["../a", { kind: "size", name: "../a" }],
  ["", { kind: "size", name: "" }],
  ["a|0-10", ranged("a", 0, 10)],
  ["a|0-10\n", ranged("a", 0, 10)],
  ["a|5-5", ranged("a", 5, 0)],
  ["a|9-5", ranged("a", 9, 0)],
  ["a|0-99999999999999999999999", ranged("a", 0, Number.MAX_SAFE_INTEGER)],
  ["a|99999999999999999999999-0", ranged("a", Number.MAX_SAFE_INTEGER, 0)],
  ["|0-1", ranged("", 0, 1)],
  ["a|", RANGE],
  ["a|5", RANGE],
  ["a|-1-5", RANGE],
  ["a|0--5", RANGE],
  ["a|x-y", RANGE],
  ["a|1.5-2", RANGE],
  ["a|1e3-2e3", RANGE],
  ["a|0x1-0x2", RANGE],
  ["a|1-2-3", RANGE],
  ["a|٣-٤", RANGE],
  ["a|1-2|", REQUEST],
  ["a|b|1-2", REQUEST],
  ["x".repeat(PLAIN_REQUEST_BYTES + 1), REQUEST],
];

for (const [message, expected] of REQUESTS) {
  Deno.test(`a plain server reads ${JSON.stringify(message.slice(0, 40))}`, () => {
    assertEquals(parsePlainRequest(text(message)), expected);
  });
}

Deno.test("a request is read whatever its bytes are", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    assert(["size", "range", "invalid"].includes(parsePlainRequest(bytes).kind));
  }));
});

Deno.test("parts are a quarter each, the last with what is over, and all of the file once", () => {
  assertEquals(
    partsOf(10, 4),
    [[0, 2], [2, 2], [4, 2], [6, 4]].map(([offset = 0, length = 0]) => ({ offset, length })),
  );
  assertEquals(partsOf(3, 4), [{ offset: 0, length: 3 }]);
  assertEquals(partsOf(0, 4), []);
  fc.assert(fc.property(fc.nat(1000), fc.integer({ min: 1, max: 16 }), (size, parts) => {
    const asked = partsOf(size, parts).map((range) => parsePlainRequest(encodePlainRequest("a b", range)));
    let at = 0;
    for (const request of asked) {
      assert(request.kind === "range" && request.name === "a b" && request.range.length > 0);
      assertEquals(request.range.offset, at);
      at += request.range.length;
    }
    assertEquals(at, size);
  }));
});

Deno.test("a client tells the answers to a request for a size apart", () => {
  const answer = (value: string) => parseSizeAnswer(text(value), "a.txt");
  assertEquals(answer("0"), { kind: "size", size: 0 });
  assertEquals(answer("5368709120"), { kind: "size", size: 5_368_709_120 });
  assertEquals(answer("File a.txt not found."), { kind: "missing" });
  assertEquals(answer("File a.t"), { kind: "partial" });
  assertEquals(answer("File b.txt not found."), { kind: "other", text: "File b.txt not found." });
  for (const odd of ["-1", "1.5", "1e3", "99999999999999999999", "12 "]) {
    assertEquals(answer(odd).kind, "other");
  }
});

Deno.test("a client reads lists of other servers, and passes over what is none", () => {
  const list = "a b.txt 3.536MB\nno size\n\nc 12B\r\n d 1 2.50 KB\nu\u2028v 1B\nlast 1.000TB";
  assertEquals(parsePlainList(text(list)), [
    { name: "a b.txt", size: "3.536MB" },
    { name: "c", size: "12B" },
    { name: " d 1", size: "2.50 KB" },
    { name: "u\u2028v", size: "1B" },
    { name: "last", size: "1.000TB" },
  ]);
});
