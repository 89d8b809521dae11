import { z } from "zod";
import { backoffMs } from "../../net/backoff.ts";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { StreamEvent } from "./event_reader.ts";
import { type TrackerClient, TrackerRefusal } from "./tracker_client.ts";

/** A message as the tracker tells it. */
export const trackedMessage = z.object({
  id: z.int(),
  channel: z.string().optional(),
  from: z.string(),
  to: z.string().optional(),
  message: z.string(),
  ts: z.number(),
  msg_id: z.string().optional(),
});
export type TrackedMessage = z.infer<typeof trackedMessage>;

const ready = z.object({ last_id: z.int() });
const member = z.object({ channel: z.string(), peer_id: z.string(), joined: z.boolean() });
const presence = z.object({ peer_id: z.string(), online: z.boolean() });

/** Options of {@linkcode TrackerFeed}. */
export interface TrackerFeedOptions {
  readonly tracker: TrackerClient;
  /** Whose direct messages are told, too. */
  readonly peer: string;
  /** What to follow, asked with each connection. */
  readonly channels: () => readonly string[];
  /** Called before each connection. */
  readonly onConnecting: () => Promise<void>;
  /** What comes after `position` will be told; called with each connection, and waited for. */
  readonly onReady: (position: number) => Promise<void>;
  readonly onMessage: (message: TrackedMessage) => void;
  readonly onMember: (change: z.infer<typeof member>) => void;
  readonly onPresence: (peer: string) => void;
  readonly onGap: () => void;
  readonly onConnected: (connected: boolean, reason?: string) => void;
}

const RETRY = { baseMs: 500, capMs: 15_000, random: Math.random };

/** Follows a tracker's events, and goes on where it was when the connection is lost: nothing comes twice. */
export class TrackerFeed implements AsyncDisposable {
  /** Settles when it was disposed of. @throws {Error} The tracker does not want us, or can't be trusted. */
  readonly over: Promise<void>;
  readonly #options: TrackerFeedOptions;
  readonly #stop = new AbortController();
  #round = new AbortController();
  /** The last id that was told, once it is known. */
  #position: number | undefined;
  #attempt = 0;
  #isConnected = true;

  constructor(options: TrackerFeedOptions) {
    this.#options = options;
    this.over = this.#run();
    // Who waits for it sees it; nobody has to.
    this.over.catch(() => {});
  }

  /** Connects anew, as the channels are others. */
  restart(): void {
    this.#round.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.over.catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#round = new AbortController();
      const round = this.#round.signal;
      try {
        await this.#follow(AbortSignal.any([signal, round]));
        if (round.aborted) continue;
        this.#lost("The tracker closed the connection");
      } catch (error) {
        if (signal.aborted) return;
        if (round.aborted) continue;
        if (isRefused(error) || this.#isHopeless(error)) throw error;
        this.#lost(error instanceof Error ? error.message : String(error));
      }
      await this.#pause(AbortSignal.any([signal, round]));
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { tracker, peer, channels, onConnecting } = this.#options;
    await onConnecting();
    const since = this.#position;
    for await (const event of tracker.events({ channels: channels(), peer, since, signal })) {
      if (signal.aborted) return;
      await this.#take(event);
    }
  }

  async #take({ name, id, data }: StreamEvent): Promise<void> {
    const { onReady, onMessage, onMember, onPresence, onGap } = this.#options;
    const value: unknown = JSON.parse(data);
    switch (name) {
      case "ready":
        this.#attempt = 0;
        this.#position ??= ready.parse(value).last_id;
        if (!this.#isConnected) this.#options.onConnected(true);
        this.#isConnected = true;
        return await onReady(this.#position);
      case "message":
      case "direct":
        onMessage(trackedMessage.parse(value));
        this.#position = Number(id);
        return;
      case "member":
        return onMember(member.parse(value));
      case "presence":
        return onPresence(presence.parse(value).peer_id);
      case "gap":
        return onGap();
    }
  }

  /** A certificate that nobody trusts, say. Where it worked before it may again. */
  #isHopeless(error: unknown): boolean {
    return this.#position === undefined && error instanceof ConnectionProblem && error.isFinal;
  }

  #lost(reason: string): void {
    if (this.#isConnected) this.#options.onConnected(false, reason);
    this.#isConnected = false;
  }

  async #pause(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, backoffMs(this.#attempt++, RETRY));
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      }, { once: true });
    });
  }
}

/** Whether it gets no better by trying again: the name is another's, the login is wrong. */
function isRefused(error: unknown): boolean {
  return error instanceof TrackerRefusal && error.status < 500 && error.status !== 408 &&
    error.status !== 429;
}
