import { assertEquals } from "@std/assert";
import { applyMask } from "../../net/masking.ts";
import { pseudoRandomBytes } from "../support/bytes.ts";

Deno.test("a mask is applied byte for byte, whatever the length and the place in memory", () => {
  const mask = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);
  const bytes = pseudoRandomBytes(400);
  for (const length of [0, 1, 5, 64, 127, 128, 129, 135, 150, 160, 168, 301]) {
    for (let offset = 0; offset < 9; offset++) {
      const memory = bytes.slice();
      applyMask(memory.subarray(offset, offset + length), mask);
      const expected = bytes.map((byte, i) =>
        i < offset || i >= offset + length ? byte : byte ^ (mask[(i - offset) % 4] ?? 0)
      );
      assertEquals(memory, expected, `${length} bytes at ${offset}`);
    }
  }
});

Deno.test("the example of RFC 6455 section 5.7", () => {
  const payload = new Uint8Array([0x7f, 0x9f, 0x4d, 0x51, 0x58]);
  applyMask(payload, new Uint8Array([0x37, 0xfa, 0x21, 0x3d]));
  assertEquals(new TextDecoder().decode(payload), "Hello");
});
