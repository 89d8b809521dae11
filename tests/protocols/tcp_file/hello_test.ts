import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  classifyOpening,
  encodeGreeting,
  encodeHello,
  type Greeted,
  type Greeting,
  GreetingReader,
  HELLO_BYTES,
  HelloError,
} from "../../../protocols/tcp_file/hello.ts";
import { missingAnswer } from "../../../protocols/tcp_file/plain.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { concat } from "../../support/client_frames.ts";

const text = (value: string) => new TextEncoder().encode(value);
const NONCE = pseudoRandomBytes(16, 5);
const GREETING: Greeting = { nonce: pseudoRandomBytes(16, 6), auth: true, maxRequests: 256 };
const MISSING = text(missingAnswer(`xfer1 ${NONCE.toHex()}`));

Deno.test("a hello is 38 bytes, and what comes behind it is left for the frames", () => {
  const hello = encodeHello(NONCE);
  assertEquals([hello.length, HELLO_BYTES], [38, 38]);
  const opening = classifyOpening(concat([hello, text("rest")]));
  assert(opening.kind === "hello");
  assertEquals([opening.nonce.toHex(), new TextDecoder().decode(opening.rest)], [NONCE.toHex(), "rest"]);
});

Deno.test("each beginning of a hello may become one, and with any other byte it is a plain request", () => {
  const hello = encodeHello(NONCE);
  fc.assert(
    fc.property(fc.nat(HELLO_BYTES - 1), fc.nat(255), (at, byte) => {
      if (at > 0) assertEquals(classifyOpening(hello.subarray(0, at)).kind, "partial");
      const other = concat([hello.subarray(0, at), Uint8Array.of(byte)]);
      const isHello = byte === hello[at] || (at >= 6 && /[0-9a-f]/.test(String.fromCharCode(byte)));
      const expected = isHello ? (at === HELLO_BYTES - 1 ? "hello" : "partial") : "plain";
      assertEquals(classifyOpening(other).kind, expected);
    }),
    { numRuns: 2000 },
  );
});

/** What a reader makes of an answer that comes in pieces. */
function read(answer: Uint8Array, pieceBytes: () => number): Greeted | undefined {
  const reader = new GreetingReader(NONCE);
  let from = 0;
  let greeted: Greeted | undefined;
  while (from < answer.length && greeted === undefined) {
    const to = Math.min(answer.length, from + pieceBytes());
    greeted = reader.add(answer.subarray(from, to));
    from = to;
  }
  if (greeted?.kind !== "xfer") return greeted;
  // What comes with later reads is not the reader's any more.
  return { ...greeted, rest: concat([greeted.rest, answer.subarray(from)]) };
}

Deno.test("a client finds either answer behind any list, however it is split", () => {
  const list = fc.oneof(
    fc.uint8Array({ maxLength: 6000 }),
    // What looks like an answer, but is to somebody else.
    fc.constantFrom("XFER/1 ", `XFER/1 ${"0".repeat(32)} {}\n`, "File xfer1 not found.", `${NONCE.toHex()}\n`)
      .map(text),
  );
  fc.assert(
    fc.property(
      list,
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 1, max: 80 })),
      (list, isOurs, cuts) => {
        const answer = isOurs ? concat([encodeGreeting(NONCE, GREETING), list]) : MISSING;
        const greeted = read(concat([list, answer]), () => cuts.next().value ?? 1);
        assertEquals(greeted?.kind, isOurs ? "xfer" : "plain");
        assertEquals(greeted?.list.toHex(), list.toHex());
        if (greeted?.kind !== "xfer") return;
        assertEquals([greeted.nonce.toHex(), greeted.auth, greeted.maxRequests], [
          GREETING.nonce.toHex(),
          true,
          256,
        ]);
        assertEquals(greeted.rest.toHex(), list.toHex());
      },
    ),
    { numRuns: 300 },
  );
});

function greetingWith(json: string): Uint8Array {
  return text(`XFER/1 ${NONCE.toHex()} ${json}\n`);
}

const settings = {
  version: 1,
  nonce: GREETING.nonce.toHex(),
  auth: false,
  blockBytes: 1_048_576,
  maxRequests: 256,
};
const REFUSED: readonly (readonly [string, Uint8Array])[] = [
  ["is no JSON", greetingWith("{")],
  ["is of another version", greetingWith(JSON.stringify({ ...settings, version: 2 }))],
  ["has other blocks", greetingWith(JSON.stringify({ ...settings, blockBytes: 65_536 }))],
  ["allows no requests", greetingWith(JSON.stringify({ ...settings, maxRequests: 0 }))],
  ["has no nonce", greetingWith(JSON.stringify({ ...settings, nonce: "00" }))],
  ["has the client's own nonce", greetingWith(JSON.stringify({ ...settings, nonce: NONCE.toHex() }))],
  ["never ends", text(`XFER/1 ${NONCE.toHex()} ${" ".repeat(5000)}`)],
];

for (const [what, greeting] of REFUSED) {
  Deno.test(`a greeting that ${what} is refused`, () => {
    assertThrows(() => read(greeting, () => 700), HelloError);
  });
}

Deno.test("fields of a greeting that are not known yet are passed over", () => {
  assertEquals(read(greetingWith(JSON.stringify({ ...settings, more: 1 })), () => 50)?.kind, "xfer");
});

Deno.test("a client gives up when a list does not end", () => {
  const reader = new GreetingReader(NONCE);
  const piece = new Uint8Array(64 * 1024);
  for (let i = 0; i < 16; i++) assertEquals(reader.add(piece), undefined);
  assertEquals(reader.received.length, 1024 * 1024);
  assertThrows(() => reader.add(piece), HelloError);
});
