import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CLOSE, WebSocketError } from "../../net/web_socket_frames.ts";
import { BASE_BYTES, WebSocketReader } from "../../net/web_socket_reader.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { clientFrame, concat, OPCODE } from "../support/client_frames.ts";

const KIB = 1024;

/** A mask applied in the plainest way. */
function unmask(bytes: Uint8Array, mask: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i % 4] ?? 0);
}

function newReader({ maxMessageBytes = 256 * KIB, maxReadBytes = 512 * KIB } = {}): WebSocketReader {
  return new WebSocketReader({ sender: "client", maxMessageBytes, maxReadBytes });
}

/** Everything that a reader makes of bytes that come in pieces, as text that can be compared. */
function readAll(reader: WebSocketReader, bytes: Uint8Array, pieceBytes: () => number): string[] {
  const seen: string[] = [];
  for (let at = 0;;) {
    for (let incoming = reader.next(); incoming !== undefined; incoming = reader.next()) {
      seen.push(told(incoming));
    }
    if (at === bytes.length) return seen;
    if (reader.wantedBytes > 0) reader.lend(new Uint8Array(reader.wantedBytes));
    else reader.release();
    const space = reader.space();
    assert(space.length > 0);
    const count = Math.min(space.length, pieceBytes(), bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    reader.filled(count);
    at += count;
  }
}

function told(incoming: ReturnType<WebSocketReader["next"]>): string {
  switch (incoming?.type) {
    case "text":
      return `text ${incoming.text}`;
    case "binary":
      return `binary ${incoming.bytes.toHex()}`;
    case "oversized":
      return `oversized ${incoming.length}`;
    case "ping":
    case "pong":
      return `${incoming.type} ${incoming.payload.toHex()}`;
    case "close":
      return `close ${incoming.code}`;
    case undefined:
      return "nothing";
  }
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.integer({ min: 120, max: 40 * KIB }).map((length) => pseudoRandomBytes(length)),
);
const message = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), text: fc.string({ unit: "grapheme", maxLength: 300 }) }),
  fc.record({
    kind: fc.constant("binary" as const),
    pieces: fc.array(payload, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constantFrom("ping" as const, "pong" as const),
    payload: fc.uint8Array({ maxLength: 125 }),
  }),
);

Deno.test("bytes give the same messages however they are split", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.infiniteStream(fc.nat(20_000)), (messages, cuts) => {
      const frames: Uint8Array[] = [];
      const expected: string[] = [];
      for (const each of messages) {
        if (each.kind === "text") {
          frames.push(clientFrame(OPCODE.text, new TextEncoder().encode(each.text)));
          expected.push(`text ${each.text}`);
        } else if (each.kind === "binary") {
          each.pieces.forEach((piece, i) => {
            frames.push(clientFrame(i === 0 ? OPCODE.binary : OPCODE.continuation, piece, {
              isFinal: i === each.pieces.length - 1,
            }));
            // A control frame may come between those of a message.
            if (i < each.pieces.length - 1) frames.push(clientFrame(OPCODE.ping, piece.subarray(0, 5)));
            if (i < each.pieces.length - 1) expected.push(`ping ${piece.subarray(0, 5).toHex()}`);
          });
          expected.push(`binary ${concat(each.pieces).toHex()}`);
        } else {
          frames.push(clientFrame(OPCODE[each.kind], each.payload));
          expected.push(`${each.kind} ${each.payload.toHex()}`);
        }
      }
      const seen = readAll(newReader(), concat(frames), () => 1 + (cuts.next().value ?? 0));
      assertEquals(seen, expected);
    }),
    { numRuns: 300, seed: 7 },
  );
});

const NONSENSE: readonly (readonly [string, number, Uint8Array])[] = [
  ["a frame without a mask", 1002, clientFrame(OPCODE.text, new Uint8Array(3), { isMasked: false })],
  ["a reserved bit", 1002, clientFrame(OPCODE.text, new Uint8Array(3), { reserved: 0x40 })],
  ["an unknown opcode", 1002, clientFrame(0x3, new Uint8Array(3))],
  ["an unknown control opcode", 1002, clientFrame(0xb, new Uint8Array(3))],
  ["a control frame that is too long", 1002, clientFrame(OPCODE.ping, new Uint8Array(126))],
  ["a control frame in pieces", 1002, clientFrame(OPCODE.ping, new Uint8Array(3), { isFinal: false })],
  ["a continuation of nothing", 1002, clientFrame(OPCODE.continuation, new Uint8Array(3))],
  [
    "a message within a message",
    1002,
    concat([
      clientFrame(OPCODE.text, new Uint8Array(3), { isFinal: false }),
      clientFrame(OPCODE.text, new Uint8Array(3)),
    ]),
  ],
  ["a text that is not UTF-8", 1007, clientFrame(OPCODE.text, Uint8Array.of(0x61, 0xc3, 0x28))],
  ["a text that ends within a character", 1007, clientFrame(OPCODE.text, Uint8Array.of(0xe2, 0x82))],
  ["a close of one byte", 1002, clientFrame(OPCODE.close, Uint8Array.of(3))],
  ["a close with a code that is never sent", 1002, clientFrame(OPCODE.close, Uint8Array.of(0x03, 0xed))],
  ["a close with a code of nobody", 1002, clientFrame(OPCODE.close, Uint8Array.of(0x00, 0x01))],
  ["a close whose reason is no text", 1007, clientFrame(OPCODE.close, Uint8Array.of(0x03, 0xe8, 0xff))],
  ["a message beyond what is read", 1009, clientFrame(OPCODE.binary, new Uint8Array(512 * KIB + 1))],
  [
    "a message beyond what is read, in pieces",
    1009,
    concat(Array.from({ length: 9 }, (_, i) => {
      return clientFrame(i === 0 ? OPCODE.binary : OPCODE.continuation, new Uint8Array(64 * KIB), {
        isFinal: false,
      });
    })),
  ],
  // 2^63 and more are forbidden, and beyond 2^53 no number is exact.
  [
    "an absurd length",
    1009,
    Uint8Array.of(0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
  ],
];

for (const [what, code, bytes] of NONSENSE) {
  Deno.test(`${what} fails the connection with ${code}`, () => {
    const error = assertThrows(() => readAll(newReader(), bytes, () => 1000), WebSocketError);
    assertEquals(error.code, code);
  });
}

Deno.test("a close tells its code, and one without any tells so", () => {
  const close = (payload: Uint8Array) => readAll(newReader(), clientFrame(OPCODE.close, payload), () => 1);
  assertEquals(close(new Uint8Array(0)), [`close ${CLOSE.noStatus}`]);
  assertEquals(close(Uint8Array.of(0x03, 0xe8, 0x62, 0x79, 0x65)), ["close 1000"]);
  assertEquals(close(Uint8Array.of(0x0f, 0xa0)), ["close 4000"]);
});

Deno.test("a message too long to be kept is dropped without memory for it, and what follows is read", () => {
  const reader = newReader();
  const whole = clientFrame(OPCODE.binary, pseudoRandomBytes(300 * KIB));
  const inPieces = [0, 1, 2, 3].map((i) => {
    const options = { isFinal: i === 3 };
    return clientFrame(i === 0 ? OPCODE.text : OPCODE.continuation, pseudoRandomBytes(100 * KIB), options);
  });
  const bytes = concat([whole, ...inPieces, clientFrame(OPCODE.text, new TextEncoder().encode("on"))]);
  assertEquals(readAll(reader, bytes, () => 5000), [
    `oversized ${300 * KIB}`,
    `oversized ${400 * KIB}`,
    "text on",
  ]);
  const fresh = newReader();
  fresh.space().set(whole.subarray(0, BASE_BYTES));
  fresh.filled(BASE_BYTES);
  assertEquals([fresh.next(), fresh.wantedBytes], [undefined, 0]);
});

/** Feeds a reader, lending what it asks for. @returns What it asked for, in order. */
function feed(reader: WebSocketReader, bytes: Uint8Array): number[] {
  const wanted: number[] = [];
  for (let at = 0; at < bytes.length;) {
    assertEquals(reader.next(), undefined);
    const { wantedBytes } = reader;
    if (wantedBytes > 0) {
      wanted.push(wantedBytes);
      reader.lend(new Uint8Array(wantedBytes));
    }
    const space = reader.space();
    const count = Math.min(space.length, bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    reader.filled(count);
    at += count;
  }
  return wanted;
}

Deno.test("a long frame gets memory as it comes, at once if one like it has come before", () => {
  const reader = newReader({ maxMessageBytes: 1024 * KIB, maxReadBytes: 1024 * KIB });
  const frame = () => clientFrame(OPCODE.binary, pseudoRandomBytes(900 * KIB));
  assertEquals(feed(reader, frame().subarray(0, BASE_BYTES)), []);
  assertEquals(reader.end(), undefined);
  const fresh = newReader({ maxMessageBytes: 1024 * KIB, maxReadBytes: 1024 * KIB });
  assertEquals(feed(fresh, frame()).slice(0, 3).map((bytes) => bytes / KIB), [128, 256, 512]);
  assertEquals(fresh.next()?.type, "binary");
  assertEquals([fresh.hasLoan, fresh.release()?.length === undefined], [true, false]);
  const again = feed(fresh, frame());
  assert(again.length === 1 && (again[0] ?? 0) > 900 * KIB);
  assertEquals(fresh.next()?.type, "binary");
});

Deno.test("while memory is scarce nobody keeps it for the mere beginning of a frame", () => {
  const reader = newReader();
  const frame = clientFrame(OPCODE.binary, pseudoRandomBytes(100 * KIB));
  feed(reader, concat([frame, frame.subarray(0, 50)]));
  assertEquals(reader.next()?.type, "binary");
  assertEquals(reader.next(), undefined);
  assertEquals(reader.release(), undefined);
  assert(reader.release({ isScarce: true }) !== undefined);
  feed(reader, frame.subarray(50));
  assertEquals(told(reader.next()), told({ type: "binary", bytes: frameBytes(frame) }));
});

/** The payload of a client's frame whose head has ten bytes and a mask. */
function frameBytes(frame: Uint8Array): Uint8Array {
  const payload = frame.slice(14);
  unmask(payload, frame.subarray(10, 14));
  return payload;
}

Deno.test("empty frames of a message that never ends take no memory", () => {
  const reader = newReader();
  feed(reader, clientFrame(OPCODE.binary, new Uint8Array(0), { isFinal: false }));
  const more = clientFrame(OPCODE.continuation, new Uint8Array(0), { isFinal: false });
  feed(reader, concat(Array.from({ length: 10_000 }, () => more)));
  assertEquals([reader.next(), reader.asideBytes, reader.hasLoan], [undefined, 0, false]);
});

Deno.test("frames of a message that has not ended are counted, and what was lent comes back in the middle of one", () => {
  const reader = newReader();
  const begun = clientFrame(OPCODE.binary, new Uint8Array(100), { isFinal: false });
  const next = clientFrame(OPCODE.continuation, new Uint8Array(100 * KIB));
  readAll(reader, concat([begun, next.subarray(0, 50_000)]), () => 1000);
  assertEquals(reader.asideBytes, 100);
  assertEquals(reader.release(), undefined);
  assert((reader.end()?.length ?? 0) >= 50_000);
});
