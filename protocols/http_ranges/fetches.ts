import { ConnectionProblem } from "../../net/connection_problem.ts";
import { RateShare } from "../../net/rate_share.ts";
import { explain } from "./download_problem.ts";
import type { DownloadStorage } from "./download_storage.ts";
import { receiveBody, type ReceiveOptions, type Receiving } from "./receive_body.ts";
import type { RemoteSource, SourceAnswer } from "./remote_source.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SchedulerAction, SchedulerEvent } from "./scheduler_state.ts";

/** What a connection reads into before it is written: as fast as it gets, and all the memory that it takes. */
const BUFFER_BYTES = 2 * 1024 * 1024;

/** A request under way. */
interface Fetch {
  readonly abort: AbortController;
  /** Settles when nothing is written any more. */
  readonly ended: Promise<void>;
  receiving: Receiving | undefined;
}

/** What {@linkcode Fetches} works with. */
export interface FetchesOptions {
  readonly sources: readonly RemoteSource[];
  readonly scheduler: Pick<Scheduler, "condition" | "asked" | "place" | "complete">;
  readonly storage: Pick<DownloadStorage, "openWriter" | "written">;
  /** Most bytes a second, over all of them. Default: no limit. */
  readonly maxRate: number | undefined;
  /** Told of an answer before anything follows from it. */
  readonly onAnswer: (answer: SourceAnswer) => void;
  /** Told what happens to a request, and how it ended. */
  readonly dispatch: (event: SchedulerEvent) => void;
}

/** The requests of a download: carries each out, and brings what comes to the disk. */
export class Fetches implements Disposable {
  readonly #options: FetchesOptions;
  readonly #rate: RateShare | undefined;
  readonly #fetches = new Map<number, Fetch>();
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];

  constructor(options: FetchesOptions) {
    this.#options = options;
    this.#rate = options.maxRate === undefined ? undefined : new RateShare(options.maxRate);
  }

  /** Begins one. */
  request(action: Extract<SchedulerAction, { type: "request" }>): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const fetch: Fetch = { abort: new AbortController(), ended: promise, receiving: undefined };
    this.#fetches.set(action.connection, fetch);
    void this.#fetch(action, fetch).then((event) => {
      this.#fetches.delete(action.connection);
      resolve();
      if (event !== undefined) this.#options.dispatch(event);
    });
  }

  /** A connection is to stop at this offset. */
  shorten(connection: number, to: number): void {
    this.#fetches.get(connection)?.receiving?.shorten(to);
  }

  /** Ends one, of which nothing more is told. */
  cut(connection: number): void {
    const fetch = this.#fetches.get(connection);
    fetch?.receiving?.cut();
    fetch?.abort.abort();
  }

  /** Settles when all that write now have ended; with `asking`, also those that wait for an answer. */
  async settled({ asking = false } = {}): Promise<void> {
    const fetches = [...this.#fetches.values()].filter(({ receiving }) => asking || receiving !== undefined);
    await Promise.all(fetches.map(({ ended }) => ended));
  }

  [Symbol.dispose](): void {
    this.#rate?.[Symbol.dispose]();
  }

  /** Carries out one request. @returns How it ended. */
  async #fetch(
    { connection, source, from, to }: Extract<SchedulerAction, { type: "request" }>,
    fetch: Fetch,
  ): Promise<SchedulerEvent | undefined> {
    const { sources, scheduler, onAnswer, dispatch } = this.#options;
    try {
      const answer = await sources[source]?.ask({
        range: to === undefined ? undefined : { from, to },
        condition: scheduler.condition(connection),
        asked: () => scheduler.asked(connection),
        signal: fetch.abort.signal,
      });
      if (answer === undefined) return undefined;
      const { response, verdict } = answer;
      onAnswer(answer);
      const isUseful = verdict.kind === "ranged" || verdict.kind === "whole";
      if (!isUseful) response.close();
      dispatch({ type: "response", connection, verdict });
      return isUseful ? await this.#receive(answer, { connection, fetch }) : undefined;
    } catch (problem) {
      const isFinal = problem instanceof TypeError ||
        (problem instanceof ConnectionProblem && problem.isFinal);
      return { type: "lost", connection, reason: explain(problem), isFinal };
    }
  }

  async #receive(
    { response }: SourceAnswer,
    { connection, fetch }: { readonly connection: number; readonly fetch: Fetch },
  ): Promise<SchedulerEvent | undefined> {
    const { scheduler, storage, dispatch } = this.#options;
    let writer;
    try {
      writer = await storage.openWriter();
    } catch (problem) {
      response.close();
      return { type: "broken", reason: explain(problem) };
    }
    const place = scheduler.place(connection);
    const buffer = this.#buffers.pop() ?? new Uint8Array(BUFFER_BYTES);
    try {
      if (place === undefined) {
        response.close();
        return undefined;
      }
      const { write } = writer;
      fetch.receiving = receiveBody(response, {
        buffer,
        from: place.at,
        to: place.room === Infinity ? undefined : place.at + place.room,
        write,
        onWritten: (count) => {
          dispatch({ type: "bytes", connection, count });
          storage.written(scheduler.complete, performance.now());
        },
        ...this.#rateOf(fetch),
      });
      const received = await fetch.receiving.ended;
      if (received.kind === "end") return { type: "end", connection };
      if (received.kind === "unwritable") return { type: "broken", reason: explain(received.problem) };
      return { type: "lost", connection, reason: explain(received.problem) };
    } finally {
      writer.close();
      this.#buffers.push(buffer);
    }
  }

  /** What keeps the reading of a body to the rate, which all of them share. */
  #rateOf({ abort: { signal } }: Fetch): Pick<ReceiveOptions, "allow" | "onArrived"> {
    const rate = this.#rate;
    if (rate === undefined) return {};
    let taken = 0;
    return {
      allow: async (wanted) => taken = await rate.take(wanted, signal),
      onArrived: (count) => rate.giveBack(taken - count),
    };
  }
}
