import { Speed } from "../../net/speed.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";
import type { Lease } from "./leases.ts";
import type { ConnectionView } from "./scheduler_state.ts";
import type { Service } from "./sources.ts";

/** One of the connections that may be open at once; its requests come and go. */
export interface Lane {
  readonly index: number;
  lease: Lease | undefined;
  /** What its last request was to, where it ended, and how fast its bytes came. */
  source: number | undefined;
  lastTo: number;
  speed: Speed | undefined;
  /** Whether the server gave it bytes when it last asked. */
  isServed: boolean;
}

/** The connections of a download, and what each was asked for. */
export class Lanes {
  readonly all: readonly Lane[];
  readonly #byConnection = new Map<number, Lease>();
  #connections = 0;

  constructor(count: number) {
    this.all = Array.from({ length: count }, (_, index) => ({
      index,
      lease: undefined,
      source: undefined,
      lastTo: 0,
      speed: undefined,
      isServed: false,
    }));
  }

  /** How many are busy. */
  get busy(): number {
    return this.#byConnection.size;
  }

  /** What is under way, as it is now: it stays whole while some of it is dropped. */
  get leases(): readonly Lease[] {
    return [...this.#byConnection.values()];
  }

  leaseOf(connection: number): Lease | undefined {
    return this.#byConnection.get(connection);
  }

  of(lease: Lease): Lane {
    const lane = this.all[lease.lane];
    if (lane === undefined) throw new RangeError(`No lane ${lease.lane} of ${this.all.length}`);
    return lane;
  }

  /** Makes a lease for one more request. */
  lease(
    lane: Lane,
    { source, range, twin, isWhole, nowMs }: {
      readonly source: number;
      readonly range: ByteRange;
      readonly twin: Lease | undefined;
      /** Without `Range`. */
      readonly isWhole: boolean;
      readonly nowMs: number;
    },
  ): Lease {
    if (lane.source !== source || lane.speed === undefined) lane.speed = new Speed(nowMs);
    return {
      connection: ++this.#connections,
      lane: lane.index,
      source,
      from: range.from,
      askedTo: isWhole ? undefined : range.to,
      requestedAtMs: nowMs,
      at: range.from,
      to: range.to,
      phase: "asking",
      aliveAtMs: nowMs,
      bytesSinceAlive: 0,
      first: undefined,
      isJudged: false,
      speed: lane.speed,
      twin,
    };
  }

  add(lease: Lease): void {
    const lane = this.of(lease);
    lane.lease = lease;
    lane.source = lease.source;
    this.#byConnection.set(lease.connection, lease);
  }

  remove(lease: Lease): void {
    const lane = this.of(lease);
    lane.lease = undefined;
    lane.lastTo = lease.at;
    lane.isServed = lane.isServed && lease.at === lease.to;
    this.#byConnection.delete(lease.connection);
  }

  /** Connections that a source serves at the moment. */
  servedBy(source: number): number {
    return this.all.filter(({ lease, isServed }) => lease?.source === source && isServed).length;
  }

  services(nowMs: number): Service[] {
    return this.leases.map(({ source, speed }) => ({ source, bytesPerMs: speed.at(nowMs) }));
  }

  views(nowMs: number): ConnectionView[] {
    const views = this.leases.map(({ lane, source, from, at, to, speed }) => ({
      lane,
      source,
      from,
      at,
      to: to === Infinity ? undefined : to,
      bytesPerSecond: speed.at(nowMs) * 1000,
    }));
    return views.sort((one, other) => one.lane - other.lane);
  }
}
