import { assertLessOrEqual } from "@std/assert";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { OVERHEAD_BYTES, VirtualLink } from "../../support/virtual_network.ts";
import { VirtualTime } from "../../support/virtual_time.ts";
import { VirtualTransfer } from "../../support/virtual_transfer.ts";

const CONTENT = pseudoRandomBytes(1024 * 1024);
const BYTES_PER_SECOND = 12_500_000;
const DATAGRAM_BYTES = 1472;
/** Bytes of content in one of them. */
const PAYLOAD_BYTES = 1444;
const SEEDS = [1, 2, 3];

/** How long the link itself takes for what gets through, in seconds. */
function linkSeconds(lost: number): number {
  const packets = CONTENT.length / PAYLOAD_BYTES / (1 - lost);
  return packets * (DATAGRAM_BYTES + OVERHEAD_BYTES) / BYTES_PER_SECOND;
}

for (const roundTripMs of [0, 20, 100, 300]) {
  for (const loss of [0, 0.01, 0.05, 0.1, 0.3]) {
    Deno.test(`a file over ${roundTripMs} ms with ${100 * loss} % loss, whatever else happens to it`, () => {
      let [runs, seconds, packets, wantedPackets] = [0, 0, 0, 0];
      for (const reorder of [0, 0.25]) {
        for (const duplicate of [0, 0.05]) {
          for (const corrupt of [0, 0.02]) {
            for (const seed of SEEDS) {
              const time = new VirtualTime();
              const options = {
                bytesPerSecond: BYTES_PER_SECOND,
                queueBytes: 400_000,
                delayMs: roundTripMs / 2,
                reorderMs: Math.max(1, roundTripMs / 8),
                mtu: 1500,
                loss,
                reorder,
                duplicate,
                corrupt,
              };
              const transfer = new VirtualTransfer({
                time,
                forth: new VirtualLink(time, options, seed),
                back: new VirtualLink(time, options, seed + 100),
                content: CONTENT,
                roundTripUs: Math.max(1, 1000 * roundTripMs),
              }).run();
              transfer.assertExact(CONTENT, JSON.stringify({ seed, ...options }));
              const lost = 1 - (1 - loss) * (1 - corrupt);
              runs++;
              seconds += transfer.seconds - linkSeconds(lost);
              packets += transfer.sender.connection.path.sentPackets;
              wantedPackets += CONTENT.length / PAYLOAD_BYTES / (1 - lost);
            }
          }
        }
      }
      // The first bytes double each round, and the last ones that get lost take a timeout, or several.
      const rounds = 7 + 30 * loss;
      const timeouts = 0.05 + 0.5 * loss;
      assertLessOrEqual(seconds / runs, 0.3 * linkSeconds(loss) + rounds * roundTripMs / 1000 + timeouts);
      assertLessOrEqual(
        packets / wantedPackets,
        1.12,
        "packets sent, as a share of what the path made necessary",
      );
    });
  }
}
