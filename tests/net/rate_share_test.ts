import { assert, assertEquals } from "@std/assert";
import { RateShare } from "../../net/rate_share.ts";

Deno.test("nobody gets a second portion before all who wait got their first", async () => {
  using rate = new RateShare(100_000);
  const served: string[] = [];
  const take = async (name: string) => {
    for (let i = 0; i < 3; i++) {
      await rate.take(Infinity);
      served.push(name);
    }
  };
  await Promise.all(["a", "b", "c"].map(take));
  assertEquals(served.join(""), "abcabcabc");
});

Deno.test("a rate is not exceeded, and what was given back is not counted", async () => {
  using rate = new RateShare(1_000_000);
  const startedMs = performance.now();
  for (let i = 0; i < 10; i++) {
    assertEquals(await rate.take(40_000), 40_000);
    rate.giveBack(i % 2 === 0 ? 0 : 20_000);
  }
  // 300 KB, of which 200 KB may come at once; the last portion is paid for afterwards.
  assert(performance.now() - startedMs >= 60);
});

Deno.test("when the rate is no more, nobody waits for it", async () => {
  const rate = new RateShare(1024);
  rate.giveBack(-10_000_000);
  const waiting = Promise.all([rate.take(1), rate.take(1)]);
  rate[Symbol.dispose]();
  await waiting;
  await rate.take(1);
});

Deno.test("who gives up does not wait for its turn, and takes nothing", async () => {
  using rate = new RateShare(1024);
  // It would be hours until the next turn.
  rate.giveBack(-10_000_000);
  const over = new AbortController();
  const [patient, hasty] = [rate.take(1), rate.take(2, over.signal)];
  over.abort();
  assertEquals(await hasty, 0);
  assertEquals(await rate.take(3, over.signal), 0);
  rate[Symbol.dispose]();
  assertEquals(await patient, 1);
});

Deno.test("who gives up when its turn has come takes nobody else's", async () => {
  const rate = new RateShare(1024);
  const over = new AbortController();
  const served = rate.take(1, over.signal);
  rate.giveBack(-10_000_000);
  const patient = rate.take(2);
  over.abort();
  rate[Symbol.dispose]();
  assertEquals(await Promise.all([served, patient]), [1, 2]);
});
