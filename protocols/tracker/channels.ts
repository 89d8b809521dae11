import { MAX_CHANNELS, MAX_CHANNELS_PER_PEER, MAX_MEMBERS } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** The channel that always exists. */
export const GENERAL = "general";

interface Channel {
  readonly members: Set<string>;
  /** How many of them are present, counted along: a broadcast need not look at all of them. */
  online: number;
}

/** Channels and their members. A core without I/O. */
export class Channels {
  readonly #channels = new Map<string, Channel>([[GENERAL, { members: new Set(), online: 0 }]]);
  readonly #ofPeer = new Map<string, Set<string>>();
  readonly #isOnline: (peer: string) => boolean;

  /** @param isOnline Whether a peer is present at this moment. */
  constructor(isOnline: (peer: string) => boolean) {
    this.#isOnline = isOnline;
  }

  get names(): Iterable<string> {
    return this.#channels.keys();
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /** Makes a channel, if it is not there. @throws {Refusal} There are too many. */
  make(channel: string): void {
    if (this.#channels.has(channel)) return;
    if (this.#channels.size >= MAX_CHANNELS) throw new Refusal(503, "There are too many channels");
    this.#channels.set(channel, { members: new Set(), online: 0 });
  }

  /**
   * Adds a member, and makes the channel if it is not there.
   *
   * @returns Whether it was none before.
   * @throws {Refusal} There are too many members, or channels.
   */
  join(channel: string, peer: string): boolean {
    const joined = this.#ofPeer.get(peer);
    if (joined?.has(channel)) return false;
    if ((joined?.size ?? 0) >= MAX_CHANNELS_PER_PEER) {
      throw new Refusal(503, `A peer can be in ${MAX_CHANNELS_PER_PEER} channels`);
    }
    if (this.memberCount(channel) >= MAX_MEMBERS) throw new Refusal(503, "The channel has too many members");
    this.make(channel);
    const found = this.#channels.get(channel);
    found?.members.add(peer);
    if (found !== undefined && this.#isOnline(peer)) found.online++;
    if (joined === undefined) this.#ofPeer.set(peer, new Set([channel]));
    else joined.add(channel);
    return true;
  }

  /** @returns Whether the peer was a member. */
  leave(channel: string, peer: string): boolean {
    const found = this.#channels.get(channel);
    if (found?.members.delete(peer) !== true) return false;
    if (this.#isOnline(peer)) found.online--;
    const joined = this.#ofPeer.get(peer);
    joined?.delete(channel);
    if (joined?.size === 0) this.#ofPeer.delete(peer);
    return true;
  }

  /** A peer is forgotten: it must be absent. @returns The channels that it was in. */
  forget(peer: string): string[] {
    return [...this.#ofPeer.get(peer) ?? []].filter((channel) => this.leave(channel, peer));
  }

  /** A peer came or went. */
  presence(peer: string, isOnline: boolean): void {
    for (const channel of this.#ofPeer.get(peer) ?? []) {
      const found = this.#channels.get(channel);
      if (found !== undefined) found.online += isOnline ? 1 : -1;
    }
  }

  memberCount(channel: string): number {
    return this.#channels.get(channel)?.members.size ?? 0;
  }

  members(channel: string): Iterable<string> {
    return this.#channels.get(channel)?.members ?? [];
  }

  /** The members that are present, save one. */
  recipients(channel: string, except: string): number {
    const found = this.#channels.get(channel);
    if (found === undefined) return 0;
    return found.online - (found.members.has(except) && this.#isOnline(except) ? 1 : 0);
  }
}
