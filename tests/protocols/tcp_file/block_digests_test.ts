import { assert, assertEquals } from "@std/assert";
import { BlockDigests } from "../../../protocols/tcp_file/block_digests.ts";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";

const digest = (value: number) => new Uint8Array(32).fill(value);
const at = (size: number, value: number, sure = true) => ({ digest: digest(value), size, sure });

Deno.test("what is remembered of a block is its own", () => {
  const digests = new BlockDigests(10_000);
  digests.set("a", 1, at(3 * BLOCK_BYTES, 1));
  digests.set("a", 2, at(3 * BLOCK_BYTES, 2));
  digests.set("b", 1, at(2 * BLOCK_BYTES, 3));
  assertEquals(digests.get("a", 1, { sure: true }), digest(1));
  assertEquals(digests.get("a", 2, { sure: true }), digest(2));
  assertEquals(digests.get("b", 1, { sure: true }), digest(3));
  assertEquals(digests.get("a", 0, { sure: false }), undefined);
  assertEquals(digests.get("c", 1, { sure: false }), undefined);
});

Deno.test("a digest that may not stay right is not given to who has to be sure", () => {
  const digests = new BlockDigests(10_000);
  digests.set("a", 0, at(1, 1, false));
  assertEquals(digests.get("a", 0, { sure: true }), undefined);
  assertEquals(digests.get("a", 0, { sure: false }), digest(1));
  digests.set("a", 0, at(1, 2));
  assertEquals(digests.get("a", 0, { sure: true }), digest(2));
});

Deno.test("memory is bounded: what was used last stays, and what is too much is not kept", () => {
  const digests = new BlockDigests(1000);
  digests.set("a", 0, at(1, 1));
  digests.set("b", 0, at(1, 2));
  digests.get("a", 0, { sure: true });
  digests.set("c", 0, at(1, 3));
  assertEquals(digests.get("a", 0, { sure: true }), digest(1));
  assertEquals(digests.get("b", 0, { sure: true }), undefined);
  digests.set("huge", 0, at(2 ** 50, 4));
  assertEquals(digests.get("huge", 0, { sure: true }), undefined);
  assertEquals(digests.get("c", 0, { sure: true }), digest(3));
  for (let i = 0; i < 100; i++) digests.set(`${i}`, 0, at(1, i));
  assert(digests.bytes <= 1000);
});
