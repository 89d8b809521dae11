import { ByteRanges } from "../../store/byte_ranges.ts";
import { checkResponse, type Verdict } from "../../protocols/http_ranges/response_check.ts";
import { Scheduler } from "../../protocols/http_ranges/scheduler.ts";
import type {
  KeptDownload,
  SchedulerAction,
  SchedulerEvent,
  SchedulerState,
  Wish,
} from "../../protocols/http_ranges/scheduler_state.ts";
import { VirtualClock } from "./virtual_clock.ts";
import {
  fairShares,
  type VirtualAnswer,
  VirtualFileServer,
  type VirtualServerOptions,
} from "./virtual_file_server.ts";

/** Bytes flow in steps of so many milliseconds. */
const STEP_MS = 50;

/** Options of {@linkcode runVirtualDownload}. */
export interface VirtualDownloadOptions {
  /** The first is the URL's, the others are mirrors. */
  readonly servers: readonly VirtualServerOptions[];
  readonly threads?: number;
  readonly perHost?: number;
  readonly blockBytes?: number;
  readonly retries?: number;
  readonly kept?: KeptDownload;
  readonly wishes?: readonly { readonly atMs: number; readonly wish: Wish }[];
  readonly random: () => number;
  readonly limitMs?: number;
}

/** How a simulated download went. */
export interface VirtualDownloadOutcome {
  readonly state: SchedulerState;
  readonly elapsedMs: number;
  /** Bytes that came over all connections. */
  readonly fetched: number;
  readonly requests: number;
  readonly mostConnections: number;
  /** The most connections that a server served at once. */
  readonly refusals: number;
  readonly restarts: number;
  readonly problems: readonly string[];
  /** The first byte that is missing, misplaced or of another version than the rest; `undefined` of a good file. */
  readonly flaw: string | undefined;
}

interface Connection {
  readonly id: number;
  readonly source: number;
  answer: VirtualAnswer | undefined;
  /** What of its body has come. */
  delivered: number;
}

interface Writing {
  readonly from: number;
  readonly to: number;
  /** From where in the file, of which version. */
  readonly shift: number;
  readonly version: number;
}

/** Runs the scheduler against simulated servers in virtual time. Gives up after `limitMs`. */
export function runVirtualDownload(options: VirtualDownloadOptions): VirtualDownloadOutcome {
  return new VirtualDownload(options).run();
}

class VirtualDownload {
  readonly #options: VirtualDownloadOptions;
  readonly #clock = new VirtualClock();
  readonly #servers: readonly VirtualFileServer[];
  readonly #scheduler: Scheduler;
  readonly #open = new Map<number, Connection>();
  #written: Writing[];
  #fetched = 0;
  #requests = 0;
  #mostConnections = 0;
  #refusals = 0;
  #restarts = 0;
  #isPumping = false;
  #wakesAtMs = Infinity;

  constructor(options: VirtualDownloadOptions) {
    const { threads = 5, perHost = 16, blockBytes = 1 << 20, retries = 5, random, kept } = options;
    this.#options = options;
    this.#servers = options.servers.map((server) => new VirtualFileServer(server, random));
    this.#scheduler = new Scheduler({
      sources: options.servers.map(({ host }, index) => ({ host: host ?? `host-${index}` })),
      threads,
      perHost,
      blockBytes,
      retries,
      answerMs: 30_000,
      isVerified: false,
      random,
    });
    this.#written = (kept?.finished ?? []).map((range) => ({ ...range, shift: 0, version: 0 }));
  }

  run(): VirtualDownloadOutcome {
    const { kept, wishes = [], limitMs = 3_600_000 } = this.#options;
    const clock = this.#clock;
    for (const { atMs, wish } of wishes) clock.at(atMs, () => this.#dispatch({ type: "wish", wish }));
    clock.at(0, () => this.#dispatch({ type: "start", kept }));
    while (!this.#scheduler.ended && clock.nowMs < limitMs && clock.step());
    const { state, sourceProblems } = this.#scheduler;
    return {
      state,
      elapsedMs: clock.nowMs,
      fetched: this.#fetched,
      requests: this.#requests,
      mostConnections: this.#mostConnections,
      refusals: this.#refusals,
      restarts: this.#restarts,
      problems: sourceProblems.map(({ reason }) => reason),
      flaw: state.kind === "done" ? flawOf(this.#written, state.size) : undefined,
    };
  }

  #dispatch(event: SchedulerEvent): void {
    const { nowMs } = this.#clock;
    for (const action of this.#scheduler.handle(event, nowMs)) this.#perform(action);
    const { wakeAtMs = Infinity } = this.#scheduler;
    if (wakeAtMs >= this.#wakesAtMs && this.#wakesAtMs > nowMs) return;
    this.#wakesAtMs = wakeAtMs;
    if (wakeAtMs !== Infinity) this.#clock.at(wakeAtMs, () => this.#dispatch({ type: "tick" }));
  }

  #perform(action: SchedulerAction): void {
    switch (action.type) {
      case "request":
        return this.#request(action);
      case "cut":
        this.#open.delete(action.connection);
        return;
      case "shorten": {
        // The same may be shortened again by a later action of the same list.
        const { at = 0, room = 0 } = this.#scheduler.place(action.connection) ?? {};
        if (at + room > action.to) throw new Error("shortened to somewhere else");
        return;
      }
      case "restart":
        this.#restarts++;
        this.#written = [];
    }
  }

  #request({ connection: id, source, from, to }: Extract<SchedulerAction, { type: "request" }>): void {
    this.#requests++;
    const connection: Connection = { id, source, answer: undefined, delivered: 0 };
    this.#open.set(id, connection);
    this.#mostConnections = Math.max(this.#mostConnections, this.#open.size);
    const ifRange = this.#scheduler.condition(id);
    const { latencyMs = 0 } = this.#servers[source]?.options ?? {};
    this.#clock.at(this.#clock.nowMs + latencyMs, () => {
      if (this.#open.get(id) === connection) this.#answered(connection, { from, to, ifRange });
    });
  }

  #answered(
    connection: Connection,
    range: { readonly from: number; readonly to: number | undefined; readonly ifRange: string | undefined },
  ): void {
    const { id, source } = connection;
    const { nowMs } = this.#clock;
    const answer = this.#servers[source]?.answer(range, { open: this.#flowing(source).length, nowMs });
    const asked = this.#scheduler.asked(id);
    if (answer === undefined || asked === undefined) {
      this.#open.delete(id);
      return this.#dispatch({ type: "lost", connection: id, reason: "no connection" });
    }
    if (answer.head.status >= 400) this.#refusals++;
    const facts = { isRedirected: false, refusesPages: false, isCompressedFile: false };
    const verdict = checkResponse({ ...asked, ...facts }, answer.head, nowMs);
    if (isUseful(verdict)) connection.answer = answer;
    if (verdict.kind === "redirect" || verdict.kind === "expired") throw new TypeError(verdict.kind);
    this.#dispatch({ type: "response", connection: id, verdict });
    this.#pump();
  }

  /** The connections over which a body of a server comes. */
  #flowing(source: number): Connection[] {
    return [...this.#open.values()].filter((each) => each.source === source && each.answer !== undefined);
  }

  #pump(): void {
    if (this.#isPumping || ![...this.#open.values()].some(({ answer }) => answer !== undefined)) return;
    this.#isPumping = true;
    this.#clock.at(this.#clock.nowMs + STEP_MS, () => {
      this.#isPumping = false;
      for (const [source, { options: { totalBytesPerMs = Infinity } }] of this.#servers.entries()) {
        const flowing = this.#flowing(source);
        const shares = fairShares(totalBytesPerMs, flowing.map(({ answer }) => answer?.bytesPerMs ?? 0));
        flowing.forEach((connection, index) => this.#deliver(connection, (shares[index] ?? 0) * STEP_MS));
      }
      this.#pump();
    });
  }

  #deliver(connection: Connection, bytes: number): void {
    const { id, answer, delivered } = connection;
    const place = this.#scheduler.place(id);
    if (answer === undefined || place === undefined) return;
    const { random } = this.#options;
    const { from, to, stallsAt, version, lossPerMs } = answer;
    const isLost = lossPerMs > 0 && random() < lossPerMs * STEP_MS;
    const left = Math.min(to, stallsAt) - from - delivered;
    const count = Math.max(0, Math.min(Math.floor(bytes * (isLost ? random() : 1)), place.room, left));
    if (count > 0) {
      const shift = from + delivered - place.at;
      this.#written.push({ from: place.at, to: place.at + count, shift, version });
      connection.delivered += count;
      this.#fetched += count;
      this.#dispatch({ type: "bytes", connection: id, count });
    }
    if (isLost || count === place.room || from + connection.delivered >= to) {
      this.#open.delete(id);
      this.#dispatch(
        isLost ? { type: "lost", connection: id, reason: "reset" } : { type: "end", connection: id },
      );
    }
  }
}

function isUseful({ kind }: Verdict): boolean {
  return kind === "ranged" || kind === "whole";
}

/** What is wrong with a file that was written so, the last writing of a place counting. */
function flawOf(written: readonly Writing[], size: number): string | undefined {
  const seen = new ByteRanges();
  const version = written.at(-1)?.version;
  for (const writing of written.toReversed()) {
    if (seen.add(writing) === 0) continue;
    if (writing.shift !== 0) return `bytes from ${writing.from} are ${writing.shift} bytes off`;
    if (writing.version !== version) {
      return `bytes from ${writing.from} are of version ${writing.version}, not ${version}`;
    }
  }
  if (!seen.covers({ from: 0, to: size })) return `no bytes at ${seen.gaps({ from: 0, to: size })[0]?.from}`;
  return seen.bytes === size ? undefined : `${seen.bytes} bytes instead of ${size}`;
}
