import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import { ChunkedDecoder } from "../../net/chunked.ts";

const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));

/** Feeds a body in pieces that end where `cuts` say. @returns The payload and what was left over. */
function decode(
  body: Uint8Array,
  cuts: readonly number[],
): { payload: number[]; rest: number; isOver: boolean } {
  const decoder = new ChunkedDecoder();
  const payload: number[] = [];
  let rest = 0;
  const ends = [...cuts.map((cut) => cut % (body.length + 1)), body.length].sort((one, two) => one - two);
  for (let from = 0, index = 0; index < ends.length; from = ends[index++] ?? 0) {
    const piece = body.slice(from, ends[index]);
    const result = decoder.decode(piece);
    payload.push(...piece.subarray(0, result.payload));
    rest += piece.length - result.taken;
  }
  return { payload, rest, isOver: decoder.isOver };
}

Deno.test("chunks of any size, cut anywhere, give their payload", () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
  fc.assert(fc.property(fc.array(chunk), fc.array(fc.nat()), fc.boolean(), (chunks, cuts, hasTrailers) => {
    const body = [
      ...chunks.flatMap((each) => [...bytes(`${each.length.toString(16)};x="y"\r\n`), ...each, 13, 10]),
      ...bytes(hasTrailers ? "000\r\nA: b\r\nC: d\r\n\r\n" : "0\r\n\r\n"),
    ];
    const payload = chunks.flatMap((each) => [...each]);
    assertEquals(decode(Uint8Array.from(body), cuts), { payload, rest: 0, isOver: true });
    // What follows is not the body's.
    assertEquals(decode(Uint8Array.from([...body, 1, 2, 3]), cuts), { payload, rest: 3, isOver: true });
    assertEquals(decode(Uint8Array.from(body.slice(0, -1)), cuts), { payload, rest: 0, isOver: false });
  }));
});

Deno.test("what is in no chunks is refused", () => {
  const cases = [
    ["\r\n", 'The chunks are broken: "\\r" for a size'],
    ["-1\r\n", '"-1\\r" for a size'],
    ["0x5\r\n", "for a size"],
    ["fffffffffffffff\r\n", "for a size"],
    ["2\r\nabc", "more bytes than announced"],
    ["1".repeat(5000), "a size without end"],
    [`0\r\n${"A: b\r\n".repeat(20_000)}`, "trailers without end"],
  ] as const;
  for (const [body, message] of cases) {
    assertThrows(() => new ChunkedDecoder().decode(bytes(body)), ConnectionProblem, message);
  }
});

Deno.test("a strict reader takes what could be read in two ways for broken", () => {
  const cases = [
    "5\nabcde\r\n0\r\n\r\n",
    "5\r\nabcde\n0\r\n\r\n",
    "5\r\nabcde\r\r\n0\r\n\r\n",
    "5\r\nabcde\r\n0\r\n\n",
    "5\r\nabcde\r\n0\r\nA: b\n\r\n",
    "5 \r\nabcde\r\n0\r\n\r\n",
    "5;a\rb\r\nabcde\r\n0\r\n\r\n",
    "5;a\0b\r\nabcde\r\n0\r\n\r\n",
    "0\r\n \r\n",
    "0\r\n\xa0\r\n",
    "0\r\nA: b\r\n\t\r\n\r\n",
    "0\r\n folded\r\n\r\n",
    "0\r\nGET / HTTP/1.1\r\n\r\n",
    "0\r\nA : b\r\n\r\n",
    "0\r\nA: \0\r\n\r\n",
  ];
  for (const body of cases) {
    assertThrows(() => new ChunkedDecoder({ isStrict: true }).decode(bytes(body)), ConnectionProblem);
  }
  const plain = bytes("5;a=b\r\nabcd\n\r\n1\r\n\r\r\n0\r\nA: b\r\n\r\n!");
  const strict = new ChunkedDecoder({ isStrict: true });
  assertEquals(strict.decode(plain), { payload: 6, taken: plain.length - 1 });
});
