import { type LinkOptions, VirtualLink } from "./virtual_network.ts";
import { VirtualTime } from "./virtual_time.ts";

/** The link of the benchmark: 200 Mbit/s, 50 ms, a queue of one product of the two. */
export const LONG = { bytesPerSecond: 25_000_000, queueBytes: 1_250_000, delayMs: 25, mtu: 1500 };

/** Both directions of a path, in a time of their own. */
export function path(options: LinkOptions, seed = 1) {
  const time = new VirtualTime();
  const [forth, back] = [new VirtualLink(time, options, seed), new VirtualLink(time, options, seed + 100)];
  return { time, forth, back };
}

/** An endless file, of which only the length matters. */
export const ENDLESS = {
  content: new Uint8Array(400 * 1024 * 1024),
  fill: (_: number, target: Uint8Array) => target.length,
};
