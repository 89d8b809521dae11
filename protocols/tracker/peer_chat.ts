import { randomBytes } from "node:crypto";
import { z } from "zod";
import { base64url } from "./ed25519.ts";
import type { ChatEvent, ChatLine, Place } from "./peer_chat_events.ts";
import { PeerDelivery, type PeerDeliveryOptions } from "./peer_delivery.ts";
import type { ChatMessage } from "./peer_messages.ts";
import { SeenMessages } from "./seen_messages.ts";
import { type TrackedMessage, trackedMessage, TrackerFeed } from "./tracker_feed.ts";

/** Options of {@linkcode PeerChat}. */
export interface PeerChatOptions extends Omit<PeerDeliveryOptions, "onMessage" | "onRefused"> {
  /** Where others are told to connect to; no port: the one that we listen on. */
  readonly advertised: { readonly ip: string; readonly port: number | undefined };
  /** The first channel. */
  readonly channel: string;
  readonly onEvent: (event: ChatEvent) => void;
}

/** Messages from before we came that are shown. */
const PAST = 20;
/** To more peers than so many a message goes through the tracker alone. */
const MAX_DIRECT = 32;
const ID_BYTES = 16;

const anything = z.object({});
const members = z.object({ members: z.array(z.object({ peer_id: z.string(), online: z.boolean() })) });
const history = z.object({ messages: z.array(trackedMessage) });
type Members = z.infer<typeof members>["members"];

/**
 * A peer's part in a chat: it tells the tracker where it is, sends to each other peer directly where it can be
 * reached, and through the tracker otherwise.
 */
export class PeerChat implements AsyncDisposable {
  readonly #options: PeerChatOptions;
  readonly #direct: PeerDelivery;
  readonly #feed: TrackerFeed;
  readonly #seen = new SeenMessages();
  /** By channel that we are in, its members as they were told last. */
  readonly #members = new Map<string, Members | undefined>();
  /** Channels whose past is to be shown. */
  readonly #unshown = new Set<string>();
  #channel: string;
  readonly #ready = Promise.withResolvers<void>();
  #isRegistered = false;

  /** Starts to listen, and to follow the tracker. @throws {Error} The address can't be listened on. */
  constructor(options: PeerChatOptions) {
    this.#options = options;
    this.#channel = options.channel;
    this.#direct = new PeerDelivery({
      ...options,
      onMessage: (from, message) => this.#receive(from, message),
      onRefused: (refused) => options.onEvent({ event: "refused", ...refused }),
    });
    this.#enter(options.channel);
    this.#feed = new TrackerFeed({
      tracker: options.tracker,
      peer: options.id,
      channels: () => [...this.#members.keys()],
      onConnecting: () => this.#register(),
      onReady: (position) => this.#showPast(position),
      onMessage: (message) => this.#tracked(message),
      onMember: (change) => this.#memberChanged(change),
      onPresence: (peer) => this.#presenceChanged(peer),
      onGap: () => options.onEvent({ event: "gap" }),
      onConnected: (connected, reason) => {
        options.onEvent({ event: "tracker", connected, ...reason === undefined ? {} : { reason } });
      },
    });
  }

  /** Settles when the tracker does not want us any more. @throws {TrackerRefusal} Why. */
  get over(): Promise<void> {
    return this.#feed.over;
  }

  /** Settles when the tracker and others know us. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Where what is said goes to. */
  get channel(): string {
    return this.#channel;
  }

  /** Says something in the present channel. Settles when it was sent, and told how. */
  async say(text: string): Promise<void> {
    const channel = this.#channel;
    const message = this.#message(text, { channel });
    const others = (await this.#membersOf(channel)).filter(({ peer_id }) => peer_id !== this.#options.id);
    const present = others.filter(({ online }) => online).map(({ peer_id }) => peer_id);
    const direct = present.length > MAX_DIRECT ? [] : await this.#direct.send(present, message);
    const isComplete = others.length > 0 && direct.length === others.length;
    const fields = { peer_id: this.#options.id, channel, message: text, msg_id: message.id };
    const through = isComplete ? {} : await this.#sendThrough("broadcast-peer", fields);
    this.#sent(message, { channel }, {
      direct,
      tracker: !isComplete && through.failed === undefined,
      ...through,
    });
  }

  /** Says something to one peer. Settles when it was sent, and told how. */
  async tell(peer: string, text: string): Promise<void> {
    const message = this.#message(text);
    // What one says to oneself the tracker keeps.
    const direct = peer === this.#options.id ? [] : await this.#direct.send([peer], message);
    const isComplete = direct.length > 0;
    const fields = { from_peer: this.#options.id, to_peer: peer, message: text, msg_id: message.id };
    const through = isComplete ? {} : await this.#sendThrough("send-peer", fields);
    this.#sent(message, { to: peer }, {
      direct,
      tracker: !isComplete && through.failed === undefined,
      ...through,
    });
  }

  /** Enters a channel, and makes it the present one. @throws {TrackerRefusal} The tracker does not want it. */
  async join(channel: string): Promise<void> {
    if (!this.#members.has(channel)) {
      await this.#ask("add-list", { peer_id: this.#options.id, channel });
      this.#enter(channel);
      this.#feed.restart();
    }
    this.#channel = channel;
    this.#options.onEvent({ event: "joined", channel });
  }

  /** Tells who is in the present channel. @throws {Error} The tracker can't be asked. */
  async who(): Promise<void> {
    const channel = this.#channel;
    this.#members.set(channel, undefined);
    const found = await this.#membersOf(channel);
    this.#options.onEvent({
      event: "who",
      channel,
      members: found.map(({ peer_id: peer, online }) => ({
        peer,
        online,
        direct: this.#direct.isLinked(peer),
      })),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#direct[Symbol.dispose]();
    await this.#feed[Symbol.asyncDispose]();
  }

  #enter(channel: string): void {
    this.#members.set(channel, undefined);
    this.#unshown.add(channel);
  }

  #message(text: string, place: { readonly channel?: string } = {}): ChatMessage {
    const message = {
      type: "message",
      id: base64url(randomBytes(ID_BYTES)),
      ...place,
      text,
      ts: Date.now(),
    } as const;
    // The tracker tells us of our own, too.
    this.#seen.add(this.#options.id, message.id);
    return message;
  }

  #sent(
    { id, text, ts }: ChatMessage,
    place: Place,
    outcome: { readonly direct: readonly string[]; readonly tracker: boolean; readonly failed?: string },
  ): void {
    this.#options.onEvent({ event: "sent", id, ...place, text, ts, ...outcome });
  }

  async #sendThrough(
    path: string,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly failed?: string }> {
    try {
      await this.#ask(path, fields);
      return {};
    } catch (error) {
      return { failed: error instanceof Error ? error.message : String(error) };
    }
  }

  async #ask(path: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#options.tracker.ask("POST", path, { fields, answer: anything });
  }

  async #membersOf(channel: string): Promise<Members> {
    const known = this.#members.get(channel);
    if (known !== undefined) return known;
    const found = await this.#options.tracker.ask("GET", "members", { fields: { channel }, answer: members });
    this.#members.set(channel, found.members);
    return found.members;
  }

  /** The tracker may have forgotten us while it could not be reached. */
  async #register(): Promise<void> {
    const { id, advertised: { ip, port = this.#direct.port } } = this.#options;
    await this.#ask("submit-info", { peer_id: id, ip, port });
    for (const channel of this.#members.keys()) {
      await this.#ask("add-list", { peer_id: id, channel });
      this.#members.set(channel, undefined);
    }
    if (this.#isRegistered) return;
    this.#isRegistered = true;
    const address = ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
    this.#options.onEvent({ event: "ready", peer: id, channel: this.#channel, address });
  }

  /** Shows what was said before; what comes after `position` the tracker tells. */
  async #showPast(position: number): Promise<void> {
    for (const channel of [...this.#unshown]) {
      const fields = { channel, before: position + 1, limit: PAST };
      const found = await this.#options.tracker.ask("GET", "get-messages", { fields, answer: history });
      for (const message of found.messages) this.#show(message, { isPast: true });
      this.#unshown.delete(channel);
    }
    this.#ready.resolve();
  }

  #tracked(message: TrackedMessage): void {
    this.#show(message, { isPast: false });
  }

  #show(message: TrackedMessage, { isPast }: { readonly isPast: boolean }): void {
    const { from, channel, to = this.#options.id, message: text, ts, msg_id } = message;
    if (msg_id !== undefined && !this.#seen.add(from, msg_id)) return;
    const place = channel === undefined ? { to } : { channel };
    this.#tellLine({
      event: "message",
      ...place,
      from,
      text,
      ts,
      via: "tracker",
      ...isPast ? { past: true } : {},
    });
  }

  #receive(from: string, { id, channel, text, ts }: ChatMessage): void {
    // Who is not in a channel is not spoken to in it.
    if (channel !== undefined && !this.#members.has(channel)) return;
    if (!this.#seen.add(from, id)) return;
    const place = channel === undefined ? { to: this.#options.id } : { channel };
    this.#tellLine({ event: "message", ...place, from, text, ts, via: "direct" });
  }

  #tellLine(line: ChatLine): void {
    this.#options.onEvent(line);
  }

  #memberChanged(
    { channel, peer_id: peer, joined }: {
      readonly channel: string;
      readonly peer_id: string;
      readonly joined: boolean;
    },
  ): void {
    if (!this.#members.has(channel)) return;
    this.#members.set(channel, undefined);
    if (peer !== this.#options.id) this.#options.onEvent({ event: "member", channel, peer, joined });
  }

  #presenceChanged(peer: string): void {
    this.#direct.forget(peer);
    for (const channel of this.#members.keys()) this.#members.set(channel, undefined);
  }
}
