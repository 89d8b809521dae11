import { askEvents, get, newMessageId, post, Refused } from "./chat_api.js";
import { rememberedRooms, rememberRooms } from "./chat_memory.js";
import { channelKey, ChatState, directKey } from "./chat_state.js";
import { EventFeed } from "./event_feed.js";

/** Messages that are read at a time. */
const PAGE = 100;
const GENERAL = "general";
/** This page takes no connections: an address that leads nowhere, and the port "discard" (RFC 863). */
const NOWHERE = { ip: "0.0.0.0", port: 9 };
/** How long a tracker that forgot a channel is left alone, in milliseconds. */
const FORGOTTEN_MS = 1_000;

/** Registers a peer. @throws {Refused} The name can't be used. */
export function register(peer_id) {
  return post("/submit-info", { peer_id, ...NOWHERE });
}

/** One peer's part in the chat: keeps a {@linkcode ChatState} as the tracker tells it. */
export class ChatSession {
  #hooks;
  #feed;
  #isOver = false;

  /**
   * @param {string} peer A name that was registered.
   * @param {{ changed: () => void, news: (message: object, room: object) => void,
   *   connected: (isConnected: boolean) => void, refused: () => void,
   *   failed: (words: string) => void }} hooks `refused`: the login is over.
   */
  constructor(peer, hooks) {
    this.state = new ChatState(peer);
    this.#hooks = hooks;
    const told = (type, data) => {
      if (!this.#isOver) this.#told(type, data);
    };
    this.#feed = new EventFeed({
      told,
      connected: hooks.connected,
      refused: hooks.refused,
      // A channel is gone: the tracker began anew.
      absent: () => setTimeout(() => this.#attempt(() => this.#enter()), FORGOTTEN_MS),
    }, (options) => askEvents({ channels: this.#channels(), peer, since: this.state.position }, options));
  }

  /** Enters the channels of the last time, and follows them. */
  async start() {
    const { state } = this;
    const remembered = rememberedRooms(state.peer);
    if (remembered.size === 0) remembered.set(channelKey(GENERAL), undefined);
    for (const [key, readId] of remembered) {
      const room = state.ensure(key);
      // Of a room that is entered for the first time nothing is news.
      room.readId = readId ?? Infinity;
    }
    await this.#attempt(() => this.#enter());
    const [first] = [...state.sorted().channels, ...state.sorted().directs];
    await this.open(first?.key ?? channelKey(GENERAL));
  }

  stop() {
    this.#isOver = true;
    this.#feed.stop();
  }

  /** Tries to connect at once. */
  retry() {
    this.#feed.start();
  }

  /** Shows a room. */
  async open(key) {
    const room = this.state.open(key);
    this.#hooks.changed();
    await this.#attempt(async () => {
      if (!room.isLoaded) {
        await this.#load(room);
        // Now it is known how much was missed.
        if (this.state.room === room && room.unread > 0 && room.markId === undefined) {
          room.markId = room.readId;
        }
      }
      if (!room.isDirect) await this.#readMembers(room);
    });
  }

  /** Enters a channel and shows it. */
  async join(channel) {
    await this.#attempt(async () => {
      const answer = await post("/add-list", { peer_id: this.state.peer, channel });
      const key = channelKey(answer.channel);
      const isNew = !this.state.rooms.has(key);
      if (isNew) this.state.ensure(key).readId = Infinity;
      this.#remember();
      await this.open(key);
      if (isNew) this.#refollow();
    });
  }

  /** Leaves the present room. */
  async leave() {
    const { room, peer, rooms } = this.state;
    await this.#attempt(async () => {
      if (!room.isDirect) await post("/leave-list", { peer_id: peer, channel: room.name });
      rooms.delete(room.key);
      this.#remember();
      this.#refollow();
      await this.open([...rooms.keys()][0] ?? channelKey(GENERAL));
    });
  }

  /** Talks to one peer. */
  async openDirect(peer) {
    await this.open(directKey(peer));
    this.#remember();
  }

  /** Says something in the present room. */
  async send(text) {
    const { room } = this.state;
    const message = { msg_id: newMessageId(), text, ts: Date.now(), failed: undefined };
    room.pending.push(message);
    await this.#send(room, message);
  }

  /** Sends again what could not be sent; what arrived after all is not there twice. */
  async resend(msgId) {
    const { room } = this.state;
    const message = room.pending.find(({ msg_id }) => msg_id === msgId);
    if (message === undefined) return;
    message.failed = undefined;
    await this.#send(room, message);
  }

  /** Reads what is before the messages of a room. */
  async older(room) {
    if (room.isWhole || room.isReading || !room.isLoaded) return;
    room.isReading = true;
    await this.#attempt(async () => {
      const before = room.messages[0]?.id;
      this.state.takePast(room, { messages: await this.#read(room, { before }), limit: PAGE });
    });
    room.isReading = false;
    this.#hooks.changed();
  }

  /** Somebody sees the end of the present room. */
  seen() {
    if (!this.state.seen()) return;
    this.#remember();
    this.#hooks.changed();
  }

  #channels() {
    return this.state.sorted().channels.map(({ name }) => name);
  }

  async #enter() {
    const { state } = this;
    await register(state.peer);
    for (const channel of this.#channels()) await post("/add-list", { peer_id: state.peer, channel });
    const { channels } = await get("/channels");
    state.channels = channels.map(({ channel }) => channel);
    for (const { channel, last_id } of channels) {
      this.#toldLastId(state.rooms.get(channelKey(channel)), last_id);
    }
    const { conversations } = await get("/conversations", { peer_id: state.peer });
    for (const { peer_id, last_id } of conversations) {
      this.#toldLastId(state.ensure(directKey(peer_id)), last_id);
    }
    this.#remember();
    if (!this.#isOver) this.#feed.start();
  }

  #toldLastId(room, lastId) {
    if (room === undefined) return;
    room.lastId = Math.max(room.lastId, lastId);
    if (room.readId === Infinity) room.readId = lastId;
  }

  /** The tracker is told of other channels. */
  #refollow() {
    this.#feed.stop();
    this.#feed.start();
  }

  #told(type, data) {
    const { state } = this;
    if (type === "ready") {
      state.position ??= data.last_id;
      return void this.#attempt(() => this.#refresh());
    }
    if (type === "message" || type === "direct") {
      const { room, isNews } = state.take(data);
      if (isNews) this.#hooks.news(data, room);
    } else if (type === "member") state.memberChanged(data);
    else if (type === "presence") state.presenceChanged(data);
    else if (type === "gap") this.#forgetMessages();
    this.#hooks.changed();
  }

  /** Presence and members are not repeated, and what was missed in other rooms is counted. */
  async #refresh() {
    const { state } = this;
    const { peers } = await get("/get-list");
    state.online = new Set(peers.map(({ peer_id }) => peer_id));
    const missed = [...state.rooms.values()].filter((room) => !room.isLoaded && room.lastId > room.readId);
    for (const room of missed) await this.#load(room);
    if (state.room !== undefined && !state.room.isDirect) await this.#readMembers(state.room);
    this.#hooks.changed();
  }

  async #load(room) {
    this.state.takePast(room, { messages: await this.#read(room, {}), limit: PAGE });
    this.#hooks.changed();
  }

  async #read(room, range) {
    const page = { ...range, limit: PAGE };
    const { messages } = room.isDirect
      ? await get("/get-direct-messages", { peer1: this.state.peer, peer2: room.name, ...page })
      : await get("/get-messages", { channel: room.name, ...page });
    return messages;
  }

  async #readMembers(room) {
    const before = room.memberChanges;
    const { members } = await get("/members", { channel: room.name });
    // An answer that somebody has overtaken would take them away again.
    if (before !== room.memberChanges) return await this.#readMembers(room);
    room.members = new Map(members.map(({ peer_id }) => [peer_id, true]));
    for (const { peer_id, online } of members) this.state.presenceChanged({ peer_id, online });
    this.#hooks.changed();
  }

  /** What is here and what will come have a gap between them. */
  #forgetMessages() {
    for (const room of this.state.rooms.values()) {
      room.messages = [];
      room.isLoaded = room.isWhole = false;
    }
    void this.#attempt(() => this.#load(this.state.room));
  }

  async #send(room, message) {
    this.#hooks.changed();
    const { peer } = this.state;
    const said = { message: message.text, msg_id: message.msg_id };
    try {
      const { id, timestamp } = room.isDirect
        ? await post("/send-peer", { from_peer: peer, to_peer: room.name, ...said })
        : await post("/broadcast-peer", { peer_id: peer, channel: room.name, ...said });
      const place = room.isDirect ? { to: room.name } : { channel: room.name };
      const ts = Date.parse(`${timestamp}Z`);
      room.add({ id, ...place, from: peer, ts, ...said });
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.#hooks.refused();
      message.failed = error instanceof Refused ? error.message : "The tracker does not answer";
    }
    this.#hooks.changed();
  }

  #remember() {
    rememberRooms(this.state.peer, this.state.rooms.values());
  }

  /** What fails for the network is tried again when the feed is back. */
  async #attempt(task) {
    try {
      await task();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return this.#hooks.refused();
      this.#hooks.failed(error instanceof Refused ? error.message : "The tracker does not answer.");
      this.#feed.start();
    }
  }
}
