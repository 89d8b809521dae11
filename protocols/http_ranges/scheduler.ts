/**
 * The core of one download: told what happened and at what time, it answers with what to do. It decides
 * which connection fetches which bytes from where, and what becomes of the download when something fails.
 */

import { type ByteRange } from "../../store/byte_ranges.ts";
import { type AnswerEnd, Answers } from "./answers.ts";
import { Assignments } from "./assignments.ts";
import type { Lease } from "./leases.ts";
import { findSilent, findSlow } from "./pace.ts";
import type { Asked } from "./response_check.ts";
import type {
  ConnectionView,
  KeptDownload,
  SchedulerAction,
  SchedulerEvent,
  SchedulerOptions,
  SchedulerState,
  Stage,
  Wish,
} from "./scheduler_state.ts";
import { ALIVE_BYTES, Setbacks } from "./setbacks.ts";
import { Sources } from "./sources.ts";

/** How often the pace of the connections is looked at. */
const BEAT_MS = 250;

/**
 * Schedules one download.
 *
 * Guarantees: every byte of the file is fetched, and fetched twice only at the end or after a loss; never
 * more connections than allowed; no bytes of two versions of a file, as far as validators and size tell
 * them apart; it ends, with the file or a reason, unless bytes keep coming. An end state is never left.
 */
export class Scheduler {
  #stage: Stage = { kind: "idle" };
  readonly #options: SchedulerOptions;
  readonly #sources: Sources;
  readonly #assignments: Assignments;
  readonly #setbacks: Setbacks;
  readonly #answers: Answers;
  #beatAtMs = 0;
  #handledAtMs = 0;
  #actions: SchedulerAction[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#sources = new Sources(options.sources, { ...options, most: options.threads });
    const sources = this.#sources;
    const act = (action: SchedulerAction) => void this.#actions.push(action);
    const assignments = this.#assignments = new Assignments(options, { sources, act });
    const isInVain = () => this.#answers.plan.kind !== "ranged";
    const { lanes } = assignments;
    const setbacks = this.#setbacks = new Setbacks({ sources, lanes, retries: options.retries, isInVain });
    this.#answers = new Answers({ sources, assignments, setbacks, isVerified: options.isVerified, act });
  }

  /** Where the download stands. */
  get state(): SchedulerState {
    return this.#stage.kind === "running" ? this.#answers.plan : this.#stage;
  }

  get ended(): boolean {
    const { kind } = this.#stage;
    return kind === "done" || kind === "cancelled" || kind === "failed";
  }

  /** Bytes of the file, once known. */
  get size(): number | undefined {
    return this.#stage.kind === "done" ? this.#stage.size : this.#answers.size;
  }

  /** Bytes that are there. */
  get received(): number {
    return this.#assignments.book.finished.bytes;
  }

  /** How far the file is there from its beginning. */
  get complete(): number {
    return this.#assignments.complete;
  }

  get finished(): readonly ByteRange[] {
    return [...this.#assignments.book.finished];
  }

  /** When a `tick` is due; `undefined` when only an event can move the download on. */
  get wakeAtMs(): number | undefined {
    if (this.#stage.kind !== "running") return undefined;
    return this.#assignments.lanes.busy > 0 ? this.#beatAtMs : this.#sources.retryAtMs(this.#handledAtMs);
  }

  /** Since when nothing can be asked for, until when, and why. */
  waiting(nowMs: number): { readonly untilMs: number; readonly reason: string } | undefined {
    if (this.#stage.kind !== "running" || this.#assignments.lanes.busy > 0) return undefined;
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
    return this.#assignments.lanes.views(nowMs);
  }

  /** Where the next bytes of a connection go, and how many it may bring; `undefined` of one that was cut. */
  place(connection: number): ReturnType<Assignments["place"]> {
    return this.#assignments.place(connection);
  }

  /** The `If-Range` that a request should carry. */
  condition(connection: number): string | undefined {
    return this.#assignments.condition(connection);
  }

  /** What a connection was asked for, to check its answer by. */
  asked(
    connection: number,
  ): Pick<Asked, "from" | "to" | "size" | "validators" | "isConditional" | "isProven"> | undefined {
    const lease = this.#assignments.lanes.leaseOf(connection);
    if (lease === undefined) return undefined;
    const { validators, isProven } = this.#sources.get(lease.source);
    const isConditional = this.#assignments.condition(connection) !== undefined;
    const { from, askedTo: to } = lease;
    return { from, to, size: this.#answers.size, validators, isConditional, isProven };
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
    const lease = this.#assignments.lanes.leaseOf(event.connection);
    if (lease === undefined) return;
    switch (event.type) {
      case "response":
        return this.#conclude(this.#answers.take(lease, event.verdict, nowMs));
      case "bytes":
        return this.#received(lease, event.count, nowMs);
      case "end":
        return this.#bodyEnded(lease, nowMs);
      case "lost":
        // All that was asked for has come: how the connection ended is no matter.
        if (lease.at >= lease.to) return this.#bodyEnded(lease, nowMs);
        this.#assignments.drop(lease, this.#handledAtMs);
        if (lease.phase === "asking") this.#setbacks.unanswered(lease, nowMs);
        return this.#setbacks.lost(lease, event, nowMs);
    }
  }

  #start(kept: KeptDownload | undefined, nowMs: number): void {
    if (this.#stage.kind !== "idle") return;
    this.#stage = { kind: "running" };
    this.#beatAtMs = nowMs + BEAT_MS;
    if (kept !== undefined) this.#answers.resume(kept);
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
    this.#assignments.cutAll(wish === "pause" ? "paused" : "cancelled", this.#handledAtMs);
    this.#stage = { kind: wish === "pause" ? "paused" : "cancelled" };
  }

  #received(lease: Lease, count: number, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    source.received += count;
    this.#assignments.book.advance(lease, count);
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
    if (this.#answers.plan.kind === "ranged") source.progressed();
  }

  #bodyEnded(lease: Lease, nowMs: number): void {
    const { twin } = lease;
    this.#assignments.drop(lease, this.#handledAtMs);
    if (lease.to === Infinity) return this.#finish(lease.at);
    if (lease.at < lease.to) {
      return this.#setbacks.lost(
        lease,
        { reason: `The server ended its answer ${lease.to - lease.at} bytes early` },
        nowMs,
      );
    }
    if (twin !== undefined) this.#assignments.cut(twin, "another connection was faster", this.#handledAtMs);
    if (this.#assignments.book.isComplete) this.#finish(this.#assignments.book.size);
  }

  #beat(nowMs: number): void {
    if (this.#stage.kind !== "running" || nowMs < this.#beatAtMs) return;
    this.#beatAtMs = nowMs + BEAT_MS;
    const leases = this.#assignments.lanes.leases;
    const patienceMs = this.#answers.plan.kind === "ranged" && leases.length > 1
      ? undefined
      : this.#options.answerMs;
    for (const lease of findSilent(leases, { patienceMs, nowMs })) {
      const reason = `Nothing came for ${Math.round((nowMs - lease.aliveAtMs) / 1000)} s`;
      this.#assignments.cut(lease, reason, this.#handledAtMs);
      this.#setbacks.lost(lease, { reason, isStall: true }, nowMs);
    }
    const slow = this.#answers.plan.kind === "ranged"
      ? findSlow(this.#assignments.lanes.leases, nowMs)
      : undefined;
    if (slow !== undefined) {
      this.#assignments.cut(slow, "far slower than the others", this.#handledAtMs);
      this.#assignments.lanes.of(slow).speed = undefined;
    }
    for (const source of this.#sources.all) {
      const connections = leases.filter((lease) => lease.source === source.index).length;
      source.ramp.measured({ connections, received: source.received }, nowMs);
    }
  }

  /** Lets go of sources that turned out to be of no use; without any other the download has failed. */
  #dismiss(): void {
    for (const lease of this.#assignments.lanes.leases) {
      const { problem } = this.#sources.get(lease.source);
      if (problem !== undefined) this.#assignments.cut(lease, problem, this.#handledAtMs);
    }
    const { problem } = this.#sources;
    if (problem !== undefined) this.#fail(problem);
  }

  /** Ends when everything is there; else gives idle connections something to do. */
  #settle(nowMs: number): void {
    if (this.#stage.kind !== "running") return;
    if (this.#assignments.book.isComplete) return this.#finish(this.#assignments.book.size);
    this.#assignments.employ(this.#answers.plan.kind, nowMs);
  }

  #conclude(end: AnswerEnd | undefined): void {
    if (end?.kind === "done") this.#finish(end.size);
    if (end?.kind === "failed") this.#fail(end.reason);
  }

  #finish(size: number): void {
    this.#assignments.cutAll("the file is complete", this.#handledAtMs);
    this.#stage = { kind: "done", size };
    this.#actions.push({ type: "done", size });
  }

  #fail(reason: string): void {
    this.#assignments.cutAll(reason, this.#handledAtMs);
    this.#stage = { kind: "failed", reason };
    this.#actions.push({ type: "failed", reason });
  }
}
