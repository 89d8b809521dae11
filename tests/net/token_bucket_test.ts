import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TokenBucket } from "../../net/token_bucket.ts";

Deno.test("whoever waits as told spends the rate, save what may be spent after a rest", () => {
  const spending = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 20, maxLength: 50 });
  fc.assert(fc.property(fc.integer({ min: 1000, max: 100_000 }), spending, (bytesPerSecond, spendings) => {
    let nowMs = 0;
    const bucket = new TokenBucket({ bytesPerSecond, nowMs });
    for (const bytes of spendings) {
      nowMs += bucket.waitMs(nowMs);
      assertEquals(bucket.waitMs(nowMs), 0);
      bucket.spend(bytes, nowMs);
    }
    const spent = spendings.reduce((sum, bytes) => sum + bytes, 0);
    const allowed = bytesPerSecond * (nowMs / 1000 + 0.2);
    const last = spendings.at(-1) ?? 0;
    assert(spent - last <= allowed, `${spent} bytes in ${nowMs} ms`);
    // And no wait is longer than it has to be; each may be rounded up to a millisecond.
    assert(
      spent >= allowed - bytesPerSecond * (0.2 + 0.002 * spendings.length),
      `${spent} bytes in ${nowMs} ms`,
    );
  }));
});

Deno.test("a rest earns no more than a fifth of a second", () => {
  const bucket = new TokenBucket({ bytesPerSecond: 1000, nowMs: 0 });
  bucket.spend(200, 3_600_000);
  assertEquals(bucket.waitMs(3_600_000), 1);
});
