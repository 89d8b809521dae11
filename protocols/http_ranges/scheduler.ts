/**
 * The core of one download: told what happened and at what time, it answers with what to do. It decides
 * which connection fetches which bytes from where, and what becomes of the download when something fails.
 */

import { type ByteRange } from "../../store/byte_ranges.ts";
import { type Lane, Lanes } from "./lanes.ts";
import { type Help, type Lease, Leases } from "./leases.ts";
import { findSilent, findSlow } from "./pace.ts";
import type { Asked, Verdict } from "./response_check.ts";
import type {
  ConnectionView,
  KeptDownload,
  Plan,
  SchedulerAction,
  SchedulerEvent,
  SchedulerOptions,
  SchedulerState,
  Stage,
  Wish,
} from "./scheduler_state.ts";
import { ALIVE_BYTES, drawbackOf, type Loss, Setbacks } from "./setbacks.ts";
import type { Source } from "./source.ts";
import { meanSpeed, type Service, Sources } from "./sources.ts";
import { hasValidator, ifRange, type Validators } from "./validators.ts";

/** How often the pace of the connections is looked at. */
const BEAT_MS = 250;
/** How often a file may change before it is given up. */
const RESTARTS = 2;
/** Unusable answers in a row before ranges are given up. */
const WRONG_ANSWERS = 3;

/**
 * Schedules one download.
 *
 * Guarantees: every byte of the file is fetched, and fetched twice only at the end or after a loss; never
 * more connections than allowed; no bytes of two versions of a file, as far as validators and size tell
 * them apart; it ends, with the file or a reason, unless bytes keep coming. An end state is never left.
 */
export class Scheduler {
  #stage: Stage = { kind: "idle" };
  #plan: Plan = { kind: "probing" };
  #leases: Leases;
  #size: number | undefined;
  readonly #options: SchedulerOptions;
  readonly #sources: Sources;
  readonly #lanes: Lanes;
  readonly #setbacks: Setbacks;
  #restarts = 0;
  #beatAtMs = 0;
  #handledAtMs = 0;
  #actions: SchedulerAction[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#sources = new Sources(options.sources, { ...options, most: options.threads });
    this.#leases = this.#bookOf(Infinity, []);
    this.#lanes = new Lanes(options.threads);
    this.#setbacks = new Setbacks({ sources: this.#sources, lanes: this.#lanes, retries: options.retries });
  }

  /** Where the download stands. */
  get state(): SchedulerState {
    return this.#stage.kind === "running" ? this.#plan : this.#stage;
  }

  get ended(): boolean {
    const { kind } = this.#stage;
    return kind === "done" || kind === "cancelled" || kind === "failed";
  }

  /** Bytes of the file, once known. */
  get size(): number | undefined {
    return this.#size;
  }

  /** Bytes that are there. */
  get received(): number {
    return this.#leases.finished.bytes;
  }

  /** How far the file is there from its beginning. */
  get complete(): number {
    const { first } = this.#leases.finished;
    return first?.from === 0 ? first.to : 0;
  }

  get finished(): readonly ByteRange[] {
    return [...this.#leases.finished];
  }

  /** When a `tick` is due; `undefined` when only an event can move the download on. */
  get wakeAtMs(): number | undefined {
    if (this.#stage.kind !== "running") return undefined;
    return this.#lanes.busy > 0 ? this.#beatAtMs : this.#sources.retryAtMs(this.#handledAtMs);
  }

  /** Since when nothing can be asked for, until when, and why. */
  waiting(nowMs: number): { readonly untilMs: number; readonly reason: string } | undefined {
    if (this.#stage.kind !== "running" || this.#lanes.busy > 0) return undefined;
    const untilMs = this.#sources.retryAtMs(nowMs);
    const source = this.#sources.all.find(({ retryAtMs }) => retryAtMs === untilMs);
    return untilMs === undefined ? undefined : { untilMs, reason: source?.lastReason ?? "" };
  }

  /** Sources that are not asked any more, and why. */
  get sourceProblems(): readonly { readonly source: number; readonly reason: string }[] {
    return this.#sources.all.flatMap(({ index, problem }) =>
      problem === undefined ? [] : [{ source: index, reason: problem }]
    );
  }

  connections(nowMs: number): readonly ConnectionView[] {
    return this.#lanes.views(nowMs);
  }

  /** Where the next bytes of a connection go, and how many it may bring; `undefined` of one that was cut. */
  place(connection: number): { readonly at: number; readonly room: number } | undefined {
    const lease = this.#lanes.leaseOf(connection);
    return lease === undefined ? undefined : { at: lease.at, room: lease.to - lease.at };
  }

  /** What a connection was asked for, to check its answer by. */
  asked(
    connection: number,
  ): Pick<Asked, "from" | "to" | "size" | "validators" | "isConditional" | "isProven"> | undefined {
    const lease = this.#lanes.leaseOf(connection);
    if (lease === undefined) return undefined;
    const { validators, isProven } = this.#sources.get(lease.source);
    const isConditional = this.condition(connection) !== undefined;
    const { from, askedTo: to } = lease;
    return { from, to, size: this.#size, validators, isConditional, isProven };
  }

  /** The `If-Range` that a request should carry. */
  condition(connection: number): string | undefined {
    const lease = this.#lanes.leaseOf(connection);
    if (lease?.askedTo === undefined) return undefined;
    const { validators } = this.#sources.get(lease.source);
    return validators === undefined ? undefined : ifRange(validators);
  }

  /** Takes one event. */
  handle(event: SchedulerEvent, nowMs: number): SchedulerAction[] {
    if (this.ended) return [];
    this.#handledAtMs = nowMs;
    this.#take(event, nowMs);
    if (!this.ended) this.#dismiss();
    if (!this.ended) this.#settle(nowMs);
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #take(event: SchedulerEvent, nowMs: number): void {
    switch (event.type) {
      case "start":
        return this.#start(event.kept, nowMs);
      case "wish":
        return this.#wished(event.wish, nowMs);
      case "broken":
        return this.#fail(event.reason);
      case "tick":
        return this.#beat(nowMs);
    }
    const lease = this.#lanes.leaseOf(event.connection);
    if (lease === undefined) return;
    switch (event.type) {
      case "response":
        return this.#answered(lease, event.verdict, nowMs);
      case "bytes":
        return this.#received(lease, event.count, nowMs);
      case "end":
        return this.#bodyEnded(lease, nowMs);
      case "lost":
        // All that was asked for has come: how the connection ended is no matter.
        if (lease.at >= lease.to) return this.#bodyEnded(lease, nowMs);
        this.#drop(lease);
        if (lease.phase === "asking") this.#setbacks.unanswered(lease, nowMs);
        return this.#lost(lease, event, nowMs);
    }
  }

  #start(kept: KeptDownload | undefined, nowMs: number): void {
    if (this.#stage.kind !== "idle") return;
    this.#stage = { kind: "running" };
    this.#beatAtMs = nowMs + BEAT_MS;
    if (kept === undefined) return;
    if (!hasValidator(kept.validators) && !this.#options.isVerified) {
      this.#actions.push({ type: "restart", reason: "Nothing tells whether the file is still the same" });
      return;
    }
    this.#size = kept.size;
    this.#leases = this.#bookOf(kept.size, kept.finished);
    this.#sources.get(0).validators = kept.validators;
  }

  #wished(wish: Wish, nowMs: number): void {
    const { kind } = this.#stage;
    if (wish === "run") {
      if (kind !== "paused") return;
      this.#stage = { kind: "running" };
      this.#beatAtMs = nowMs + BEAT_MS;
      return;
    }
    if (wish === "pause" && kind !== "running") return;
    this.#cutAll(wish === "pause" ? "paused" : "cancelled");
    this.#stage = { kind: wish === "pause" ? "paused" : "cancelled" };
  }

  #answered(
    lease: Lease,
    verdict: Extract<SchedulerEvent, { type: "response" }>["verdict"],
    nowMs: number,
  ): void {
    const source = this.#sources.get(lease.source);
    const drawback = drawbackOf(verdict, source);
    if (drawback !== undefined && this.#hasBetter(source)) {
      source.problem = drawback;
      return;
    }
    switch (verdict.kind) {
      case "ranged":
        return this.#answeredRange(lease, verdict, nowMs);
      case "whole":
        return this.#answeredWhole(lease, verdict, nowMs);
      case "empty":
        this.#drop(lease);
        this.#identify(source, 0, verdict.validators, true);
        return this.#finish(0);
    }
    this.#cut(lease, verdict.reason);
    switch (verdict.kind) {
      case "plain-get":
        this.#plan = { kind: "single" };
        return;
      case "busy":
        return this.#setbacks.busy(lease, verdict, nowMs);
      case "changed":
        return this.#changed(source, verdict.reason);
      case "wrong":
        return this.#wrong(lease, verdict.reason, nowMs);
      case "trouble":
        return this.#lost(lease, verdict, nowMs);
      case "refused":
        return this.#setbacks.refused(lease, verdict.reason, nowMs);
    }
  }

  #answeredRange(lease: Lease, verdict: Extract<Verdict, { kind: "ranged" }>, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    this.#identify(source, verdict.size, verdict.validators);
    if (this.#plan.kind === "probing") {
      this.#leases.release(lease);
      this.#leases = this.#bookOf(verdict.size, this.#leases.finished);
      lease.to = Math.min(lease.to, verdict.size);
      this.#leases.add(lease);
      this.#plan = { kind: "ranged" };
    }
    this.#leases.shorten(lease, verdict.to);
    this.#flows(lease, nowMs);
    source.answered(nowMs - lease.requestedAtMs, nowMs);
  }

  /** The whole file comes, whatever was asked for: this connection alone goes on, from the beginning. */
  #answeredWhole(lease: Lease, verdict: Extract<Verdict, { kind: "whole" }>, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    this.#drop(lease);
    this.#cutAll("the server sends the file in one piece");
    if (this.received > 0) {
      this.#actions.push({
        type: "restart",
        reason: "The server sends the file in one piece, from its beginning",
      });
    }
    this.#plan = { kind: "single" };
    const size = verdict.size ?? this.#size;
    const isKnown = source.isProven && size === this.#size && this.received === 0;
    this.#leases = this.#bookOf(size ?? Infinity, []);
    if (!isKnown) this.#identify(source, size, verdict.validators, true);
    const whole: Lease = { ...lease, from: 0, at: 0, to: size ?? Infinity, twin: undefined };
    this.#adopt(whole);
    this.#flows(whole, nowMs);
    source.isProven = true;
  }

  #flows(lease: Lease, nowMs: number): void {
    const lane = this.#lanes.of(lease);
    lane.isServed = true;
    lease.phase = "flowing";
    lease.aliveAtMs = nowMs;
  }

  #identify(source: Source, size: number | undefined, validators: Validators, isNew = false): void {
    const isFirst = this.#plan.kind === "probing" || isNew;
    source.validators ??= validators;
    this.#size = size;
    if (isFirst) this.#actions.push({ type: "identified", size, validators });
  }

  #received(lease: Lease, count: number, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    source.received += count;
    this.#leases.advance(lease, count);
    lease.speed.add(count, nowMs);
    const { at, to, first = lease.first = { atMs: nowMs, at } } = lease;
    if (!lease.isJudged) {
      const look = { bytes: at - first.at, withinMs: nowMs - first.atMs, isAll: at === to };
      lease.isJudged = source.ramp.brought(look, nowMs);
    }
    lease.bytesSinceAlive += count;
    if (lease.bytesSinceAlive < ALIVE_BYTES && lease.at < lease.to) return;
    lease.bytesSinceAlive = 0;
    lease.aliveAtMs = nowMs;
    if (this.#plan.kind === "ranged") source.progressed();
  }

  #bodyEnded(lease: Lease, nowMs: number): void {
    const { twin } = lease;
    this.#drop(lease);
    if (lease.to === Infinity) return this.#finish(lease.at);
    if (lease.at < lease.to) {
      return this.#lost(
        lease,
        { reason: `The server ended its answer ${lease.to - lease.at} bytes early` },
        nowMs,
      );
    }
    if (twin !== undefined) this.#cut(twin, "another connection was faster");
    if (this.#leases.isComplete) this.#finish(this.#leases.size);
  }

  /** A connection has brought less than it should. It is not in the book any more. */
  #lost(lease: Lease, loss: Loss, nowMs: number): void {
    this.#setbacks.lost(lease, { ...loss, isInVain: this.#plan.kind !== "ranged" }, nowMs);
  }

  #wrong(lease: Lease, reason: string, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    // Ranges that can't be used are as good as none.
    const isHopeless = !source.isProven || ++source.wrongAnswers >= WRONG_ANSWERS;
    if (lease.askedTo !== undefined && isHopeless) {
      this.#cutAll("the server's ranges can't be used");
      this.#plan = { kind: "single" };
      return;
    }
    this.#setbacks.failed(lease, reason, nowMs);
  }

  /** The file is another than before: what there is of it is worth nothing. */
  #changed(source: Source, reason: string): void {
    const isMirror = source.validators === undefined &&
      this.#sources.all.some((each) => each.validators !== undefined);
    if (isMirror) {
      source.problem = `It has another file: ${reason}`;
      return;
    }
    if (++this.#restarts > RESTARTS) return this.#fail(`The file keeps changing on the server: ${reason}`);
    this.#cutAll("the file has changed");
    for (const each of this.#sources.all) each.forget();
    this.#plan = { kind: "probing" };
    this.#size = undefined;
    this.#leases = this.#bookOf(Infinity, []);
    this.#actions.push({ type: "restart", reason: `The file has changed on the server: ${reason}` });
  }

  /** Whether another source gives ranges. */
  #hasBetter(than: Source): boolean {
    return this.#plan.kind === "ranged" &&
      this.#sources.all.some((each) => each !== than && each.isProven && each.problem === undefined);
  }

  #beat(nowMs: number): void {
    if (this.#stage.kind !== "running" || nowMs < this.#beatAtMs) return;
    this.#beatAtMs = nowMs + BEAT_MS;
    const leases = this.#lanes.leases;
    const patienceMs = this.#plan.kind === "ranged" && leases.length > 1 ? undefined : this.#options.answerMs;
    for (const lease of findSilent(leases, { patienceMs, nowMs })) {
      const reason = `Nothing came for ${Math.round((nowMs - lease.aliveAtMs) / 1000)} s`;
      this.#cut(lease, reason);
      this.#lost(lease, { reason, isStall: true }, nowMs);
    }
    const slow = this.#plan.kind === "ranged" ? findSlow(this.#lanes.leases, nowMs) : undefined;
    if (slow !== undefined) {
      this.#cut(slow, "far slower than the others");
      this.#lanes.of(slow).speed = undefined;
    }
    for (const source of this.#sources.all) {
      const connections = leases.filter((lease) => lease.source === source.index).length;
      source.ramp.measured({ connections, received: source.received }, nowMs);
    }
  }

  /** Lets go of sources that turned out to be of no use; without any other the download has failed. */
  #dismiss(): void {
    for (const lease of this.#lanes.leases) {
      const { problem } = this.#sources.get(lease.source);
      if (problem !== undefined) this.#cut(lease, problem);
    }
    const { problem } = this.#sources;
    if (problem !== undefined) this.#fail(problem);
  }

  /** Gives idle connections something to do. */
  #settle(nowMs: number): void {
    if (this.#stage.kind !== "running") return;
    if (this.#leases.isComplete) return this.#finish(this.#leases.size);
    const most = this.#plan.kind === "ranged" ? this.#options.threads : 1;
    for (const lane of this.#lanes.all) {
      if (this.#lanes.busy >= most) return;
      if (lane.lease !== undefined) continue;
      if (!this.#employ(lane, nowMs)) return;
    }
  }

  /** @returns Whether there was something for it to do. */
  #employ(lane: Lane, nowMs: number): boolean {
    const services = this.#lanes.services(nowMs);
    const source = this.#sources.choose({ last: lane.source, services, nowMs });
    if (source === undefined) return false;
    const piece = this.#pieceFor(lane, source, { services, nowMs });
    if (piece === undefined) return false;
    const lease = this.#lanes.lease(lane, {
      ...piece,
      source: source.index,
      isWhole: this.#plan.kind === "single",
      nowMs,
    });
    this.#adopt(lease);
    const { shortened } = piece;
    if (shortened !== undefined) {
      this.#actions.push({ type: "shorten", connection: shortened.connection, to: shortened.to });
    }
    const { connection, from, askedTo } = lease;
    this.#actions.push({ type: "request", connection, source: source.index, from, to: askedTo });
    return true;
  }

  #pieceFor(
    lane: Lane,
    source: Source,
    { services, nowMs }: { readonly services: readonly Service[]; readonly nowMs: number },
  ): Help | undefined {
    const fresh = { twin: undefined, shortened: undefined };
    if (this.#plan.kind === "single") return { range: { from: 0, to: Infinity }, ...fresh };
    if (this.#plan.kind === "probing") {
      const [first] = this.#leases.finished.gaps({ from: 0, to: this.#leases.size });
      if (first === undefined) return undefined;
      const to = Math.min(first.to, first.from + this.#options.blockBytes);
      return { range: { from: first.from, to }, ...fresh };
    }
    const mean = meanSpeed(services);
    const own = lane.source === source.index && lane.isServed ? lane.speed?.at(nowMs) ?? 0 : 0;
    const seeker = { lastTo: lane.lastTo, bytesPerMs: own > 0 ? own : mean, latencyMs: source.latencyMs };
    const range = this.#leases.take(seeker, this.#sources.allowed(this.#options.threads));
    return range === undefined ? this.#leases.help(seeker, nowMs) : { range, ...fresh };
  }

  #adopt(lease: Lease): void {
    this.#lanes.add(lease);
    this.#leases.add(lease);
  }

  /** Forgets a connection; what it leaves over is free again. */
  #drop(lease: Lease): void {
    this.#lanes.remove(lease);
    this.#leases.release(lease);
    if (lease.phase === "flowing") {
      this.#sources.get(lease.source).bytesPerMs = lease.speed.at(this.#handledAtMs);
    }
  }

  #cut(lease: Lease, reason: string): void {
    this.#drop(lease);
    this.#actions.push({ type: "cut", connection: lease.connection, reason });
  }

  #cutAll(reason: string): void {
    for (const lease of this.#lanes.leases) this.#cut(lease, reason);
  }

  #finish(size: number): void {
    this.#cutAll("the file is complete");
    this.#size = size;
    this.#stage = { kind: "done", size };
    this.#actions.push({ type: "done", size });
  }

  #fail(reason: string): void {
    this.#cutAll(reason);
    this.#stage = { kind: "failed", reason };
    this.#actions.push({ type: "failed", reason });
  }

  #bookOf(size: number, finished: Iterable<ByteRange>): Leases {
    return new Leases({ size, blockBytes: this.#options.blockBytes, finished });
  }
}
