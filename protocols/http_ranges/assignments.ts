/** Which connection fetches which bytes of a file from where. A core without I/O. */

import type { ByteRange } from "../../store/byte_ranges.ts";
import { type Lane, Lanes } from "./lanes.ts";
import { type Help, type Lease, Leases } from "./leases.ts";
import type { Plan, SchedulerAction, SchedulerOptions } from "./scheduler_state.ts";
import type { Source } from "./source.ts";
import { meanSpeed, type Service, type Sources } from "./sources.ts";
import { ifRange } from "./validators.ts";

/** The connections of a download with what each was asked for, and the book of what is there and what is missing. */
export class Assignments {
  readonly lanes: Lanes;
  #book: Leases;
  readonly #sources: Sources;
  readonly #options: SchedulerOptions;
  readonly #act: (action: SchedulerAction) => void;

  /** @param setting `act`: told what is to be done, in order. */
  constructor(
    options: SchedulerOptions,
    { sources, act }: { readonly sources: Sources; readonly act: (action: SchedulerAction) => void },
  ) {
    this.#options = options;
    this.#sources = sources;
    this.#act = act;
    this.lanes = new Lanes(options.threads);
    this.#book = this.#bookOf(Infinity, []);
  }

  /** What is there, and who fetches the rest. */
  get book(): Leases {
    return this.#book;
  }

  /** How far the file is there from its beginning. */
  get complete(): number {
    const { first } = this.#book.finished;
    return first?.from === 0 ? first.to : 0;
  }

  /** Opens a new book. No connection is in it. @param size `Infinity`: not known. */
  renew(size: number, finished: Iterable<ByteRange>): void {
    this.#book = this.#bookOf(size, finished);
  }

  /** Where the next bytes of a connection go, and how many it may bring; `undefined` of one that was cut. */
  place(connection: number): { readonly at: number; readonly room: number } | undefined {
    const lease = this.lanes.leaseOf(connection);
    return lease === undefined ? undefined : { at: lease.at, room: lease.to - lease.at };
  }

  /** The `If-Range` that a request should carry. */
  condition(connection: number): string | undefined {
    const lease = this.lanes.leaseOf(connection);
    if (lease?.askedTo === undefined) return undefined;
    const { validators } = this.#sources.get(lease.source);
    return validators === undefined ? undefined : ifRange(validators);
  }

  /** Gives idle connections something to do. */
  employ(plan: Plan["kind"], nowMs: number): void {
    const most = plan === "ranged" ? this.#options.threads : 1;
    for (const lane of this.lanes.all) {
      if (this.lanes.busy >= most) return;
      if (lane.lease !== undefined) continue;
      if (!this.#employ(lane, plan, nowMs)) return;
    }
  }

  /** A connection is under way with this. */
  adopt(lease: Lease): void {
    this.lanes.add(lease);
    this.#book.add(lease);
  }

  /** Forgets a connection; what it leaves over is free again. */
  drop(lease: Lease, nowMs: number): void {
    this.lanes.remove(lease);
    this.#book.release(lease);
    if (lease.phase === "flowing") {
      this.#sources.get(lease.source).bytesPerMs = lease.speed.at(nowMs);
    }
  }

  /** Ends a connection, of which no more is to come. */
  cut(lease: Lease, reason: string, nowMs: number): void {
    this.drop(lease, nowMs);
    this.#act({ type: "cut", connection: lease.connection, reason });
  }

  cutAll(reason: string, nowMs: number): void {
    for (const lease of this.lanes.leases) this.cut(lease, reason, nowMs);
  }

  /** @returns Whether there was something for it to do. */
  #employ(lane: Lane, plan: Plan["kind"], nowMs: number): boolean {
    const services = this.lanes.services(nowMs);
    const source = this.#sources.choose({ last: lane.source, services, nowMs });
    if (source === undefined) return false;
    const piece = this.#pieceFor(lane, source, { plan, services, nowMs });
    if (piece === undefined) return false;
    const lease = this.lanes.lease(lane, {
      ...piece,
      source: source.index,
      isWhole: plan === "single",
      nowMs,
    });
    this.adopt(lease);
    const { shortened } = piece;
    if (shortened !== undefined) {
      this.#act({ type: "shorten", connection: shortened.connection, to: shortened.to });
    }
    const { connection, from, askedTo } = lease;
    this.#act({ type: "request", connection, source: source.index, from, to: askedTo });
    return true;
  }

  #pieceFor(
    lane: Lane,
    source: Source,
    { plan, services, nowMs }: {
      readonly plan: Plan["kind"];
      readonly services: readonly Service[];
      readonly nowMs: number;
    },
  ): Help | undefined {
    const fresh = { twin: undefined, shortened: undefined };
    if (plan === "single") return { range: { from: 0, to: Infinity }, ...fresh };
    if (plan === "probing") {
      const [first] = this.#book.finished.gaps({ from: 0, to: this.#book.size });
      if (first === undefined) return undefined;
      const to = Math.min(first.to, first.from + this.#options.blockBytes);
      return { range: { from: first.from, to }, ...fresh };
    }
    const mean = meanSpeed(services);
    const own = lane.source === source.index && lane.isServed ? lane.speed?.at(nowMs) ?? 0 : 0;
    const seeker = { lastTo: lane.lastTo, bytesPerMs: own > 0 ? own : mean, latencyMs: source.latencyMs };
    const range = this.#book.take(seeker, this.#sources.allowed(this.#options.threads));
    return range === undefined ? this.#book.help(seeker, nowMs) : { range, ...fresh };
  }

  #bookOf(size: number, finished: Iterable<ByteRange>): Leases {
    return new Leases({ size, blockBytes: this.#options.blockBytes, finished });
  }
}
