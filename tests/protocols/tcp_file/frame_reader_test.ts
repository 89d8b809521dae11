import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { BASE_BYTES, FrameReader } from "../../../protocols/tcp_file/frame_reader.ts";
import {
  encodeFrame,
  FRAME,
  FrameError,
  type FrameHead,
  type FrameType,
  MAX_PAYLOAD_BYTES,
  type Role,
} from "../../../protocols/tcp_file/frames.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { concat } from "../../support/client_frames.ts";

const KIB = 1024;
/** The most that a reader may ever hold, by who sends. */
const MEMORY_BYTES: Readonly<Record<Role, number>> = { client: 64 * KIB, server: BLOCK_BYTES + 65 * KIB };

interface Sent {
  readonly type: FrameType;
  readonly request: number;
  readonly isEnd: boolean;
  readonly payload: Uint8Array;
}

/** Everything that a reader makes of bytes that come in pieces, as text that can be compared. */
function readAll(reader: FrameReader, bytes: Uint8Array, pieceBytes: () => number): string[] {
  const seen: string[] = [];
  for (let at = 0;;) {
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) seen.push(told(frame));
    if (at === bytes.length) return seen;
    const space = reader.space();
    assert(space.length > 0);
    const count = Math.min(space.length, pieceBytes(), bytes.length - at);
    space.set(bytes.subarray(at, at + count));
    reader.filled(count);
    at += count;
  }
}

function told({ type, request, isEnd, payload }: Sent): string {
  return `${type} ${request} ${isEnd} ${payload.toHex()}`;
}

function encodeAll(frames: readonly Sent[]): Uint8Array<ArrayBuffer> {
  return concat(frames.map((frame) => encodeFrame(frame, frame.payload)));
}

function sentBy(types: Readonly<Record<number, number>>): fc.Arbitrary<Sent> {
  return fc.constantFrom(...Object.values(FRAME).filter((type) => type in types)).chain((type) =>
    fc.record({
      type: fc.constant<FrameType>(type),
      request: fc.nat(0xffff_ffff),
      isEnd: fc.boolean(),
      payload: fc.nat(types[type] ?? 0).map((length) => pseudoRandomBytes(length, length + 1)),
    })
  );
}

const FRAMES: Readonly<Record<Role, fc.Arbitrary<Sent>>> = {
  client: sentBy({ 1: 32, 2: 20 * KIB, 3: 4 * KIB, 5: 20 * KIB, 7: 64, 8: 0 }),
  server: sentBy({ 1: 32, 2: 64 * KIB, 4: 100 * KIB, 5: 20 * KIB, 6: 4 * KIB, 7: 64, 8: 0 }),
};

for (const sender of ["client", "server"] as const) {
  Deno.test(`bytes of a ${sender} give the same frames however they are split`, () => {
    fc.assert(
      fc.property(
        fc.array(FRAMES[sender], { maxLength: 8 }),
        fc.infiniteStream(fc.oneof(fc.nat(20), fc.nat(40_000))),
        fc.nat(60_000),
        (frames, cuts, firstBytes) => {
          const bytes = encodeAll(frames);
          const reader = new FrameReader({ sender, first: bytes.subarray(0, firstBytes) });
          const seen = readAll(reader, bytes.subarray(firstBytes), () => 1 + (cuts.next().value ?? 0));
          assertEquals(seen, frames.map(told));
          assert(!reader.isWithin);
        },
      ),
      { numRuns: 200 },
    );
  });

  Deno.test(`whatever a ${sender} sends, it is read or refused, in bounded memory`, () => {
    const nonsense = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // Likely types and short lengths, so that more than the first header is looked at.
      fc.array(fc.tuple(fc.nat(9), fc.nat(40), fc.nat(2), fc.uint8Array({ maxLength: 40 }))).map((parts) =>
        concat(parts.map(([type, length, flags, payload]) => {
          return concat([Uint8Array.of(0, 0, 0, length, type, flags, 0, 0, 0, 0, 0, 1), payload]);
        }))
      ),
    );
    const valid = fc.array(FRAMES[sender], { minLength: 1, maxLength: 4 }).map(encodeAll);
    const spoilt = fc.tuple(valid, fc.nat(), fc.nat(255), fc.nat()).map(([bytes, at, value, end]) => {
      bytes[at % bytes.length] = value;
      return bytes.subarray(0, end % (bytes.length + 1));
    });
    fc.assert(
      fc.property(fc.oneof(nonsense, spoilt), fc.integer({ min: 1, max: 20_000 }), (bytes, step) => {
        const reader = new FrameReader({ sender });
        try {
          readAll(reader, bytes, () => step);
        } catch (error) {
          assert(error instanceof FrameError, String(error));
          assertThrows(() => reader.next(), FrameError);
        }
        assert(reader.memoryBytes <= MEMORY_BYTES[sender], `${reader.memoryBytes} bytes`);
      }),
      { numRuns: 1000 },
    );
  });
}

const REFUSED: readonly (readonly [string, Role, Uint8Array])[] = [
  ["a frame of no type", "client", header({ type: 0 })],
  ["a frame of an unknown type", "server", header({ type: 9 })],
  ["bytes of a file from a client", "client", header({ type: FRAME.data })],
  ["an error from a client", "client", header({ type: FRAME.error })],
  ["a GET from a server", "server", header({ type: FRAME.get })],
  ["a path that is too long", "client", header({ type: FRAME.get, payloadBytes: 16 + 4 * KIB + 1 })],
  ["a request that is too long", "client", header({ type: FRAME.list, payloadBytes: 64 * KIB })],
  ["more than a block", "server", header({ type: FRAME.data, payloadBytes: MAX_PAYLOAD_BYTES + 1 })],
  ["an absurd length", "server", header({ type: FRAME.data, payloadBytes: 0xffff_ffff })],
  ["a ping that is too long", "client", header({ type: FRAME.ping, payloadBytes: 65 })],
  ["an unknown flag", "client", header({ type: FRAME.ping, flags: 2 })],
  ["a reserved bit", "client", header({ type: FRAME.ping, reserved: 1 })],
];

function header({ type = 0, flags = 0, reserved = 0, payloadBytes = 0 }): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint32(0, payloadBytes);
  view.setUint8(4, type);
  view.setUint8(5, flags);
  view.setUint16(6, reserved);
  return new Uint8Array(view.buffer);
}

for (const [what, sender, bytes] of REFUSED) {
  Deno.test(`${what} is refused by its header alone`, () => {
    const reader = new FrameReader({ sender });
    assertThrows(() => readAll(reader, bytes, () => 5), FrameError);
    assertEquals(reader.memoryBytes, BASE_BYTES);
  });
}

Deno.test("memory grows for a block that is announced, and for many short frames at once, not before", () => {
  const reader = new FrameReader({ sender: "server" });
  const block = { type: FRAME.data, request: 1, isEnd: true, payload: pseudoRandomBytes(MAX_PAYLOAD_BYTES) };
  const bytes = encodeAll([block]);
  assertEquals(readAll(reader, bytes.subarray(0, 11), () => 11), []);
  assertEquals([reader.memoryBytes, reader.isWithin], [BASE_BYTES, true]);
  assertEquals(readAll(reader, bytes.subarray(11), () => 1000), [told(block)]);
  assert(reader.memoryBytes <= MEMORY_BYTES.server);
  const pings = encodeAll(Array.from({ length: 10_000 }, () => ({
    type: FRAME.ping,
    request: 1,
    isEnd: false,
    payload: new Uint8Array(20),
  })));
  const busy = new FrameReader({ sender: "server" });
  assertEquals(readAll(busy, pings, () => Infinity).length, 10_000);
  assertEquals(busy.memoryBytes, 256 * KIB);
});

Deno.test("payloads of all frames that came with one read are good until the next", () => {
  const head: Omit<FrameHead, "payloadBytes"> = { type: FRAME.ping, request: 1, isEnd: true };
  const first = concat([encodeFrame(head, Uint8Array.of(1)), encodeFrame(head, Uint8Array.of(2))]);
  const reader = new FrameReader({ sender: "client", first });
  const frames = [reader.next(), reader.next()];
  assertEquals(reader.next(), undefined);
  assertEquals(frames.map((frame) => frame?.payload[0]), [1, 2]);
});
