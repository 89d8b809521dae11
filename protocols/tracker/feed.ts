import { type Message, messageJson } from "./message.ts";

/** Something that is told to readers. What it costs to write it is paid once, however many they are. */
export class FeedEvent {
  readonly id: number | undefined;
  readonly #name: string;
  readonly #json: string;
  #sse: Uint8Array | undefined;
  #text: string | undefined;

  constructor(name: string, json: string, id?: number) {
    this.#name = name;
    this.#json = json;
    this.id = id;
  }

  /** As a server-sent event. JSON holds no line end. */
  get sse(): Uint8Array {
    const id = this.id === undefined ? "" : `id: ${this.id}\n`;
    return this.#sse ??= encoder.encode(`${id}event: ${this.#name}\ndata: ${this.#json}\n\n`);
  }

  /** As a text of a WebSocket. */
  get text(): string {
    const id = this.id === undefined ? "" : `"id":${this.id},`;
    return this.#text ??= `{${id}"event":"${this.#name}","data":${this.#json}}`;
  }
}

const encoder = new TextEncoder();

/** What a reader wants to be told. */
export interface Subscription {
  /** Empty: all channels. */
  readonly channels: readonly string[];
  /** Whose direct messages. */
  readonly peer: string | undefined;
}

/** Somebody who is told. Must not call back. */
export type Listener = (event: FeedEvent) => void;

/** The event that tells of a message. */
export function messageEvent(message: Message): FeedEvent {
  return new FeedEvent(
    message.room.kind === "channel" ? "message" : "direct",
    messageJson(message),
    message.id,
  );
}

/** Whether a subscription covers a message. */
export function covers({ channels, peer }: Subscription, { room, from }: Message): boolean {
  if (room.kind === "direct") return peer !== undefined && (room.to === peer || from === peer);
  return channels.length === 0 || channels.includes(room.channel);
}

/** Who is told what. A core without I/O. */
export class Feed {
  readonly #everything = new Set<Listener>();
  readonly #ofChannel = new Map<string, Set<Listener>>();
  readonly #ofPeer = new Map<string, Set<Listener>>();
  #count = 0;

  /** How many are told. */
  get count(): number {
    return this.#count;
  }

  /** @returns Ends it. */
  follow({ channels, peer }: Subscription, listener: Listener): () => void {
    const wanted = new Set(channels);
    this.#count++;
    if (wanted.size === 0) this.#everything.add(listener);
    for (const channel of wanted) add(this.#ofChannel, channel, listener);
    if (peer !== undefined) add(this.#ofPeer, peer, listener);
    return () => {
      this.#count--;
      this.#everything.delete(listener);
      for (const channel of wanted) remove(this.#ofChannel, channel, listener);
      if (peer !== undefined) remove(this.#ofPeer, peer, listener);
    };
  }

  /** Tells of a message, each reader once. */
  tell(message: Message): void {
    const { room, from } = message;
    const event = messageEvent(message);
    if (room.kind === "channel") return this.tellChannel(room.channel, event);
    for (const listener of this.#ofPeer.get(room.to) ?? []) listener(event);
    if (from === room.to) return;
    for (const listener of this.#ofPeer.get(from) ?? []) listener(event);
  }

  /** Tells all who follow a channel. */
  tellChannel(channel: string, event: FeedEvent): void {
    for (const listener of this.#ofChannel.get(channel) ?? []) listener(event);
    for (const listener of this.#everything) listener(event);
  }

  /** Tells everybody, each once. */
  tellAll(event: FeedEvent): void {
    const told = new Set(this.#everything);
    for (const listeners of [...this.#ofChannel.values(), ...this.#ofPeer.values()]) {
      for (const listener of listeners) told.add(listener);
    }
    for (const listener of told) listener(event);
  }
}

function add(map: Map<string, Set<Listener>>, key: string, listener: Listener): void {
  const found = map.get(key);
  if (found === undefined) map.set(key, new Set([listener]));
  else found.add(listener);
}

function remove(map: Map<string, Set<Listener>>, key: string, listener: Listener): void {
  const found = map.get(key);
  found?.delete(listener);
  if (found?.size === 0) map.delete(key);
}
