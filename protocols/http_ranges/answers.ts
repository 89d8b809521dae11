/** What the answers of servers tell of a file, and what follows from each. A core without I/O. */

import type { Assignments } from "./assignments.ts";
import type { Lease } from "./leases.ts";
import type { Verdict } from "./response_check.ts";
import type {
  KeptDownload,
  Plan,
  SchedulerAction,
  SchedulerEvent,
  SchedulerState,
} from "./scheduler_state.ts";
import { drawbackOf, type Setbacks } from "./setbacks.ts";
import type { Source } from "./source.ts";
import type { Sources } from "./sources.ts";
import { hasValidator, type Validators } from "./validators.ts";

/** How often a file may change before it is given up. */
const RESTARTS = 2;
/** Unusable answers in a row before ranges are given up. */
const WRONG_ANSWERS = 3;

/** How an answer ends a download. */
export type AnswerEnd = Extract<SchedulerState, { kind: "done" | "failed" }>;

/** What {@linkcode Answers} works with. */
export interface AnswersSetting {
  readonly sources: Sources;
  readonly assignments: Assignments;
  readonly setbacks: Setbacks;
  /** Whether a file is known by its digest, so that sources without validators can be continued. */
  readonly isVerified: boolean;
  /** Told what is to be done, in order. */
  readonly act: (action: SchedulerAction) => void;
}

/** Knows how a file can be had and how long it is, and learns it anew when the file has changed. */
export class Answers {
  #plan: Plan = { kind: "probing" };
  #size: number | undefined;
  #restarts = 0;
  readonly #isVerified: boolean;
  readonly #sources: Sources;
  readonly #assignments: Assignments;
  readonly #setbacks: Setbacks;
  readonly #act: (action: SchedulerAction) => void;

  constructor({ sources, assignments, setbacks, isVerified, act }: AnswersSetting) {
    this.#sources = sources;
    this.#assignments = assignments;
    this.#setbacks = setbacks;
    this.#isVerified = isVerified;
    this.#act = act;
  }

  /** What is known of how the file can be had. */
  get plan(): Plan {
    return this.#plan;
  }

  /** Bytes of the file, once known. */
  get size(): number | undefined {
    return this.#size;
  }

  /** Begins with what an earlier run left, if that can be told to be of the same file. */
  resume(kept: KeptDownload): void {
    if (!hasValidator(kept.validators) && !this.#isVerified) {
      this.#act({ type: "restart", reason: "Nothing tells whether the file is still the same" });
      return;
    }
    this.#size = kept.size;
    this.#assignments.renew(kept.size, kept.finished);
    this.#sources.get(0).validators = kept.validators;
  }

  /** Takes the head of a response. @returns How the download ends, if it does. */
  take(
    lease: Lease,
    verdict: Extract<SchedulerEvent, { type: "response" }>["verdict"],
    nowMs: number,
  ): AnswerEnd | undefined {
    const source = this.#sources.get(lease.source);
    const drawback = drawbackOf(verdict, source);
    if (drawback !== undefined && this.#hasBetter(source)) {
      source.problem = drawback;
      return undefined;
    }
    switch (verdict.kind) {
      case "ranged":
        this.#ranged(lease, verdict, nowMs);
        return undefined;
      case "whole":
        this.#whole(lease, verdict, nowMs);
        return undefined;
      case "empty":
        this.#assignments.drop(lease, nowMs);
        this.#identify(source, 0, verdict.validators, true);
        return { kind: "done", size: 0 };
    }
    this.#assignments.cut(lease, verdict.reason, nowMs);
    if (verdict.kind === "changed") return this.#changed(source, verdict.reason, nowMs);
    this.#failed(lease, verdict, nowMs);
    return undefined;
  }

  /** An answer without bytes of the file. */
  #failed(
    lease: Lease,
    verdict: Extract<Verdict, { kind: "plain-get" | "busy" | "wrong" | "trouble" | "refused" }>,
    nowMs: number,
  ): void {
    switch (verdict.kind) {
      case "plain-get":
        this.#plan = { kind: "single" };
        return;
      case "busy":
        return this.#setbacks.busy(lease, verdict, nowMs);
      case "wrong":
        return this.#wrong(lease, verdict.reason, nowMs);
      case "trouble":
        return this.#setbacks.lost(lease, verdict, nowMs);
      case "refused":
        return this.#setbacks.refused(lease, verdict.reason, nowMs);
    }
  }

  #ranged(lease: Lease, verdict: Extract<Verdict, { kind: "ranged" }>, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    this.#identify(source, verdict.size, verdict.validators);
    if (this.#plan.kind === "probing") {
      this.#assignments.book.release(lease);
      this.#assignments.renew(verdict.size, this.#assignments.book.finished);
      lease.to = Math.min(lease.to, verdict.size);
      this.#assignments.book.add(lease);
      this.#plan = { kind: "ranged" };
    }
    this.#assignments.book.shorten(lease, verdict.to);
    this.#flows(lease, nowMs);
    source.answered(nowMs - lease.requestedAtMs, nowMs);
  }

  /** The whole file comes, whatever was asked for: this connection alone goes on, from the beginning. */
  #whole(lease: Lease, verdict: Extract<Verdict, { kind: "whole" }>, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    this.#assignments.drop(lease, nowMs);
    this.#assignments.cutAll("the server sends the file in one piece", nowMs);
    if (this.#assignments.book.finished.bytes > 0) {
      this.#act({
        type: "restart",
        reason: "The server sends the file in one piece, from its beginning",
      });
    }
    this.#plan = { kind: "single" };
    const size = verdict.size ?? this.#size;
    const isKnown = source.isProven && size === this.#size && this.#assignments.book.finished.bytes === 0;
    this.#assignments.renew(size ?? Infinity, []);
    if (!isKnown) this.#identify(source, size, verdict.validators, true);
    const whole: Lease = { ...lease, from: 0, at: 0, to: size ?? Infinity, twin: undefined };
    this.#assignments.adopt(whole);
    this.#flows(whole, nowMs);
    source.isProven = true;
  }

  #flows(lease: Lease, nowMs: number): void {
    const lane = this.#assignments.lanes.of(lease);
    lane.isServed = true;
    lease.phase = "flowing";
    lease.aliveAtMs = nowMs;
  }

  #identify(source: Source, size: number | undefined, validators: Validators, isNew = false): void {
    const isFirst = this.#plan.kind === "probing" || isNew;
    source.validators ??= validators;
    this.#size = size;
    if (isFirst) this.#act({ type: "identified", size, validators });
  }

  #wrong(lease: Lease, reason: string, nowMs: number): void {
    const source = this.#sources.get(lease.source);
    // Ranges that can't be used are as good as none.
    const isHopeless = !source.isProven || ++source.wrongAnswers >= WRONG_ANSWERS;
    if (lease.askedTo !== undefined && isHopeless) {
      this.#assignments.cutAll("the server's ranges can't be used", nowMs);
      this.#plan = { kind: "single" };
      return;
    }
    this.#setbacks.failed(lease, reason, nowMs);
  }

  /** The file is another than before: what there is of it is worth nothing. */
  #changed(source: Source, reason: string, nowMs: number): AnswerEnd | undefined {
    const isMirror = source.validators === undefined &&
      this.#sources.all.some((each) => each.validators !== undefined);
    if (isMirror) {
      source.problem = `It has another file: ${reason}`;
      return undefined;
    }
    if (++this.#restarts > RESTARTS) {
      return { kind: "failed", reason: `The file keeps changing on the server: ${reason}` };
    }
    this.#assignments.cutAll("the file has changed", nowMs);
    for (const each of this.#sources.all) each.forget();
    this.#plan = { kind: "probing" };
    this.#size = undefined;
    this.#assignments.renew(Infinity, []);
    this.#act({ type: "restart", reason: `The file has changed on the server: ${reason}` });
    return undefined;
  }

  /** Whether another source gives ranges. */
  #hasBetter(than: Source): boolean {
    return this.#plan.kind === "ranged" &&
      this.#sources.all.some((each) => each !== than && each.isProven && each.problem === undefined);
  }
}
