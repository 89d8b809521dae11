import { assertEquals } from "@std/assert";
import { EventQuota } from "../../net/event_quota.ts";

Deno.test("of each kind a few are told a minute, and of the rest the number", () => {
  const quota = new EventQuota<string>(2);
  const told = (kind: string, atMs: number) => quota.admit(kind, atMs);
  assertEquals([told("a", 0), told("a", 1), told("a", 2), told("b", 3), told("a", 59_999)], [
    true,
    true,
    false,
    true,
    false,
  ]);
  assertEquals(quota.dueAtMs, 60_000);
  assertEquals(quota.drain(59_999), []);
  assertEquals(quota.drain(60_000), [["a", 2]]);
  assertEquals(quota.dueAtMs, undefined);
  assertEquals(told("a", 60_000), true);
});

Deno.test("a flood in every minute is told a few times in every minute", () => {
  const quota = new EventQuota<string>(3);
  let told = 0;
  let withheld = 0;
  for (let atMs = 0; atMs < 600_000; atMs += 10) {
    for (const [, count] of quota.drain(atMs)) withheld += count;
    if (quota.admit("flood", atMs)) told++;
  }
  for (const [, count] of quota.drain(Infinity)) withheld += count;
  assertEquals([told, told + withheld], [30, 60_000]);
});
