import { ConnectionProblem } from "../../net/connection_problem.ts";
import { RateShare } from "../../net/rate_share.ts";
import { realDisk } from "../../store/disk.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";
import { DownloadStorage } from "./download_storage.ts";
import { fileName } from "./file_name.ts";
import { HttpClient } from "./http_client.ts";
import { proxyFor } from "./proxies.ts";
import { receiveBody, type ReceiveOptions, type Receiving } from "./receive_body.ts";
import { RemoteSource, type SourceAnswer } from "./remote_source.ts";
import type { DownloadOptions, DownloadState, RunningDownload } from "./running_download.ts";
import { Scheduler } from "./scheduler.ts";
import { GROWTH } from "./ramp.ts";
import type { ConnectionView, KeptDownload, SchedulerAction, SchedulerEvent } from "./scheduler_state.ts";

/** What a connection reads into before it is written: as fast as it gets, and all the memory that it takes. */
const BUFFER_BYTES = 2 * 1024 * 1024;

/** Starts a download; it runs until `ended`. */
export function startDownload(options: DownloadOptions): RunningDownload {
  return new Download(options);
}

/** A request under way. */
interface Fetch {
  readonly abort: AbortController;
  /** Settles when nothing is written any more. */
  readonly ended: Promise<void>;
  receiving: Receiving | undefined;
}

/** The shell of one download: carries what happens to its scheduler, and does what that answers. */
class Download implements RunningDownload {
  readonly ended: Promise<void>;
  readonly #options: DownloadOptions;
  readonly #scheduler: Scheduler;
  readonly #client: HttpClient;
  readonly #sources: readonly RemoteSource[];
  readonly #storage: DownloadStorage;
  readonly #rate: RateShare | undefined;
  readonly #fetches = new Map<number, Fetch>();
  readonly #buffers: Uint8Array<ArrayBuffer>[] = [];
  readonly #startedMs = performance.now();
  readonly #end = Promise.withResolvers<void>();
  /** Settles once it is known what an earlier run has left. */
  readonly #found: Promise<KeptDownload | undefined>;
  #state: DownloadState = { kind: "probing" };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #keptBytes = 0;
  #isKept = false;
  #name: string | undefined;
  #deletesPart = false;
  /** Whether the scheduler has had its last event, and only the file is to be dealt with. */
  #isEnding = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.ended = this.#end.promise;
    this.#client = new HttpClient({
      timeoutMs: options.timeoutMs,
      spares: Math.min(options.threads - 1, options.perHost - 1, GROWTH),
      caCerts: options.trust?.caCerts,
      insecure: options.insecure,
      admitAddress: options.admitAddress,
      proxyFor: (url) => proxyFor(url, { proxy: options.proxy, env: (name) => Deno.env.get(name) }),
    });
    this.#sources = sourcesOf(options, this.#client);
    this.#scheduler = new Scheduler({
      ...options,
      sources: this.#sources.map(({ url }) => ({ host: url.host })),
      answerMs: options.timeoutMs,
      isVerified: options.sha256 !== undefined,
      random: Math.random,
    });
    this.#rate = options.maxRate === undefined ? undefined : new RateShare(options.maxRate);
    this.#storage = new DownloadStorage({
      ...options,
      disk: realDisk(),
      url: this.url,
      name: options.name,
      onPublished: async ({ path, fileSize, sha256 }) => {
        await options.onPublished?.({ path, bytes: fileSize, sha256 });
      },
      onFailure: (problem) => this.#dispatch({ type: "broken", reason: explain(problem) }),
    });
    this.#found = this.#find();
    void this.#found.then((kept) => this.#start(kept)).catch((problem: unknown) => {
      this.#conclude(() => this.#leave(failure(explain(problem))));
    });
  }

  get state(): DownloadState {
    return this.#state;
  }

  get url(): string {
    return this.#sources[0]?.url.href ?? "";
  }

  get name(): string | undefined {
    return this.#storage.name ?? this.#name;
  }

  get size(): number | undefined {
    return this.#scheduler.size;
  }

  get received(): number {
    return this.#scheduler.received;
  }

  get connections(): readonly ConnectionView[] {
    return this.#scheduler.connections(performance.now());
  }

  get finished(): readonly ByteRange[] {
    return this.#scheduler.finished;
  }

  get problems(): readonly { readonly source: number; readonly reason: string }[] {
    return this.#scheduler.sourceProblems;
  }

  get note(): string | undefined {
    const nowMs = performance.now();
    const waiting = this.#scheduler.waiting(nowMs);
    if (waiting === undefined) return undefined;
    return `${waiting.reason}; next try in ${Math.ceil((waiting.untilMs - nowMs) / 1000)} s`;
  }

  pause(): void {
    this.#dispatch({ type: "wish", wish: "pause" });
  }

  resume(): void {
    this.#dispatch({ type: "wish", wish: "run" });
  }

  cancel(deletePart: boolean): void {
    this.#deletesPart = deletePart;
    this.#dispatch({ type: "wish", wish: "cancel" });
  }

  async #find(): Promise<KeptDownload | undefined> {
    const { resume, directory } = this.#options;
    await Deno.mkdir(directory, { recursive: true });
    const found = await this.#storage.find({ resume });
    if (found.kind === "busy") throw new Error(`Another download of this URL is at work on ${found.path}`);
    if (found.kind === "published") {
      const { path, fileSize: bytes, sha256 } = found.published;
      const seconds = this.#seconds();
      this.#conclude(() => Promise.resolve({ kind: "done", path, bytes, fetchedBytes: 0, seconds, sha256 }));
    }
    return found.kind === "kept" ? found.kept : undefined;
  }

  #start(kept: KeptDownload | undefined): void {
    this.#isKept = kept !== undefined;
    this.#dispatch({ type: "start", kept });
    this.#keptBytes = this.#isKept ? this.received : 0;
  }

  #dispatch(event: SchedulerEvent): void {
    if (this.#isEnding) return;
    for (const action of this.#scheduler.handle(event, performance.now())) this.#perform(action);
    this.#follow();
    clearTimeout(this.#timer);
    const { wakeAtMs } = this.#scheduler;
    if (wakeAtMs !== undefined && !this.#isEnding) {
      const delayMs = Math.max(0, wakeAtMs - performance.now());
      this.#timer = setTimeout(() => this.#dispatch({ type: "tick" }), delayMs);
    }
    this.#options.onChange?.(this);
  }

  #perform(action: SchedulerAction): void {
    switch (action.type) {
      case "request":
        this.#request(action);
        return;
      case "shorten":
        this.#fetches.get(action.connection)?.receiving?.shorten(action.to);
        return;
      case "cut": {
        const fetch = this.#fetches.get(action.connection);
        fetch?.receiving?.cut();
        fetch?.abort.abort();
        return;
      }
      case "identified":
        if (!this.#isKept) this.#begin(action);
        return;
      case "restart":
        this.#isKept = false;
        this.#keptBytes = 0;
        return;
      case "done":
        this.#state = { kind: "verifying" };
        return this.#conclude(() => this.#complete(action.size));
      case "failed":
        return this.#conclude(() => this.#leave(failure(action.reason)));
    }
  }

  /** What of the scheduler's state is this download's. */
  #follow(): void {
    const { kind } = this.#scheduler.state;
    if (kind === "probing") this.#state = { kind };
    else if (kind === "ranged" || kind === "single") this.#state = { kind: "loading" };
    else if (kind === "paused" && this.#state.kind !== "paused") {
      this.#state = { kind };
      void this.#settled().then(() => this.#storage.sync()).catch((problem: unknown) => {
        this.#dispatch({ type: "broken", reason: explain(problem) });
      });
    } else if (kind === "cancelled") this.#conclude(() => this.#leave({ kind, kept: !this.#deletesPart }));
  }

  #begin({ size, validators }: Extract<SchedulerAction, { type: "identified" }>): void {
    const name = this.#name ?? this.#options.name ?? "download";
    this.#storage.begin({ name, size, validators, before: this.#settled() });
  }

  /** Settles when all that write now have ended; with `asking`, also those that wait for an answer. */
  async #settled({ asking = false } = {}): Promise<void> {
    const fetches = [...this.#fetches.values()].filter(({ receiving }) => asking || receiving !== undefined);
    await Promise.all(fetches.map(({ ended }) => ended));
  }

  #request(action: Extract<SchedulerAction, { type: "request" }>): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const fetch: Fetch = { abort: new AbortController(), ended: promise, receiving: undefined };
    this.#fetches.set(action.connection, fetch);
    void this.#fetch(action, fetch).then((event) => {
      this.#fetches.delete(action.connection);
      resolve();
      if (event !== undefined) this.#dispatch(event);
    });
  }

  /** Carries out one request. @returns How it ended. */
  async #fetch(
    { connection, source, from, to }: Extract<SchedulerAction, { type: "request" }>,
    fetch: Fetch,
  ): Promise<SchedulerEvent | undefined> {
    try {
      const answer = await this.#sources[source]?.ask({
        range: to === undefined ? undefined : { from, to },
        condition: this.#scheduler.condition(connection),
        asked: () => this.#scheduler.asked(connection),
        signal: fetch.abort.signal,
      });
      if (answer === undefined) return undefined;
      const { response, verdict } = answer;
      this.#nameBy(answer);
      const isUseful = verdict.kind === "ranged" || verdict.kind === "whole";
      if (!isUseful) response.close();
      this.#dispatch({ type: "response", connection, verdict });
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
    let writer;
    try {
      writer = await this.#storage.openWriter();
    } catch (problem) {
      response.close();
      return { type: "broken", reason: explain(problem) };
    }
    const place = this.#scheduler.place(connection);
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
          this.#dispatch({ type: "bytes", connection, count });
          this.#storage.written(this.#scheduler.complete, performance.now());
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

  #nameBy({ response, url }: SourceAnswer): void {
    const contentDisposition = response.headers.get("content-disposition");
    this.#name ??= this.#options.name ?? fileName({ url: this.url, finalUrl: url.href, contentDisposition });
  }

  /** Ends the download as `task` says; whatever comes after the first has no effect. */
  #conclude(task: () => Promise<DownloadState>): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearTimeout(this.#timer);
    void task().then((state) => {
      this.#client[Symbol.dispose]();
      this.#rate?.[Symbol.dispose]();
      this.#state = state;
      this.#options.onChange?.(this);
      this.#end.resolve();
    });
  }

  async #complete(size: number): Promise<DownloadState> {
    try {
      await this.#settled({ asking: true });
      await this.#storage.sync();
      const sha256 = await this.#storage.sha256(size);
      const { sha256: wanted, overwrite } = this.#options;
      if (wanted !== undefined && wanted !== sha256) {
        await this.#storage.close({ deletes: true });
        return failure(`The file is not what was asked for: its SHA-256 is ${sha256}, not ${wanted}`, true);
      }
      const { path } = await this.#storage.publish({ size, sha256, overwrite });
      const fetchedBytes = size - this.#keptBytes;
      return { kind: "done", path, bytes: size, fetchedBytes, seconds: this.#seconds(), sha256 };
    } catch (problem) {
      await this.#storage.close({ deletes: false }).catch(() => {});
      return failure(explain(problem));
    }
  }

  /** Ends without the file. */
  async #leave(state: DownloadState): Promise<DownloadState> {
    await this.#settled({ asking: true });
    await this.#found.catch(() => {});
    try {
      await this.#storage.close({ deletes: this.#deletesPart });
      return state;
    } catch (problem) {
      // What could not be synced is fetched again by the next run; why there is one counts more.
      return state.kind === "failed" ? state : failure(explain(problem));
    }
  }

  #seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }
}

function sourcesOf(options: DownloadOptions, client: HttpClient): readonly RemoteSource[] {
  const [first, ...mirrors] = options.sources.map((source) => new URL(source));
  if (first === undefined) throw new TypeError("A download needs a URL");
  return [first, ...mirrors].map((url) => {
    // What is meant for one server is no other's business.
    const isOwn = url.origin === first.origin;
    return new RemoteSource({
      client,
      url,
      credentials: isOwn ? options.user : undefined,
      headers: isOwn ? options.headers : [],
      allowsDowngrade: options.allowsDowngrade ?? false,
      isVerified: options.sha256 !== undefined,
    });
  });
}

function failure(reason: string, isCorrupt = false): DownloadState {
  return { kind: "failed", reason, isCorrupt };
}

function explain(problem: unknown): string {
  if (problem instanceof Error && "code" in problem && problem.code === "ENOSPC") {
    return "The disk is full";
  }
  return problem instanceof Error ? problem.message : String(problem);
}
