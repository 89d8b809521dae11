import { makeNamedDirectory } from "../../store/directory.ts";
import { realDisk } from "../../store/disk.ts";
import type { ByteRange } from "../../store/byte_ranges.ts";
import { explain } from "./download_problem.ts";
import { DownloadStorage } from "./download_storage.ts";
import { Fetches } from "./fetches.ts";
import { fileName } from "./file_name.ts";
import { HttpClient } from "./http_client.ts";
import { proxyFor } from "./proxies.ts";
import { RemoteSource, type SourceAnswer } from "./remote_source.ts";
import type { DownloadOptions, DownloadState, RunningDownload } from "./running_download.ts";
import { Scheduler } from "./scheduler.ts";
import { GROWTH } from "./ramp.ts";
import type { ConnectionView, KeptDownload, SchedulerAction, SchedulerEvent } from "./scheduler_state.ts";

/** Starts a download; it runs until `ended`. */
export function startDownload(options: DownloadOptions): RunningDownload {
  return new Download(options);
}

/** The shell of one download: carries what happens to its scheduler, and does what that answers. */
class Download implements RunningDownload {
  readonly ended: Promise<void>;
  readonly #options: DownloadOptions;
  readonly #scheduler: Scheduler;
  readonly #client: HttpClient;
  readonly #sources: readonly RemoteSource[];
  readonly #storage: DownloadStorage;
  readonly #fetches: Fetches;
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
    this.#fetches = new Fetches({
      sources: this.#sources,
      scheduler: this.#scheduler,
      storage: this.#storage,
      maxRate: options.maxRate,
      onAnswer: (answer) => this.#nameBy(answer),
      dispatch: (event) => this.#dispatch(event),
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
    return `${waiting.reason}; next try in ${Math.ceil((waiting.untilMs - nowMs) / 1000)}s`;
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
    await makeNamedDirectory(directory);
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
        return this.#fetches.request(action);
      case "shorten":
        return this.#fetches.shorten(action.connection, action.to);
      case "cut":
        return this.#fetches.cut(action.connection);
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
      void this.#fetches.settled().then(() => this.#storage.sync()).catch((problem: unknown) => {
        this.#dispatch({ type: "broken", reason: explain(problem) });
      });
    } else if (kind === "cancelled") this.#conclude(() => this.#leave({ kind, kept: !this.#deletesPart }));
  }

  #begin({ size, validators }: Extract<SchedulerAction, { type: "identified" }>): void {
    const name = this.#name ?? this.#options.name ?? "download";
    this.#storage.begin({ name, size, validators, before: this.#fetches.settled() });
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
      this.#fetches[Symbol.dispose]();
      this.#state = state;
      this.#options.onChange?.(this);
      this.#end.resolve();
    });
  }

  async #complete(size: number): Promise<DownloadState> {
    try {
      await this.#fetches.settled({ asking: true });
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
    await this.#fetches.settled({ asking: true });
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
