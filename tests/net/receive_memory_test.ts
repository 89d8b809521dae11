import { assert, assertEquals } from "@std/assert";
import { kernelFor } from "../../net/maskable_memory.ts";
import { ReceiveMemory } from "../../net/receive_memory.ts";

const MIB = 1024 * 1024;

/** Takes memory, and notes when it is there. */
function taker(memory: ReceiveMemory) {
  const granted = new Map<string, Uint8Array>();
  const take = (name: string, bytes = MIB) => memory.take(bytes, (got) => void granted.set(name, got));
  const give = (name: string) => memory.give(granted.get(name) ?? new Uint8Array(0));
  return { granted, take, give };
}

Deno.test("memory is had at once below the limit, and in order as others give theirs back", () => {
  const memory = new ReceiveMemory(2 * MIB);
  const { granted, take, give } = taker(memory);
  for (const name of ["a", "b", "c", "d"]) take(name);
  assertEquals([...granted.keys()], ["a", "b"]);
  assertEquals([memory.heldBytes, memory.waiting], [2 * MIB, 2]);
  give("b");
  assertEquals([...granted.keys()], ["a", "b", "c"]);
  give("a");
  assertEquals([memory.heldBytes, memory.waiting], [2 * MIB, 0]);
  give("c");
  give("d");
  assertEquals(memory.heldBytes, 0);
});

Deno.test("who asks for more than there is gets it alone in going beyond the limit", () => {
  const memory = new ReceiveMemory(2 * MIB);
  const { granted, take, give } = taker(memory);
  take("a");
  take("much", 8 * MIB);
  take("b");
  assertEquals([[...granted.keys()], memory.heldBytes], [["a", "much"], 9 * MIB]);
  give("a");
  assertEquals(memory.waiting, 1);
  give("much");
  assertEquals([...granted.keys()], ["a", "much", "b"]);
});

Deno.test("who is gone is passed over", () => {
  const memory = new ReceiveMemory(MIB);
  const { granted, take, give } = taker(memory);
  take("a");
  const forget = take("gone");
  take("b");
  forget();
  give("a");
  assertEquals([[...granted.keys()], memory.waiting], [["a", "b"], 0]);
});

Deno.test("what connections have besides counts, and its end lets others go on", () => {
  const memory = new ReceiveMemory(MIB);
  const { granted, take } = taker(memory);
  memory.count(MIB);
  take("a");
  assertEquals(granted.size, 0);
  memory.count(-1);
  assertEquals(granted.size, 1);
});

Deno.test("memory given back is used again, and no more of it is kept than is worth it", () => {
  const memory = new ReceiveMemory(64 * MIB);
  const { granted, take, give } = taker(memory);
  take("a");
  give("a");
  take("b");
  assert(granted.get("a") === granted.get("b"));
  const names = Array.from({ length: 12 }, (_, i) => `many ${i}`);
  for (const name of names) take(name);
  for (const name of names) give(name);
  const before = new Set(names.map((name) => granted.get(name)));
  for (const name of names) take(name);
  assertEquals(names.filter((name) => before.has(granted.get(name))).length, 8);
});

Deno.test("of so much as is kept, masks are quickly removed", () => {
  const memory = new ReceiveMemory(64 * MIB);
  const { granted, take } = taker(memory);
  const names = Array.from({ length: 9 }, (_, i) => `${i}`);
  for (const name of names) take(name);
  const quick = names.filter((name) =>
    kernelFor(granted.get(name)?.buffer ?? new ArrayBuffer(0)) !== undefined
  );
  assertEquals(quick, names.slice(0, 8));
});
