import { assertEquals } from "@std/assert";
import { UpstreamHealth } from "../../../protocols/proxy/upstream_health.ts";

const OPTIONS = { faultsMost: 3, probeMs: 100, probeMostMs: 1_000, probeUpMs: undefined };

Deno.test("what refuses connections is down at once, and up with its first answer", () => {
  const health = new UpstreamHealth(OPTIONS, 0);
  assertEquals([health.isUp, health.probeAtMs], [true, Infinity]);
  assertEquals(health.failed("unreachable", 50), true);
  assertEquals([health.isUp, health.probeAtMs], [false, 150]);
  assertEquals(health.failed("unreachable", 60), false);
  assertEquals([health.answered(70), health.isUp, health.probeAtMs], [true, true, Infinity]);
  assertEquals(health.answered(80), false);
});

Deno.test("what answers others is not down for the one address that fails", () => {
  const health = new UpstreamHealth(OPTIONS, 0);
  for (let round = 0; round < 10; round++) {
    assertEquals([health.failed("slow", round), health.failed("broken", round)], [false, false]);
    health.answered(round);
  }
  assertEquals([health.failed("slow", 10), health.failed("slow", 10), health.failed("broken", 10)], [
    false,
    false,
    true,
  ]);
});

Deno.test("probes of what is down come in doubling intervals, up to a most", () => {
  const health = new UpstreamHealth(OPTIONS, 0);
  health.failed("unreachable", 0);
  const times: number[] = [];
  for (let probe = 0; probe < 6; probe++) {
    const atMs = health.probeAtMs;
    times.push(atMs);
    health.probing(atMs);
    health.failed("unreachable", atMs + 1);
  }
  assertEquals(times, [100, 300, 700, 1500, 2500, 3500]);
});

Deno.test("with a path to probe, what is up is probed too, and goes down by it", () => {
  const health = new UpstreamHealth({ ...OPTIONS, probeUpMs: 5_000 }, 0);
  for (const atMs of [5_000, 10_000]) {
    assertEquals(health.probeAtMs, atMs);
    health.probing(atMs);
    assertEquals(health.failed("broken", atMs), false);
  }
  health.probing(15_000);
  assertEquals([health.failed("broken", 15_000), health.probeAtMs], [true, 15_100]);
});
