import { Channels, GENERAL } from "./channels.ts";
import { Commits } from "./commits.ts";
import { Feed, FeedEvent } from "./feed.ts";
import { History } from "./history.ts";
import { directKey, type Message, type Room } from "./message.ts";
import { type Caller, checkMaySpeakFor, mayRead, maySpeakFor, NotYours, ownerOf } from "./ownership.ts";
import { type Peer, Peers, type Registration } from "./peers.ts";
import { Refusal } from "./refusal.ts";
import { Sessions } from "./sessions.ts";
import { type Change, isBusy, TrackerStore } from "./tracker_store.ts";
import { Unwritten } from "./unwritten.ts";

/** What was written at once. */
export interface Commit {
  readonly messages: number;
  readonly changes: number;
  readonly seconds: number;
}

/** Options of {@linkcode Tracker}. */
export interface TrackerOptions {
  /** Path of the database; `:memory:` has none. */
  readonly db: string;
  /** After how long without a request a peer is absent, in milliseconds. */
  readonly peerTtlMs: number;
  /** Most messages that are kept of a channel or conversation. */
  readonly historyCount: number;
  /** How long messages are kept, and peers that are silent, in milliseconds. */
  readonly historyMs: number;
  /** Called with every commit. */
  readonly onCommit: (commit: Commit) => void;
  /** A commit failed; those who asked for it were answered so. */
  readonly onError: (error: unknown) => void;
}

/** Somebody's request, at a time. */
export interface Asking {
  readonly caller: Caller;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** A message to be sent. */
export interface Sending {
  readonly from: string;
  readonly room: Room;
  readonly text: string;
  readonly msgId: string | undefined;
}

/** What became of a {@linkcode Sending}. */
export interface Sent {
  readonly message: Message;
  /** It was sent before, and nothing was stored now. */
  readonly isDuplicate: boolean;
}

/** The tracker behind its HTTP: peers, channels and messages, in memory and on disk. */
export class Tracker implements Disposable {
  readonly peers: Peers;
  readonly channels: Channels;
  readonly sessions = new Sessions();
  readonly feed = new Feed();
  readonly history: History;
  readonly #store: TrackerStore;
  readonly #commits: Commits;
  readonly #unwritten = new Unwritten();
  readonly #options: TrackerOptions;
  #lastId: number;
  #committedId: number;
  /** Messages with a `msgId` that are being committed, by sender and that id. */
  readonly #underWay = new Map<string, Promise<Sent>>();

  /** @throws {Error} The database can't be opened. */
  constructor(options: TrackerOptions, nowMs: number) {
    this.#options = options;
    this.#store = new TrackerStore(options.db);
    this.#lastId = this.#store.lastId;
    this.#committedId = this.#lastId;
    this.peers = new Peers({
      ttlMs: options.peerTtlMs,
      forgetMs: options.historyMs,
      onPresence: (id, isOnline) => this.#onPresence(id, isOnline),
    });
    this.channels = new Channels((id) => this.peers.isOnline(id));
    this.history = new History(this.#store, options.historyCount);
    this.#commits = new Commits({
      write: (changes) => this.#store.commit(changes),
      isBusy,
      onCommitted: (changes, seconds) => this.#onCommitted(changes, seconds),
      onFailed: (changes, error) => this.#onFailed(changes, error),
    });
    this.#restore(nowMs);
  }

  /** The newest id of all messages that were committed. */
  get lastId(): number {
    return this.#committedId;
  }

  /** Takes a registration. @throws {Refusal} The peer is bound to somebody else, or there are too many. */
  async register(registration: Registration, { caller, nowMs }: Asking): Promise<void> {
    checkMaySpeakFor(this.peers.get(registration.id), caller);
    this.peers.register(registration, ownerOf(caller), nowMs);
    await this.#save(this.#changedPeers());
  }

  /** Makes a peer a member of a channel. @throws {Refusal} It is not registered, or not the caller's. */
  async join(channel: string, peer: string, asking: Asking): Promise<void> {
    this.known(peer);
    this.speak(peer, asking);
    if (this.channels.join(channel, peer)) this.#tellMember(channel, peer, true);
    // Also when it is a member already: that may not be on disk yet, or have failed to get there.
    await this.#save([{ type: "channel", channel }, { type: "join", channel, peer }]);
  }

  /** Ends a membership. @throws {Refusal} There is no such channel, or the peer is not the caller's. */
  async leave(channel: string, peer: string, asking: Asking): Promise<void> {
    this.checkChannel(channel);
    this.speak(peer, asking);
    if (this.channels.leave(channel, peer)) this.#tellMember(channel, peer, false);
    await this.#save([{ type: "leave", channel, peer }]);
  }

  /**
   * Stores a message and tells it to those who follow. It is on disk when this settles.
   *
   * @throws {Refusal} The sender is bound to somebody else; the room is not there; the disk is full.
   */
  send(sending: Sending, asking: Asking): Promise<Sent> {
    const { from, room, msgId } = sending;
    this.speak(from, asking);
    if (room.kind === "channel") this.checkChannel(room.channel);
    else this.known(room.to);
    if (msgId === undefined) return this.#append(sending, asking.nowMs);
    const key = `${from}\n${msgId}`;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay.then(({ message }) => ({ message, isDuplicate: true }));
    const found = this.#store.findSent(from, msgId);
    if (found !== undefined) return Promise.resolve({ message: found, isDuplicate: true });
    const sent = this.#append(sending, asking.nowMs).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, sent);
    return sent;
  }

  /** A peer that was registered, present or not. @throws {Refusal} There is none. */
  known(id: string): Peer {
    const peer = this.peers.get(id);
    if (peer === undefined) throw new Refusal(404, "There is no such peer");
    return peer;
  }

  /** A peer that is there. @throws {Refusal} There is none. */
  present(id: string): Peer {
    const peer = this.known(id);
    if (!peer.isOnline) throw new Refusal(404, "This peer is not there at present");
    return peer;
  }

  /** @throws {Refusal} There is no such channel. */
  checkChannel(channel: string): void {
    if (!this.channels.has(channel)) throw new Refusal(404, "There is no such channel");
  }

  /** The room of a conversation. @throws {Refusal} It is none of the caller's. */
  conversation(one: string, other: string, { caller, nowMs }: Asking): string {
    const peers = [this.peers.get(one), this.peers.get(other)] as const;
    if (!mayRead(...peers, caller)) throw new NotYours("This conversation is between others");
    for (const peer of peers) {
      // To read as a free peer is no sign of life of it: anybody may.
      if (peer?.owner !== undefined && mayRead(peer, peer, caller)) this.peers.touch(peer.id, nowMs);
    }
    return directKey(one, other);
  }

  /** With whom a peer spoke. @throws {Refusal} It is not the caller's. */
  conversations(peer: string, asking: Asking): readonly { readonly peer: string; readonly id: number }[] {
    this.speak(peer, asking);
    return this.#store.conversations(peer);
  }

  /** A request in the name of a peer. @throws {Refusal} It is bound to somebody else. */
  speak(peer: string, { caller, nowMs }: Asking): void {
    checkMaySpeakFor(this.peers.get(peer), caller);
    this.peers.touch(peer, nowMs);
  }

  /** Whether a caller may speak for a peer, which is no sign of life of it. */
  maySpeak(peer: string, caller: Caller): boolean {
    return maySpeakFor(this.peers.get(peer), caller);
  }

  /** Has something of a session written. */
  async saveSession(...changes: readonly Change[]): Promise<void> {
    await this.#save(changes);
  }

  /** Looks who is silent; due every second. */
  expire(nowMs: number): void {
    const changes: Change[] = [];
    for (const id of this.peers.expire(nowMs)) {
      for (const channel of this.channels.forget(id)) {
        changes.push({ type: "leave", channel, peer: id });
        this.#tellMember(channel, id, false);
      }
      changes.push({ type: "forget-peer", id });
    }
    this.#saveLater(changes);
  }

  /** Deletes what is too old, saves when peers were last seen, and what failed; due every few seconds. */
  tidy(nowMs: number): void {
    const over = this.sessions.expire(nowMs);
    this.#saveLater(this.#unwritten.take());
    this.#saveLater(over.map(({ hash }) => ({ type: "end-session", hash })));
    this.#saveLater(this.history.due(nowMs - this.#options.historyMs));
    this.#saveLater(this.#changedPeers());
  }

  /** Writes what is pending, and closes the database. */
  [Symbol.dispose](): void {
    this.#saveLater([...this.#unwritten.take(), ...this.#changedPeers()]);
    this.#store.waitForOthers();
    this.#commits.flush();
    this.#store[Symbol.dispose]();
  }

  /** Has a state written that memory has already. It can be written again. */
  #save(changes: readonly Change[]): Promise<void> {
    this.#unwritten.forget(changes);
    return this.#commits.addAll(changes);
  }

  /** Nobody waits for these: that they failed is told by `onError`. */
  #saveLater(changes: readonly Change[]): void {
    this.#save(changes).catch(() => {});
  }

  async #append({ from, room, text, msgId }: Sending, nowMs: number): Promise<Sent> {
    const message = { id: ++this.#lastId, room, from, text, ts: nowMs, msgId };
    await this.#commits.add({ type: "message", message });
    return { message, isDuplicate: false };
  }

  #changedPeers(): Change[] {
    return this.peers.takeChanged().map((peer) => ({ type: "peer", peer }));
  }

  #onCommitted(changes: readonly Change[], seconds: number): void {
    let messages = 0;
    for (const change of changes) {
      if (change.type !== "message") continue;
      messages++;
      this.#committedId = change.message.id;
      const due = this.history.stored(change.message);
      if (due !== undefined) this.#saveLater([due]);
      this.feed.tell(change.message);
    }
    this.#options.onCommit({ messages, changes: changes.length, seconds });
  }

  #onFailed(changes: readonly Change[], error: unknown): void {
    this.#unwritten.keep(changes);
    this.peers.keepChanged(changes.flatMap((change) => change.type === "peer" ? change.peer.id : []));
    this.#options.onError(error);
  }

  #onPresence(id: string, isOnline: boolean): void {
    this.channels.presence(id, isOnline);
    this.feed.tellAll(new FeedEvent("presence", JSON.stringify({ peer_id: id, online: isOnline })));
  }

  #tellMember(channel: string, peer_id: string, joined: boolean): void {
    const members_count = this.channels.memberCount(channel);
    const json = JSON.stringify({ channel, peer_id, joined, members_count });
    this.feed.tellChannel(channel, new FeedEvent("member", json));
  }

  #restore(nowMs: number): void {
    for (const peer of this.#store.peers()) this.peers.restore(peer, nowMs);
    for (const channel of this.#store.channels()) this.channels.make(channel);
    for (const { channel, peer } of this.#store.memberships()) this.channels.join(channel, peer);
    for (const session of this.#store.sessions()) this.sessions.restore(session);
    this.channels.make(GENERAL);
  }
}
