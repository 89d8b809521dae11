import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { LineReader } from "../../../protocols/tracker/peer_lines.ts";
import {
  encodePeerMessage,
  MAX_LINE_BYTES,
  parsePeerMessage,
  type PeerMessage,
  PeerProtocolError,
} from "../../../protocols/tracker/peer_messages.ts";

const base64url = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((each) =>
    each.toBase64({ alphabet: "base64url", omitPadding: true })
  );
const name = fc.stringMatching(/^[a-z0-9äß._-]{1,64}$/);
const id = fc.stringMatching(/^[!-~]{1,64}$/);
const text = fc.string({ minLength: 1, maxLength: 1000, unit: "grapheme" }).filter((each) =>
  each.isWellFormed()
);
const messages: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({
    type: fc.constant("hello" as const),
    v: fc.nat(),
    peer_id: name,
    key: base64url(32),
    nonce: base64url(16),
  }),
  fc.record({ type: fc.constant("hello_ack" as const), nonce: base64url(16), sig: base64url(64) }),
  fc.record({ type: fc.constant("auth" as const), sig: base64url(64) }),
  fc.record({ type: fc.constant("message" as const), id, text, ts: fc.nat() }),
  fc.record({ type: fc.constant("message" as const), id, channel: name, text, ts: fc.nat() }),
  fc.record({ type: fc.constant("ack" as const), id }),
  fc.record({ type: fc.constant("error" as const), error: fc.string({ maxLength: 1000 }) }),
);

/** What a reader makes of bytes that come in pieces of these sizes. */
function linesOf(bytes: Uint8Array, sizes: readonly number[]): string[] {
  const reader = new LineReader();
  const found: string[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1);
    for (const line of reader.push(bytes.subarray(at, end))) found.push(new TextDecoder().decode(line));
    at = end;
  }
  return found;
}

Deno.test("what is encoded is read again, however the bytes are cut", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(fc.array(messages, { minLength: 1, maxLength: 10 }), sizes, (sent, cuts) => {
    const bytes = new Uint8Array(sent.flatMap((message) => [...encodePeerMessage(message)]));
    const read = linesOf(bytes, cuts).map((line) => parsePeerMessage(new TextEncoder().encode(line)));
    assertEquals(read, sent);
  }));
});

Deno.test("any bytes are messages or a protocol error, nothing else", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 500 }),
        fc.json().map((json) => new TextEncoder().encode(json)),
      ),
      (bytes) => {
        try {
          parsePeerMessage(bytes);
        } catch (error) {
          if (!(error instanceof PeerProtocolError)) throw error;
        }
      },
    ),
  );
});

Deno.test("a line may be 64 KiB with its line feed, and not a byte more", () => {
  const longest = new Uint8Array(MAX_LINE_BYTES).fill(0x61);
  longest[MAX_LINE_BYTES - 1] = 0x0a;
  assertEquals(linesOf(longest, [1000])[0]?.length, MAX_LINE_BYTES - 1);
  assertThrows(() => linesOf(new Uint8Array(MAX_LINE_BYTES).fill(0x61), [1000]), PeerProtocolError);
});

const message = { type: "message", id: "1", text: "hi", ts: 1 };
for (
  const [what, value] of Object.entries({
    "an array": [],
    "no type": { id: "1" },
    "an unknown type": { type: "shout" },
    "an empty text": { ...message, text: "" },
    "a text of more than 4 KiB": { ...message, text: "ä".repeat(2049) },
    "half a character": { ...message, text: "\ud800" },
    "an id with a space": { ...message, id: "a b" },
    "a long id": { ...message, id: "a".repeat(65) },
    "a channel with a line feed": { ...message, channel: "a\nb" },
    "a name that turns the order around": {
      type: "hello",
      v: 1,
      peer_id: "a\u202eb",
      key: "A".repeat(43),
      nonce: "A".repeat(22),
    },
    "a short nonce": { type: "hello_ack", nonce: "AAAA", sig: "A".repeat(86) },
  })
) {
  Deno.test(`refused: ${what}`, () => {
    const line = new TextEncoder().encode(JSON.stringify(value));
    assertThrows(() => parsePeerMessage(line), PeerProtocolError);
  });
}
