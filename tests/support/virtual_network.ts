import type { VirtualTime } from "./virtual_time.ts";

/** IPv4 and UDP headers: what a datagram takes on a link besides its payload. */
export const OVERHEAD_BYTES = 28;

/** One direction of a path. What is not said does no harm. */
export interface LinkOptions {
  /** Default: as fast as can be. */
  readonly bytesPerSecond?: number;
  /** What waits for the link at most. Default: without bound. */
  readonly queueBytes?: number;
  readonly delayMs?: number;
  /** Up to so much is added, keeping the order. */
  readonly jitterMs?: number;
  /** Shares of the datagrams, from 0 to 1. */
  readonly loss?: number;
  /** For how long everything is lost, on average. Default: each datagram for itself. */
  readonly lossBurstMs?: number;
  readonly reorder?: number;
  /** How much later those come that are overtaken. */
  readonly reorderMs?: number;
  readonly duplicate?: number;
  readonly corrupt?: number;
  /** Longest IP packet. Default: none is too long. */
  readonly mtu?: number;
}

/** Chance that is the same for the same seed (xorshift32, Marsaglia 2003). From 0 to 1, without 1. */
export function seededChance(seed: number): () => number {
  let x = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

/** One direction of a path in virtual time: a queue, then a link with its faults. May be shared by several flows. */
export class VirtualLink {
  options: LinkOptions;
  /** Nothing gets through meanwhile. */
  isCut = false;
  sentDatagrams = 0;
  droppedByQueue = 0;
  #busyUntilUs = 0;
  #lastArrivalUs = 0;
  #isBad = true;
  #changeUs = 0;
  readonly #time: VirtualTime;
  readonly #chance: () => number;

  constructor(time: VirtualTime, options: LinkOptions, seed: number) {
    this.#time = time;
    this.options = options;
    this.#chance = seededChance(seed);
  }

  /** Sends a copy of a datagram to who is given. */
  send(datagram: Uint8Array, arrive: (datagram: Uint8Array) => void): void {
    this.sentDatagrams++;
    const { bytesPerSecond = Infinity, queueBytes = Infinity, delayMs = 0, mtu = Infinity } = this.options;
    const bytes = datagram.length + OVERHEAD_BYTES;
    if (this.isCut || bytes > mtu) return;
    const bytesPerUs = bytesPerSecond / 1_000_000;
    const startUs = Math.max(this.#time.nowUs, this.#busyUntilUs);
    if (bytesPerUs !== Infinity) {
      if ((startUs - this.#time.nowUs) * bytesPerUs + bytes > queueBytes) {
        this.droppedByQueue++;
        return;
      }
      this.#busyUntilUs = startUs + bytes / bytesPerUs;
    }
    if (this.#isLost()) return;
    const leftUs = bytesPerUs === Infinity ? startUs : this.#busyUntilUs;
    const { duplicate = 0, reorder = 0, reorderMs = 0, jitterMs = 0 } = this.options;
    const arrivalUs = leftUs + 1000 * (delayMs + jitterMs * this.#chance());
    const copies = this.#chance() < duplicate ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const isOvertaken = this.#chance() < reorder;
      // Of what keeps the order, jitter lets nothing overtake anything.
      if (!isOvertaken) this.#lastArrivalUs = Math.max(this.#lastArrivalUs, arrivalUs);
      const atUs = isOvertaken ? arrivalUs + 1000 * reorderMs : this.#lastArrivalUs;
      const copy = this.#carried(datagram);
      this.#time.at(atUs, () => arrive(copy));
    }
  }

  #isLost(): boolean {
    const { loss = 0, lossBurstMs = 0 } = this.options;
    if (loss === 0) return false;
    if (lossBurstMs === 0) return this.#chance() < loss;
    // Two states (Gilbert 1960), each of which lasts for a random time: the share of the bad one is the loss.
    while (this.#time.nowUs >= this.#changeUs) {
      this.#isBad = !this.#isBad;
      const meanMs = this.#isBad ? lossBurstMs : lossBurstMs * (1 - loss) / loss;
      this.#changeUs += -Math.log(1 - this.#chance()) * 1000 * meanMs;
    }
    return this.#isBad;
  }

  #carried(datagram: Uint8Array): Uint8Array {
    const copy = datagram.slice();
    if (this.#chance() < (this.options.corrupt ?? 0)) {
      const at = Math.floor(this.#chance() * copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(8 * this.#chance()));
    }
    return copy;
  }
}
