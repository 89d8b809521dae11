import { DatabaseSync, type StatementSync } from "node:sqlite";
import { z } from "zod";
import { type Message, roomKey } from "./message.ts";
import type { Owner, Peer } from "./peers.ts";
import type { Session } from "./sessions.ts";
import { messageRow, openTrackerDatabase } from "./tracker_schema.ts";

/** What is written. */
export type Change =
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "peer"; readonly peer: Peer }
  | { readonly type: "forget-peer"; readonly id: string }
  | { readonly type: "channel"; readonly channel: string }
  | { readonly type: "join" | "leave"; readonly channel: string; readonly peer: string }
  | { readonly type: "session"; readonly session: Session }
  | { readonly type: "end-session"; readonly hash: string }
  | { readonly type: "prune-room"; readonly room: string; readonly keep: number }
  | { readonly type: "prune-age"; readonly beforeMs: number; readonly most: number };

/** Which messages of a room are read; see docs/protocols.md. */
export interface Page {
  readonly since?: number | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

const peerRow = z.object({
  id: z.string(),
  ip: z.string(),
  port: z.int(),
  last_seen_ms: z.int(),
  owner_kind: z.enum(["key", "user"]).nullable(),
  owner: z.string().nullable(),
});
const membershipRow = z.object({ channel: z.string(), peer: z.string() });
const sessionRow = z.object({ hash: z.string(), user: z.string(), expires_at_ms: z.int() });
const idRow = z.object({ id: z.int().nullable() });
const roomRow = z.object({ room: z.string(), id: z.int() });
const talkRow = z.object({ peer: z.string(), id: z.int() });

/** The statements of {@linkcode TrackerStore}, prepared once. */
const SQL = {
  message:
    "INSERT INTO messages (id, room, sender, recipient, text, ts, msg_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
  peer: `INSERT INTO peers (id, ip, port, last_seen_ms, owner_kind, owner) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET ip = excluded.ip, port = excluded.port,
    last_seen_ms = excluded.last_seen_ms, owner_kind = excluded.owner_kind, owner = excluded.owner`,
  forgetPeer: "DELETE FROM peers WHERE id = ?",
  channel: "INSERT OR IGNORE INTO channels (name) VALUES (?)",
  join: "INSERT OR IGNORE INTO members (channel, peer) VALUES (?, ?)",
  leave: "DELETE FROM members WHERE channel = ? AND peer = ?",
  session: "INSERT OR REPLACE INTO sessions (hash, user, expires_at_ms) VALUES (?, ?, ?)",
  endSession: "DELETE FROM sessions WHERE hash = ?",
  pruneRoom: `DELETE FROM messages WHERE room = ?1 AND id <=
    (SELECT id FROM messages WHERE room = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
  // Ids grow with time: only the oldest are looked at.
  pruneAge: `DELETE FROM messages WHERE id IN
    (SELECT id FROM (SELECT id, ts FROM messages ORDER BY id LIMIT ?2) WHERE ts < ?1)`,
  newest: "SELECT * FROM messages WHERE room = ? AND id < ? ORDER BY id DESC LIMIT ?",
  next: "SELECT * FROM messages WHERE room = ? AND id > ? AND id < ? ORDER BY id LIMIT ?",
  after: "SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT ?",
  sent: "SELECT * FROM messages WHERE sender = ? AND msg_id = ?",
  lastOfRoom: "SELECT max(id) AS id FROM messages WHERE room = ?",
  oldest: "SELECT min(id) AS id FROM messages",
  talks: `SELECT peer, max(id) AS id FROM (
      SELECT recipient AS peer, max(id) AS id FROM messages
        WHERE sender = ?1 AND recipient IS NOT NULL GROUP BY recipient
      UNION ALL
      SELECT sender AS peer, max(id) AS id FROM messages WHERE recipient = ?1 GROUP BY sender
    ) GROUP BY peer ORDER BY id DESC LIMIT 1000`,
} as const;

/** What the tracker knows, on disk (SQLite, WAL, synced): what was committed outlives a loss of power. */
export class TrackerStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<keyof typeof SQL, StatementSync>();

  /**
   * Opens the database at `path`, and makes it when it is not there; `:memory:` has none.
   *
   * @throws {Error} It is damaged, or of a newer version of this program.
   */
  constructor(path: string) {
    this.#database = openTrackerDatabase(path);
    // Whoever waits for a lock keeps everybody waiting: this is the thread that answers.
    this.#database.exec("PRAGMA busy_timeout = 1");
  }

  /** The largest id that a message ever had. */
  get lastId(): number {
    const row = this.#database.prepare("SELECT seq AS id FROM sqlite_sequence WHERE name = 'messages'").get();
    return row === undefined ? 0 : idRow.parse(row).id ?? 0;
  }

  /** The id of the oldest message that is kept. */
  get oldestId(): number | undefined {
    return idRow.parse(this.#get("oldest").get()).id ?? undefined;
  }

  peers(): Omit<Peer, "isOnline">[] {
    return this.#database.prepare("SELECT * FROM peers").all().map((row) => {
      const { id, ip, port, last_seen_ms, owner_kind, owner } = peerRow.parse(row);
      return { id, ip, port, lastSeenMs: last_seen_ms, owner: readOwner(owner_kind, owner) };
    });
  }

  channels(): string[] {
    const rows = this.#database.prepare("SELECT name FROM channels ORDER BY rowid").all();
    return rows.map((row) => z.object({ name: z.string() }).parse(row).name);
  }

  memberships(): { readonly channel: string; readonly peer: string }[] {
    const rows = this.#database.prepare("SELECT channel, peer FROM members ORDER BY rowid").all();
    return rows.map((row) => membershipRow.parse(row));
  }

  sessions(): Session[] {
    return this.#database.prepare("SELECT * FROM sessions ORDER BY expires_at_ms").all().map((row) => {
      const { hash, user, expires_at_ms } = sessionRow.parse(row);
      return { hash, user, expiresAtMs: expires_at_ms };
    });
  }

  /** The newest id of each channel that has messages, by the channel's room. */
  lastIds(): { readonly room: string; readonly id: number }[] {
    const sql = "SELECT room, max(id) AS id FROM messages WHERE room >= '#' AND room < '$' GROUP BY room";
    return this.#database.prepare(sql).all().map((row) => roomRow.parse(row));
  }

  /**
   * Writes changes, all or none, with one sync.
   *
   * @throws {Error} The disk is full, say. Nothing was written then.
   */
  commit(changes: readonly Change[]): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const change of changes) this.#write(change);
      this.#database.exec("COMMIT");
    } catch (error) {
      // SQLite ends a transaction by itself after some errors, a full disk among them.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Messages of a room, oldest first. */
  read(room: string, { since, before = Number.MAX_SAFE_INTEGER, limit }: Page): Message[] {
    if (since !== undefined) return this.#get("next").all(room, since, before, limit).map(readMessage);
    return this.#get("newest").all(room, before, limit).map(readMessage).reverse();
  }

  /** Messages of all rooms after an id, oldest first. */
  readAfter(id: number, limit: number): Message[] {
    return this.#get("after").all(id, limit).map(readMessage);
  }

  /** The message that a sender gave this id. */
  findSent(sender: string, msgId: string): Message | undefined {
    const row = this.#get("sent").get(sender, msgId);
    return row === undefined ? undefined : readMessage(row);
  }

  /** The newest id of a room; 0 when it has no messages. */
  lastIdOf(room: string): number {
    return idRow.parse(this.#get("lastOfRoom").get(room)).id ?? 0;
  }

  /** With whom a peer spoke, and the newest message; the newest first, at most 1000. */
  conversations(peer: string): { readonly peer: string; readonly id: number }[] {
    return this.#get("talks").all(peer).map((row) => talkRow.parse(row));
  }

  /** From now on a commit waits up to 1 s for who has the database locked. */
  waitForOthers(): void {
    this.#database.exec("PRAGMA busy_timeout = 1000");
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #get(name: keyof typeof SQL): StatementSync {
    const found = this.#statements.get(name);
    if (found !== undefined) return found;
    const statement = this.#database.prepare(SQL[name]);
    this.#statements.set(name, statement);
    return statement;
  }

  #write(change: Change): void {
    switch (change.type) {
      case "message": {
        const { id, room, from, text, ts, msgId = null } = change.message;
        const recipient = room.kind === "direct" ? room.to : null;
        this.#get("message").run(id, roomKey(room, from), from, recipient, text, ts, msgId);
        return;
      }
      case "peer": {
        const { id, ip, port, lastSeenMs, owner } = change.peer;
        this.#get("peer").run(id, ip, port, lastSeenMs, owner?.kind ?? null, ownerText(owner));
        return;
      }
      case "forget-peer":
        return void this.#get("forgetPeer").run(change.id);
      case "channel":
        return void this.#get("channel").run(change.channel);
      case "join":
      case "leave":
        return void this.#get(change.type).run(change.channel, change.peer);
      case "session":
        return void this.#get("session").run(
          change.session.hash,
          change.session.user,
          change.session.expiresAtMs,
        );
      case "end-session":
        return void this.#get("endSession").run(change.hash);
      case "prune-room":
        return void this.#get("pruneRoom").run(change.room, change.keep);
      case "prune-age":
        return void this.#get("pruneAge").run(change.beforeMs, change.most);
    }
  }
}

/** Whether a commit failed as another program has the database locked. `node:sqlite` has no code for it. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && error.message === "database is locked";
}

function readMessage(row: unknown): Message {
  const { id, room, sender, recipient, text, ts, msg_id } = messageRow.parse(row);
  return {
    id,
    room: recipient === null
      ? { kind: "channel", channel: room.slice(1) }
      : { kind: "direct", to: recipient },
    from: sender,
    text,
    ts,
    msgId: msg_id ?? undefined,
  };
}

function readOwner(kind: "key" | "user" | null, owner: string | null): Owner | undefined {
  if (kind === null || owner === null) return undefined;
  return kind === "key" ? { kind, key: owner } : { kind, user: owner };
}

function ownerText(owner: Owner | undefined): string | null {
  if (owner === undefined) return null;
  return owner.kind === "key" ? owner.key : owner.user;
}
