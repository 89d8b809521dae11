import { assert, assertEquals } from "@std/assert";
import { RateTurn } from "../../net/rate_turn.ts";
import { TokenBucket } from "../../net/token_bucket.ts";

Deno.test("who has waited may send, however quick others are, and together they keep to the rate", () => {
  const bucket = new TokenBucket({ bytesPerSecond: 100_000, nowMs: 0 });
  const quick = new RateTurn();
  const slow = new RateTurn();
  const sent = { quick: 0, slow: 0 };
  for (let nowMs = 0; nowMs < 10_000; nowMs++) {
    // It is always before the other, and takes all that there is.
    for (; quick.waitMs([bucket], nowMs) === 0; sent.quick += 1000) quick.spend([bucket], 1000, nowMs);
    if (slow.waitMs([bucket], nowMs) > 0) continue;
    slow.spend([bucket], 1000, nowMs);
    sent.slow += 1000;
  }
  assert(sent.slow >= 0.4 * sent.quick, JSON.stringify(sent));
  assert(sent.quick + sent.slow <= 100_000 * 10.2 + 2000, JSON.stringify(sent));
});

Deno.test("of several rates the slowest counts, until others do", () => {
  const wide = new TokenBucket({ bytesPerSecond: 1_000_000, nowMs: 0 });
  const narrow = new TokenBucket({ bytesPerSecond: 1000, nowMs: 0 });
  const turn = new RateTurn();
  assertEquals(turn.waitMs([wide, narrow], 0), 0);
  turn.spend([wide, narrow], 1200, 0);
  assert(turn.waitMs([wide, narrow], 0) > 900);
  turn.again();
  assertEquals(turn.waitMs([wide], 0), 0);
});
