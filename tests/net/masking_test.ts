import { assert, assertEquals } from "@std/assert";
import { kernelFor, maskableBytes } from "../../net/maskable_memory.ts";
import { applyMask } from "../../net/masking.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";

/** The kinds of memory that masks are applied in. */
const KINDS = {
  any: (length: number) => new Uint8Array(length),
  maskable: maskableBytes,
};

Deno.test("a mask is applied byte for byte, whatever the length and the place in memory", () => {
  const mask = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);
  const bytes = pseudoRandomBytes(400);
  for (const [kind, make] of Object.entries(KINDS)) {
    for (const length of [0, 1, 5, 64, 127, 128, 129, 135, 150, 160, 168, 192, 301, 391]) {
      for (let offset = 0; offset < 9; offset++) {
        const memory = make(bytes.length);
        memory.set(bytes);
        applyMask(memory.subarray(offset, offset + length), mask);
        const expected = bytes.map((byte, i) =>
          i < offset || i >= offset + length ? byte : byte ^ (mask[(i - offset) % 4] ?? 0)
        );
        assertEquals(memory, expected, `${length} bytes at ${offset} of ${kind} memory`);
      }
    }
  }
});

Deno.test("maskable memory is as long as was asked for, and has a kernel", () => {
  for (const length of [1, 65_536, 65_537]) {
    const bytes = maskableBytes(length);
    assertEquals([bytes.length, bytes.some((byte) => byte !== 0)], [length, false]);
    assert(kernelFor(bytes.buffer) !== undefined);
  }
  assertEquals(kernelFor(new ArrayBuffer(1)), undefined);
});

Deno.test("the example of RFC 6455 section 5.7", () => {
  const payload = new Uint8Array([0x7f, 0x9f, 0x4d, 0x51, 0x58]);
  applyMask(payload, new Uint8Array([0x37, 0xfa, 0x21, 0x3d]));
  assertEquals(new TextDecoder().decode(payload), "Hello");
});
