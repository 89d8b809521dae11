/** What the chat page knows: rooms, what was said in them, and who is there. Without I/O. */

/** More messages of one room than anyone scrolls through; the oldest are read again when they are wanted. */
const MAX_MESSAGES = 2_000;

/** The key of a channel's room. */
export const channelKey = (channel) => `#${channel}`;
/** The key of the room of a conversation with a peer. */
export const directKey = (peer) => `@${peer}`;

/** A channel, or a conversation with one peer. */
export class Room {
  /** By id, in the order of ids. */
  messages = [];
  /** What was sent and is not stored yet, or could not be. */
  pending = [];
  /** Whether `messages` begins where the room does. */
  isWhole = false;
  /** Whether its newest messages were read from the tracker. */
  isLoaded = false;
  /** The id of the newest message that somebody has seen; `Infinity`: all that there is, as it is entered now. */
  readId = 0;
  /** The id of the newest message. */
  lastId = 0;
  /** How many of others were not seen. */
  unread = 0;
  /** The last message that was seen when the room was opened: a line is drawn behind it. */
  markId = undefined;
  /** Of a channel, by name: whether they are there. */
  members = new Map();
  /** How often somebody has come or gone. */
  memberChanges = 0;

  constructor(key) {
    this.key = key;
    this.name = key.slice(1);
    this.isDirect = key.startsWith("@");
  }

  /** @returns Whether it was not there yet. */
  add(message) {
    this.lastId = Math.max(this.lastId, message.id);
    const at = this.messages.findLastIndex(({ id }) => id <= message.id);
    if (this.messages[at]?.id === message.id) return false;
    this.messages.splice(at + 1, 0, message);
    this.pending = this.pending.filter(({ msg_id }) => msg_id !== message.msg_id);
    return true;
  }

  /** Forgets the oldest of very many. */
  trim() {
    if (this.messages.length <= MAX_MESSAGES) return;
    this.messages.splice(0, this.messages.length - MAX_MESSAGES);
    this.isWhole = false;
  }
}

/** All rooms of one peer. */
export class ChatState {
  rooms = new Map();
  /** Names of peers that are there. */
  online = new Set();
  /** The key of the room that is shown. */
  current = undefined;
  /** The newest id that was told of any room: what comes after it is to be asked for. */
  position = undefined;
  /** Channels that could be joined, as the tracker listed them. */
  channels = [];

  /** @param {string} peer Who this is. */
  constructor(peer) {
    this.peer = peer;
  }

  get room() {
    return this.rooms.get(this.current);
  }

  /** The room with a key, made when it is not there. */
  ensure(key) {
    let room = this.rooms.get(key);
    if (room === undefined) {
      room = new Room(key);
      this.rooms.set(key, room);
    }
    return room;
  }

  /** Which room a message belongs to. */
  keyOf({ channel, from, to }) {
    if (channel !== undefined) return channelKey(channel);
    return directKey(from === this.peer ? to : from);
  }

  /**
   * Takes a message that the tracker told.
   *
   * @returns {{ room: Room, isNews: boolean }} Whether it is one of somebody else that was not known.
   */
  take(message) {
    this.position = Math.max(this.position ?? 0, message.id);
    const room = this.ensure(this.keyOf(message));
    const isNew = room.add(message);
    const isNews = isNew && message.from !== this.peer && message.id > room.readId;
    if (isNews) room.unread++;
    // Who writes has read what is above.
    if (isNew && message.from === this.peer && room.unread === 0) {
      room.readId = Math.max(room.readId, message.id);
    }
    if (room.key !== this.current) room.trim();
    return { room, isNews };
  }

  /**
   * Takes a page of a room's past.
   *
   * @param {{ messages: object[], limit: number }} page Fewer than `limit`: there is nothing before them.
   */
  takePast(room, { messages, limit }) {
    for (const message of messages) room.add(message);
    room.isLoaded = true;
    if (messages.length < limit) room.isWhole = true;
    if (room.readId === Infinity) room.readId = room.lastId;
    if (room.unread === 0) room.unread = this.#unreadOf(room);
  }

  /** Shows a room. */
  open(key) {
    const room = this.ensure(key);
    this.current = key;
    room.markId = room.unread > 0 ? room.readId : undefined;
    return room;
  }

  /** Somebody looks at the end of the present room. @returns Whether that changed anything. */
  seen() {
    const { room } = this;
    if (room === undefined || (room.unread === 0 && room.readId >= room.lastId)) return false;
    room.unread = 0;
    room.readId = room.lastId;
    return true;
  }

  memberChanged({ channel, peer_id, joined }) {
    const room = this.rooms.get(channelKey(channel));
    if (room === undefined) return;
    room.memberChanges++;
    if (joined) room.members.set(peer_id, true);
    else room.members.delete(peer_id);
  }

  presenceChanged({ peer_id, online }) {
    if (online) this.online.add(peer_id);
    else this.online.delete(peer_id);
  }

  /** Channels by name, and conversations with the latest first. */
  sorted() {
    const rooms = [...this.rooms.values()];
    return {
      channels: rooms.filter(({ isDirect }) => !isDirect).sort((a, b) => a.name.localeCompare(b.name)),
      directs: rooms.filter(({ isDirect }) => isDirect)
        .sort((a, b) => b.lastId - a.lastId || a.name.localeCompare(b.name)),
    };
  }

  /** Members of the present channel: those that are there first, then by name. */
  members() {
    const { room } = this;
    if (room === undefined) return [];
    const names = room.isDirect ? [room.name] : [...room.members.keys()];
    return names.map((name) => ({ name, isOnline: this.online.has(name) || name === this.peer }))
      .sort((a, b) => Number(b.isOnline) - Number(a.isOnline) || a.name.localeCompare(b.name));
  }

  #unreadOf({ messages, readId }) {
    return messages.filter(({ from, id }) => from !== this.peer && id > readId).length;
  }

  /** Unread messages in all rooms. */
  get unread() {
    return [...this.rooms.values()].reduce((sum, { unread }) => sum + unread, 0);
  }
}
