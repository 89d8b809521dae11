import { assert, assertGreater, assertLess } from "@std/assert";
import { ENDLESS, LONG, path } from "../../support/virtual_paths.ts";
import { VirtualTransfer } from "../../support/virtual_transfer.ts";

/** Two flows on one link of 100 Mbit/s and 50 ms: what the second one gets of it, some time after it came. */
function shareOfSecond(
  kinds: readonly ["rate" | "cubic", "rate" | "cubic"],
  queueBytes: number,
  seed: number,
) {
  const { time, forth, back } = path({ ...LONG, bytesPerSecond: 12_500_000, queueBytes }, seed);
  const [one, other] = kinds.map((congestion, i) => {
    time.run({ untilUs: i * 2_000_000 });
    return new VirtualTransfer({ time, forth, back, congestion, ...ENDLESS });
  });
  assert(one !== undefined && other !== undefined);
  time.run({ untilUs: 7_000_000 });
  const before = [one.receivedBytes, other.receivedBytes] as const;
  time.run({ untilUs: 27_000_000 });
  const got = [one.receivedBytes - before[0], other.receivedBytes - before[1]] as const;
  assertGreater(got[0] + got[1], 0.85 * 20 * 12_500_000, "the link is used");
  return got[1] / (got[0] + got[1]);
}

Deno.test("two flows share a link: neither gets less than a third", () => {
  for (const queueBytes of [625_000, 1_250_000]) {
    for (const seed of [1, 2]) {
      const share = shareOfSecond(["rate", "rate"], queueBytes, seed);
      assert(share > 1 / 3 && share < 2 / 3, `${share} of a link with a queue of ${queueBytes} bytes`);
    }
  }
});

Deno.test("beside CUBIC both get a quarter at least, whoever was first", () => {
  for (const queueBytes of [625_000, 1_250_000]) {
    const late = shareOfSecond(["rate", "cubic"], queueBytes, 1);
    const early = 1 - shareOfSecond(["cubic", "rate"], queueBytes, 1);
    for (const share of [late, early]) {
      assert(share > 1 / 4 && share < 3 / 4, `${late} and ${early} with a queue of ${queueBytes} bytes`);
    }
  }
});

Deno.test("many flows share a link without flooding it", () => {
  for (const [count, most] of [[4, 0.01], [8, 0.2]] as const) {
    const { time, forth, back } = path({ ...LONG, queueBytes: 625_000 });
    const flows = Array.from({ length: count }, (_, i) => {
      time.run({ untilUs: i * 1_000_000 });
      return new VirtualTransfer({ time, forth, back, ...ENDLESS });
    });
    time.run({ untilUs: (count + 4) * 1_000_000 });
    const before = { sent: forth.sentDatagrams, dropped: forth.droppedByQueue };
    const received = flows.map(({ receivedBytes }) => receivedBytes);
    time.run({ untilUs: (count + 29) * 1_000_000 });
    const dropped = (forth.droppedByQueue - before.dropped) / (forth.sentDatagrams - before.sent);
    assertLess(dropped, most, `of ${count} flows`);
    const shares = flows.map(({ receivedBytes }, i) =>
      (receivedBytes - (received[i] ?? 0)) / 25 / 25_000_000
    );
    assertGreater(Math.min(...shares), 0.1 / count, String(shares));
    assertGreater(shares.reduce((sum, share) => sum + share), 0.85);
  }
});
