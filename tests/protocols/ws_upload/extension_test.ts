import { assert, assertEquals, assertLess, assertLessOrEqual, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeFrame,
  encodeFrameInPlace,
  FRAME_HEADER_BYTES,
  type FrameHeader,
} from "../../../protocols/ws_upload/frames.ts";
import { FlightWindow } from "../../../protocols/ws_upload/flight_window.ts";
import type { Wish } from "../../../protocols/ws_upload/sender_state.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { concat } from "../../support/client_frames.ts";
import { runVirtualUpload, seededRandom } from "../../support/virtual_upload.ts";

const FILE = pseudoRandomBytes(20_000);
const EXTENDED = { chunkBytes: 500, windowBytes: 4000, unreachableMs: Infinity };

Deno.test("frames arrive whole over links that cut, corrupt, repeat and reorder", () => {
  const faults = [
    { cut: 0.05 },
    { cut: 0, corrupt: 0.05 },
    { cut: 0, duplicate: 0.2 },
    { cut: 0, reorder: 0.5 },
    { cut: 0.02, corrupt: 0.02, duplicate: 0.1, reorder: 0.3 },
  ];
  for (const fault of faults) {
    for (let seed = 1; seed <= 100; seed++) {
      const link = { delayMs: 20, ...fault, random: seededRandom(seed) };
      const outcome = runVirtualUpload(FILE, { ...EXTENDED, link });
      const where = `${JSON.stringify(fault)}, seed ${seed}`;
      assertEquals(outcome.state, { kind: "done", filePath: "/f" }, where);
      assertEquals(outcome.stored, FILE, where);
      assertLessOrEqual(outcome.mostInFlight, EXTENDED.windowBytes, where);
    }
  }
});

Deno.test("whatever the person asks for and the link does, frames are not mixed up", () => {
  const wish = fc.record({
    atMs: fc.integer({ min: 0, max: 2000 }),
    wish: fc.constantFrom<Wish>("run", "pause", "run", "pause", "stop", "quit"),
  });
  const fault = fc.double({ min: 0, max: 0.1, noNaN: true });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 5 }), fc.nat(), fault, fault, (wishes, seed, cut, corrupt) => {
      const link = {
        delayMs: 30,
        cut,
        corrupt,
        duplicate: corrupt,
        reorder: cut,
        random: seededRandom(seed),
      };
      const last = Math.max(0, ...wishes.map(({ atMs }) => atMs));
      const { state, stored, published } = runVirtualUpload(FILE, {
        ...EXTENDED,
        link,
        wishes: [...wishes, { atMs: last + 5000, wish: "run" }],
      });
      assertEquals(stored, FILE.subarray(0, stored.length));
      const asked = new Set(wishes.map((each) => each.wish));
      if (state.kind === "stopped") assert(asked.has("stop") || asked.has("quit"));
      else assertEquals(state.kind, "done");
      if (state.kind === "done") assert(published && stored.length === FILE.length);
    }),
    { numRuns: 500 },
  );
});

Deno.test("a window keeps a long link busy where one chunk at a time would wait", () => {
  const link = { delayMs: 100, cut: 0, random: seededRandom(1) };
  const windowed = runVirtualUpload(FILE, { ...EXTENDED, link });
  const plain = runVirtualUpload(FILE, { chunkBytes: 500, link });
  assertLess(windowed.elapsedMs * 4, plain.elapsedMs);
});

Deno.test("a source that was edited starts over; one that was not goes on", () => {
  const link = { delayMs: 10, cut: 0, random: seededRandom(1) };
  const edited = FILE.slice(0, 9000);
  edited[100] = (edited[100] ?? 0) ^ 1;
  for (const stored of [FILE.slice(0, 9000), edited, pseudoRandomBytes(20_001, 7)]) {
    const outcome = runVirtualUpload(FILE, { ...EXTENDED, link, stored });
    assertEquals(outcome.state.kind, "done");
    assertEquals(outcome.stored, FILE);
  }
});

Deno.test("data of unknown size is sent to its end, also when that is nothing at all", () => {
  for (const file of [FILE, new Uint8Array(0), FILE.slice(0, 1)]) {
    for (let seed = 1; seed <= 30; seed++) {
      const link = { delayMs: 20, cut: 0.02, corrupt: 0.02, random: seededRandom(seed) };
      const outcome = runVirtualUpload(file, { ...EXTENDED, link, isSizeUnknown: true });
      assertEquals(outcome.state.kind, "done", `${file.length} bytes, seed ${seed}`);
      assertEquals(outcome.stored, file);
    }
  }
  const link = { delayMs: 20, cut: 0, random: seededRandom(1) };
  const plain = runVirtualUpload(FILE, { chunkBytes: 500, link, isSizeUnknown: true });
  assertEquals(plain.state.kind, "failed");
});

/** A whole frame. */
function encodeFrame(header: FrameHeader, payload: Uint8Array, crc32?: number): Uint8Array {
  return encodeFrameInPlace(
    header,
    concat([new Uint8Array(FRAME_HEADER_BYTES), payload]).subarray(FRAME_HEADER_BYTES),
    crc32,
  );
}

Deno.test("a frame comes back as it was sent, and anything else is no frame", () => {
  const payload = fc.uint8Array({ maxLength: 100 });
  fc.assert(fc.property(fc.nat(0xffffffff), fc.maxSafeNat(), payload, (session, offset, bytes) => {
    const frame = encodeFrame({ session, offset }, new Uint8Array(bytes), 0xfedcba98);
    assertEquals(decodeFrame(frame), { session, offset, payload: new Uint8Array(bytes), crc32: 0xfedcba98 });
    assertEquals(decodeFrame(frame.subarray(0, frame.length - 1)), undefined);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const frame = decodeFrame(bytes);
    if (frame !== undefined) assertEquals(bytes.length, FRAME_HEADER_BYTES + frame.payload.length);
  }));
});

Deno.test("a frame is the bytes that the protocol says", () => {
  const frame = encodeFrame(
    { session: 0x01020304, offset: 0x1122334455 },
    new Uint8Array([9, 8]),
    0xaabbccdd,
  );
  assertEquals(
    frame.toHex(),
    "01010001" + "01020304" + "0000001122334455" + "00000002" + "aabbccdd" + "0908",
  );
  assertEquals(encodeFrame({ session: 1, offset: 0 }, new Uint8Array(0)).toHex().slice(0, 8), "01010000");
});

Deno.test("a frame is made where its payload lies, and needs the room for it", () => {
  const memory = pseudoRandomBytes(5 + FRAME_HEADER_BYTES + 3 + 2);
  const before = memory.slice();
  const payload = memory.subarray(5 + FRAME_HEADER_BYTES, -2);
  const frame = encodeFrameInPlace({ session: 7, offset: 2 ** 40 }, payload, 0xfedcba98);
  assertEquals([frame.buffer, frame.byteOffset], [memory.buffer, 5]);
  assertEquals(decodeFrame(frame), {
    session: 7,
    offset: 2 ** 40,
    payload: before.slice(5 + FRAME_HEADER_BYTES, -2),
    crc32: 0xfedcba98,
  });
  assertEquals([memory.slice(0, 5), memory.slice(-2)], [before.slice(0, 5), before.slice(-2)]);
  assertThrows(
    () => encodeFrameInPlace({ session: 7, offset: 0 }, new Uint8Array(3), 0),
    RangeError,
    "24 bytes",
  );
});

Deno.test("the window grows to twice bandwidth times delay, and no further than allowed", () => {
  const MIB = 1024 * 1024;
  const cases = [
    // 125 bytes a millisecond and 100 ms: the first window is enough.
    { bytesPerMs: 125, roundTripMs: 100, window: 4 * MIB },
    { bytesPerMs: 125_000, roundTripMs: 60, window: 2 * 125_000 * 60 },
    { bytesPerMs: 1_250_000, roundTripMs: 100, window: 32 * MIB },
  ];
  for (const { bytesPerMs, roundTripMs, window } of cases) {
    const flight = new FlightWindow({ windowBytes: 32 * MIB, chunkBytes: MIB });
    let nowMs = 0;
    for (let offset = 0, round = 0; round < 200; round++) {
      const end = offset + bytesPerMs * roundTripMs;
      flight.sent({ offset, end }, nowMs);
      nowMs += roundTripMs;
      flight.acknowledged(end, nowMs);
      offset = end;
    }
    assertEquals(flight.windowBytes, window);
  }
  const slow = new FlightWindow({ windowBytes: 32 * MIB, chunkBytes: MIB });
  slow.sent({ offset: 0, end: 65_536 }, 0);
  slow.acknowledged(65_536, 1000);
  assertEquals(slow.chunkBytes, 65_536);
});

Deno.test("a piece is of whole bytes, whatever window is allowed", () => {
  for (const windowBytes of [1, 2, 3, 5, 1_118_481, 4_194_303]) {
    const flight = new FlightWindow({ windowBytes, chunkBytes: 1024 * 1024 });
    for (let round = 0, offset = 0; round < 20; round++) {
      assert(Number.isInteger(flight.chunkBytes) && flight.chunkBytes >= 1, String(flight.chunkBytes));
      flight.sent({ offset, end: offset + flight.chunkBytes }, round);
      offset += flight.chunkBytes;
      flight.acknowledged(offset, round + 1);
    }
  }
});
