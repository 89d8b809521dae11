import { toFileUrl } from "@std/path";
import { type CommandAction, CommandSession, type GivenUrl, type UrlVerdict } from "./command_session.ts";
import { fetchedLine, loadingLine, waitingLine } from "./command_texts.ts";
import { type QueueItem, shownState } from "./queue_item.ts";
import type { CheckUrl } from "./queue_runner.ts";
import type { QueueService } from "./queue_service.ts";
import { Slots } from "./slots.ts";

/** URLs of one client that are looked at at a time. */
const CHECKS_AT_ONCE = 8;
/** Messages of one client, or answers to it, that wait; beyond, it is no longer read. */
const MOST_WAITING = 64;

/** What the commands of clients act upon. */
export interface TextCommandsOptions {
  readonly service: QueueService;
  readonly check: CheckUrl;
  /** Sends an answer; settles when the client has taken it or is gone. */
  readonly send: (text: string) => Promise<void>;
}

/** The text commands of one client. */
export class TextCommands {
  readonly #options: TextCommandsOptions;
  readonly #session: CommandSession;
  readonly #slots = new Slots(CHECKS_AT_ONCE);
  readonly #gone = new AbortController();
  /** Items that this client has sent and that were not over when it was last looked. */
  #batch = new Set<number>();
  #output: Promise<void> = Promise.resolve();
  #outputs = 0;
  /** Called when there is less to wait for. */
  #wake = () => {};

  constructor(options: TextCommandsOptions) {
    this.#options = options;
    this.#session = new CommandSession(() => this.#isBatchLoading());
  }

  /** Takes a message. Settles when the next one may come, which is before all of it is done. */
  async message(text: string): Promise<void> {
    this.#obey(this.#session.receive(text));
    while (!this.#gone.signal.aborted && this.#session.backlog + this.#outputs >= MOST_WAITING) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** The client is gone: what it recorded and did not send is forgotten. */
  close(): void {
    this.#gone.abort();
    this.#wake();
  }

  #obey(actions: readonly CommandAction[]): void {
    for (const action of actions) {
      if (action.type === "check") void this.#check(action.check, action.given);
      else this.#inOrder(() => this.#carryOut(action));
    }
    this.#wake();
  }

  #inOrder(task: () => Promise<void>): void {
    this.#outputs++;
    this.#output = this.#output.then(async () => {
      if (!this.#gone.signal.aborted) await task();
      this.#outputs--;
      this.#wake();
    });
  }

  async #check(check: number, { key }: GivenUrl): Promise<void> {
    const { signal } = this.#gone;
    const verdict = await this.#slots.use<UrlVerdict>(async () => {
      if (signal.aborted) return { kind: "unreachable", reason: "The client is gone" };
      return await this.#found(key) ?? await this.#options.check(key, signal);
    });
    if (!signal.aborted) this.#obey(this.#session.checked(check, verdict));
  }

  async #found(key: string): Promise<UrlVerdict | undefined> {
    const { service } = this.#options;
    const item = service.find(key);
    if (item === undefined) return undefined;
    const path = await service.fileOf(item);
    return path === undefined ? undefined : { kind: "there", fileUrl: toFileUrl(path).href };
  }

  async #carryOut(action: Exclude<CommandAction, { type: "check" }>): Promise<void> {
    switch (action.type) {
      case "answer":
        return await this.#options.send(action.text);
      case "list":
        for (const line of this.#lines(action.list)) {
          if (this.#gone.signal.aborted) return;
          await this.#options.send(line);
        }
        return;
      case "send":
        this.#obey(this.#session.sent(await this.#send(action.urls)));
    }
  }

  /** @returns How many URLs are in the queue now. */
  async #send(urls: readonly GivenUrl[]): Promise<number> {
    const requests = urls.map((given) => ({
      ...given,
      name: undefined,
      sha256: undefined,
      isChecked: true,
    }));
    try {
      const items = await this.#options.service.add(requests);
      this.#batch = new Set(items.flatMap((item) => item?.id ?? []));
      return this.#batch.size;
    } catch {
      return 0; // Told to the log by the service.
    }
  }

  #isBatchLoading(): boolean {
    const { service } = this.#options;
    return [...this.#batch].some((id) => {
      const item = service.get(id);
      if (item === undefined) return false;
      // What somebody else has paused may stay so: this client can't resume it.
      const state = shownState(item);
      return state === "queued" || state === "active";
    });
  }

  *#lines(list: "queue" | "loading" | "download"): Generator<string> {
    const { service } = this.#options;
    if (list === "queue") { for (const item of [...service.waiting]) yield waitingLine(item.request.url); }
    else if (list === "loading") { for (const item of service.active) yield this.#loading(item); }
    else for (const item of service.over.toReversed()) yield* fetched(item);
  }

  #loading(item: QueueItem): string {
    const { url, bytes, received, threads } = this.#options.service.view(item);
    const percent = bytes === null || bytes === 0 ? 0 : received / bytes * 100;
    return loadingLine({ url, bytes: bytes ?? 0, threads, percent });
  }
}

function* fetched({ request: { url }, state, headway }: QueueItem): Generator<string> {
  if (state.kind !== "done") return;
  yield fetchedLine({ url, bytes: headway.received, fileUrl: toFileUrl(state.path).href });
}
