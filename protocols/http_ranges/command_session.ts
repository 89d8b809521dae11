import {
  alreadyThere,
  HELP,
  NO_URL,
  NOTHING_TO_SEND,
  SENT,
  STILL_LOADING,
  UNKNOWN_COMMAND,
  UNREACHABLE,
  WEB_PAGE,
} from "./command_texts.ts";
import { parseDownloadUrl } from "./download_url.ts";

/** What is known of a URL after it was looked at. */
export type UrlVerdict =
  | { readonly kind: "file" }
  /** It does not lead to a file: nobody answers, or with an error, or it may not be fetched from here. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** A page for people (HTML). */
  | { readonly kind: "page" }
  /** It was fetched before. */
  | { readonly kind: "there"; readonly fileUrl: string };

/** A URL that a client gave. */
export interface GivenUrl {
  readonly url: string;
  /** In its normal form. */
  readonly key: string;
}

/** What the shell has to do, in order. */
export type CommandAction =
  | { readonly type: "answer"; readonly text: string }
  | { readonly type: "list"; readonly list: "queue" | "loading" | "download" }
  /** Look at a URL and tell `checked`. May be done beside everything else. */
  | { readonly type: "check"; readonly check: number; readonly given: GivenUrl }
  /** Put URLs into the queue and tell `sent`. */
  | { readonly type: "send"; readonly urls: readonly GivenUrl[] };

/** A message that was not worked off yet. */
type Waiting =
  | { readonly kind: "command"; readonly text: string }
  | { readonly kind: "url"; readonly given: GivenUrl; verdict: UrlVerdict | undefined };

/** What the client is doing. */
type State =
  | { readonly kind: "idle" }
  | { readonly kind: "recording"; readonly urls: Map<string, GivenUrl>; characters: number }
  /** Its URLs are on their way into the queue. */
  | { readonly kind: "sending" };

const COMMANDS: ReadonlySet<string> = new Set([
  "help_command",
  "start",
  "end",
  "queue",
  "loading",
  "download",
]);
/** Most that one client may record before it says `end`. */
const MOST_URLS = 10_000;
const MOST_CHARACTERS = 1024 * 1024;

/**
 * The text commands of one client. A core without I/O: it is told what came and how checks went, and
 * answers with what to do.
 *
 * Answers come in the order of the messages, as most of them name no URL; checks run beside each other.
 */
export class CommandSession {
  readonly #isBatchLoading: () => boolean;
  readonly #waiting: Waiting[] = [];
  readonly #checks = new Map<number, Extract<Waiting, { kind: "url" }>>();
  #state: State = { kind: "idle" };
  /** Whether the client records once all that waits is worked off: then a URL is checked as it comes. */
  #willRecord = false;
  #lastCheck = 0;

  /** @param isBatchLoading Whether something that this client sent is still waiting or being fetched. */
  constructor(isBatchLoading: () => boolean) {
    this.#isBatchLoading = isBatchLoading;
  }

  /** Messages that were not worked off yet. */
  get backlog(): number {
    return this.#waiting.length;
  }

  /** A message of the client. */
  receive(message: string): CommandAction[] {
    const text = message.trim();
    if (text === "start") this.#willRecord = true;
    else if (text === "end") this.#willRecord = false;
    const key = this.#willRecord ? parseDownloadUrl(text) : undefined;
    if (key === undefined) {
      // Of one that is none nothing is kept: it may be as long as a message can be.
      this.#waiting.push({ kind: "command", text: COMMANDS.has(text) ? text : "" });
      return this.#workOff();
    }
    const waiting: Waiting = { kind: "url", given: { url: text, key }, verdict: undefined };
    const check = ++this.#lastCheck;
    this.#checks.set(check, waiting);
    this.#waiting.push(waiting);
    return [{ type: "check", check, given: waiting.given }];
  }

  /** A check has come to its end. */
  checked(check: number, verdict: UrlVerdict): CommandAction[] {
    const waiting = this.#checks.get(check);
    if (waiting === undefined) return [];
    this.#checks.delete(check);
    waiting.verdict = verdict;
    return this.#workOff();
  }

  /** URLs went into the queue: so many of them, as far as there was room. */
  sent(count: number): CommandAction[] {
    this.#state = { kind: "idle" };
    return [{ type: "answer", text: count === 0 ? NOTHING_TO_SEND : SENT }, ...this.#workOff()];
  }

  #workOff(): CommandAction[] {
    const actions: CommandAction[] = [];
    while (this.#state.kind !== "sending") {
      const [next] = this.#waiting;
      if (next === undefined || (next.kind === "url" && next.verdict === undefined)) break;
      this.#waiting.shift();
      actions.push(...next.kind === "url" ? this.#record(next) : this.#command(next.text));
    }
    return actions;
  }

  #record({ given, verdict }: Extract<Waiting, { kind: "url" }>): CommandAction[] {
    // The `start` before it was refused.
    if (this.#state.kind !== "recording") return [answer(UNKNOWN_COMMAND)];
    switch (verdict?.kind) {
      case "page":
        return [answer(WEB_PAGE)];
      case "there":
        return [answer(alreadyThere(verdict.fileUrl))];
      case "file":
        if (this.#state.urls.has(given.key)) return [];
        if (this.#state.urls.size >= MOST_URLS || this.#state.characters > MOST_CHARACTERS) {
          return [answer(UNREACHABLE)];
        }
        this.#state.urls.set(given.key, given);
        this.#state.characters += given.url.length;
        return [];
      default:
        return [answer(UNREACHABLE)];
    }
  }

  #command(text: string): CommandAction[] {
    switch (text) {
      case "help_command":
        return HELP.map(answer);
      case "queue":
      case "loading":
      case "download":
        return [{ type: "list", list: text }];
      case "start":
        if (this.#state.kind === "recording") return [];
        if (this.#isBatchLoading()) return [answer(STILL_LOADING)];
        this.#state = { kind: "recording", urls: new Map(), characters: 0 };
        return [];
      case "end":
        return this.#end();
      default:
        return [answer(this.#state.kind === "recording" ? NO_URL : UNKNOWN_COMMAND)];
    }
  }

  #end(): CommandAction[] {
    const urls = this.#state.kind === "recording" ? [...this.#state.urls.values()] : [];
    if (urls.length > 0) {
      this.#state = { kind: "sending" };
      return [{ type: "send", urls }];
    }
    this.#state = { kind: "idle" };
    return [answer(NOTHING_TO_SEND)];
  }
}

function answer(text: string): CommandAction {
  return { type: "answer", text };
}
