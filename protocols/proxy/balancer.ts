import { addressGroup } from "../../net/connection_limit.ts";
import type { Policy } from "./conf.ts";

/** What has to be known of an upstream to choose it. */
export interface Candidate {
  /** What tells it from the others, also after a reload. */
  readonly origin: string;
  /** Requests under way. */
  readonly active: number;
  readonly isUp: boolean;
}

/** What a request is given by. */
export interface Choice<U> {
  readonly clientAddress: string;
  /** Upstreams that it was given to, in vain. */
  readonly tried: ReadonlySet<U>;
}

/**
 * Gives out requests among the upstreams of a host. A core without I/O.
 *
 * Those that are down get none while another is up. When none is, they get them all the same: an upstream that has
 * just come back is found by the next request, and not by a probe.
 */
export class Balancer<U extends Candidate> {
  readonly #upstreams: readonly U[];
  readonly #policy: Policy;
  readonly #random: () => number;
  /** The next one in turn. */
  #turn = 0;

  /** @param options `random`: a source of numbers in [0, 1). */
  constructor(
    upstreams: readonly U[],
    { policy, random }: { readonly policy: Policy; readonly random: () => number },
  ) {
    this.#upstreams = upstreams;
    this.#policy = policy;
    this.#random = random;
  }

  get upstreams(): readonly U[] {
    return this.#upstreams;
  }

  /** @returns `undefined`: there is none that was not tried. */
  pick({ clientAddress, tried }: Choice<U>): U | undefined {
    const hasUp = this.#upstreams.some(({ isUp }) => isUp);
    const eligible = this.#inTurn().filter((each) => !tried.has(each) && (each.isUp || !hasUp));
    const [first, ...others] = eligible;
    if (first === undefined) return undefined;
    switch (this.#policy) {
      case "round-robin":
        return this.#took(first);
      case "least-conn":
        // Among those that have as few, it goes round.
        return this.#took(others.reduce((least, each) => each.active < least.active ? each : least, first));
      case "random":
        return eligible[Math.floor(this.#random() * eligible.length)] ?? first;
      case "ip-hash": {
        const group = addressGroup(clientAddress);
        const weight = ({ origin }: U) => hash(`${group} ${origin}`);
        return others.reduce((heaviest, each) => weight(each) > weight(heaviest) ? each : heaviest, first);
      }
    }
  }

  #inTurn(): readonly U[] {
    return [...this.#upstreams.slice(this.#turn), ...this.#upstreams.slice(0, this.#turn)];
  }

  #took(upstream: U): U {
    this.#turn = (this.#upstreams.indexOf(upstream) + 1) % this.#upstreams.length;
    return upstream;
  }
}

/**
 * A hash of 32 bits: FNV-1a, and the end of MurmurHash3, without which similar texts would have similar hashes.
 * Whoever has the heaviest one gets a client (rendezvous hashing: Thaler and Ravishankar, 1998), so that a client
 * changes its upstream only when that goes.
 */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
