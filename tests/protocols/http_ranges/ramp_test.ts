import { assertEquals } from "@std/assert";
import { Ramp } from "../../../protocols/http_ranges/ramp.ts";

const MB = 1_000_000;

Deno.test("a far server is asked for five connections once it has answered, then for eight", () => {
  const ramp = new Ramp(64);
  assertEquals(ramp.allowed, 1);
  ramp.answered(50, 50);
  assertEquals(ramp.allowed, 5);
  ramp.answered(50, 100);
  ramp.answered(50, 100);
  assertEquals(ramp.allowed, 8);
  const few = new Ramp(3);
  few.answered(50, 50);
  assertEquals(few.allowed, 3);
});

Deno.test("a near one is left with one connection as long as that is as fast as this machine", () => {
  const ramp = new Ramp(64);
  ramp.answered(1, 1);
  assertEquals(ramp.brought({ bytes: MB, withinMs: 5, isAll: false }, 6), false);
  assertEquals(ramp.brought({ bytes: 8 * MB, withinMs: 20, isAll: false }, 21), true);
  assertEquals(ramp.allowed, 1);
  ramp.brought({ bytes: 2 * MB, withinMs: 20, isAll: false }, 41);
  assertEquals(ramp.allowed, 5);
});

Deno.test("a refusal takes the number back to what was served, and those asked for with it count once", () => {
  const ramp = new Ramp(64);
  ramp.answered(50, 50);
  ramp.answered(50, 60);
  ramp.punished({ served: 3, requestedAtMs: 70 }, 100);
  ramp.punished({ served: 2, requestedAtMs: 75 }, 101);
  assertEquals([ramp.allowed, ramp.wasPunished], [3, true]);
  // Whatever answers now does not bring them back.
  ramp.answered(50, 200);
  assertEquals(ramp.allowed, 3);
  ramp.punished({ served: 2, requestedAtMs: 150 }, 300);
  assertEquals(ramp.allowed, 2);
  ramp.punished({ served: 0, requestedAtMs: 400 }, 500);
  assertEquals(ramp.allowed, 1);
});

Deno.test("after a rest one more is tried, and kept while it brings something", () => {
  const ramp = new Ramp(64);
  ramp.answered(50, 50);
  ramp.punished({ served: 2, requestedAtMs: 60 }, 100);
  let received = 0;
  let nowMs = 100;
  const runUntil = (endMs: number, bytesPerMs: (connections: number) => number) => {
    for (; nowMs < endMs; nowMs += 1000) {
      ramp.measured({ connections: ramp.allowed, received }, nowMs);
      received += 1000 * bytesPerMs(ramp.allowed);
    }
  };
  runUntil(30_000, (connections) => 100 * connections);
  assertEquals(ramp.allowed, 2);
  runUntil(60_000, (connections) => 100 * Math.min(4, connections));
  // A fifth brings nothing, which is tried every ten seconds.
  assertEquals(ramp.allowed === 4 || ramp.allowed === 5, true, `${ramp.allowed}`);
});
