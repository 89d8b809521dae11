import { assertEquals } from "@std/assert";
import { Lanes } from "../../../protocols/http_ranges/lanes.ts";
import { FLOOR_BYTES, type Lease, Leases } from "../../../protocols/http_ranges/leases.ts";

const SIZE = 40_000_000;

/** One connection that has brought `bytesPerMs` for three seconds, and has all that is left of the file. */
function oneAtWork(bytesPerMs: number): { readonly leases: Leases; readonly lease: Lease } {
  const leases = new Leases({ size: SIZE, blockBytes: SIZE, finished: [] });
  const [lane] = new Lanes(1).all;
  if (lane === undefined) throw new Error("There is no lane");
  const whole = { range: { from: 0, to: SIZE }, source: 0, twin: undefined, isWhole: false, nowMs: 0 };
  const lease = new Lanes(1).lease(lane, whole);
  leases.add(lease);
  lease.phase = "flowing";
  for (let nowMs = 50; nowMs <= 3_000; nowMs += 50) {
    lease.speed.add(50 * bytesPerMs, nowMs);
    leases.advance(lease, 50 * bytesPerMs);
  }
  return { leases, lease };
}

Deno.test("an end is taken only from a connection that will be busy with it for many round trips", () => {
  const seeker = { lastTo: 0, bytesPerMs: 10_000, latencyMs: 50 };
  const { leases, lease } = oneAtWork(10_000);
  // A second is left.
  const help = leases.help(seeker, 3_000);
  assertEquals(help?.shortened, lease);
  assertEquals(help?.range.to, SIZE);
  assertEquals(Math.round((lease.to - lease.at) / 1e6), 5);
  // Now it is half a second: closing a connection that is up to speed would cost more.
  assertEquals(leases.help(seeker, 3_000), undefined);
});

Deno.test("what a connection has stopped bringing is soon fetched by another", () => {
  const seeker = { lastTo: 0, bytesPerMs: 10_000, latencyMs: 50 };
  const { leases, lease } = oneAtWork(10_000);
  lease.to = lease.at + 2_000_000;
  assertEquals(leases.help(seeker, 3_100), undefined);
  const help = leases.help(seeker, 3_600);
  assertEquals(help?.shortened, lease);
  assertEquals(lease.to - lease.at, FLOOR_BYTES);
});
