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
  const { threads = 5, perHost = 16, blockBytes = 1 << 20, retries = 5, random, limitMs = 3_600_000 } =
    options;
  const clock = new VirtualClock();
  const servers = options.servers.map((server) => new VirtualFileServer(server, random));
  const scheduler = new Scheduler({
    sources: options.servers.map(({ host }, index) => ({ host: host ?? `host-${index}` })),
    threads,
    perHost,
    blockBytes,
    retries,
    answerMs: 30_000,
    isVerified: false,
    random,
  });
  const open = new Map<number, Connection>();
  let written: Writing[] = (options.kept?.finished ?? []).map((range) => ({
    ...range,
    shift: 0,
    version: 0,
  }));
  let fetched = 0;
  let requests = 0;
  let mostConnections = 0;
  let refusals = 0;
  let restarts = 0;
  let isPumping = false;
  let wakesAtMs = Infinity;

  const dispatch = (event: SchedulerEvent) => {
    for (const action of scheduler.handle(event, clock.nowMs)) perform(action);
    const { wakeAtMs = Infinity } = scheduler;
    if (wakeAtMs >= wakesAtMs && wakesAtMs > clock.nowMs) return;
    wakesAtMs = wakeAtMs;
    if (wakeAtMs !== Infinity) clock.at(wakeAtMs, () => dispatch({ type: "tick" }));
  };
  const endOf = (connection: number) => {
    const { at = 0, room = 0 } = scheduler.place(connection) ?? {};
    return at + room;
  };
  const perform = (action: SchedulerAction) => {
    switch (action.type) {
      case "request":
        return request(action);
      case "cut":
        open.delete(action.connection);
        return;
      case "shorten":
        // The same may be shortened again by a later action of the same list.
        if (endOf(action.connection) > action.to) throw new Error("shortened to somewhere else");
        return;
      case "restart":
        restarts++;
        written = [];
    }
  };
  const request = ({ connection: id, source, from, to }: Extract<SchedulerAction, { type: "request" }>) => {
    requests++;
    const connection: Connection = { id, source, answer: undefined, delivered: 0 };
    open.set(id, connection);
    mostConnections = Math.max(mostConnections, open.size);
    const ifRange = scheduler.condition(id);
    const { latencyMs = 0 } = servers[source]?.options ?? {};
    clock.at(clock.nowMs + latencyMs, () => {
      if (open.get(id) === connection) answered(connection, { from, to, ifRange });
    });
  };
  const answered = (
    connection: Connection,
    range: { readonly from: number; readonly to: number | undefined; readonly ifRange: string | undefined },
  ) => {
    const { id, source } = connection;
    const served =
      [...open.values()].filter((each) => each.source === source && each.answer !== undefined).length;
    const answer = servers[source]?.answer(range, { open: served, nowMs: clock.nowMs });
    const asked = scheduler.asked(id);
    if (answer === undefined || asked === undefined) {
      open.delete(id);
      return dispatch({ type: "lost", connection: id, reason: "no connection" });
    }
    if (answer.head.status >= 400) refusals++;
    const facts = { isRedirected: false, refusesPages: false, isCompressedFile: false };
    const verdict = checkResponse({ ...asked, ...facts }, answer.head, clock.nowMs);
    if (isUseful(verdict)) connection.answer = answer;
    if (verdict.kind === "redirect" || verdict.kind === "expired") throw new TypeError(verdict.kind);
    dispatch({ type: "response", connection: id, verdict });
    pump();
  };
  const pump = () => {
    if (isPumping || ![...open.values()].some(({ answer }) => answer !== undefined)) return;
    isPumping = true;
    clock.at(clock.nowMs + STEP_MS, () => {
      isPumping = false;
      servers.forEach(({ options: { totalBytesPerMs = Infinity } }, source) => {
        const flowing = [...open.values()].filter((each) =>
          each.source === source && each.answer !== undefined
        );
        const shares = fairShares(totalBytesPerMs, flowing.map(({ answer }) => answer?.bytesPerMs ?? 0));
        flowing.forEach((connection, index) => deliver(connection, (shares[index] ?? 0) * STEP_MS));
      });
      pump();
    });
  };
  const deliver = (connection: Connection, bytes: number) => {
    const { id, answer, delivered } = connection;
    const place = scheduler.place(id);
    if (answer === undefined || place === undefined) return;
    const { from, to, stallsAt, version, lossPerMs } = answer;
    const isLost = lossPerMs > 0 && random() < lossPerMs * STEP_MS;
    const left = Math.min(to, stallsAt) - from - delivered;
    const count = Math.max(0, Math.min(Math.floor(bytes * (isLost ? random() : 1)), place.room, left));
    if (count > 0) {
      const shift = from + delivered - place.at;
      written.push({ from: place.at, to: place.at + count, shift, version });
      connection.delivered += count;
      fetched += count;
      dispatch({ type: "bytes", connection: id, count });
    }
    if (isLost || count === place.room || from + connection.delivered >= to) {
      open.delete(id);
      dispatch(isLost ? { type: "lost", connection: id, reason: "reset" } : { type: "end", connection: id });
    }
  };

  for (const { atMs, wish } of options.wishes ?? []) clock.at(atMs, () => dispatch({ type: "wish", wish }));
  clock.at(0, () => dispatch({ type: "start", kept: options.kept }));
  while (!scheduler.ended && clock.nowMs < limitMs && clock.step());
  const { state } = scheduler;
  return {
    state,
    elapsedMs: clock.nowMs,
    fetched,
    requests,
    mostConnections,
    refusals,
    restarts,
    problems: scheduler.sourceProblems.map(({ reason }) => reason),
    flaw: state.kind === "done" ? flawOf(written, state.size) : undefined,
  };
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
