import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { dirname } from "@std/path";
import { z } from "zod";

const SCHEMA_VERSION = 1;
/** "TRKR": so that `file` and this program tell it from other databases. */
const APPLICATION_ID = 0x54524b52;
const SCHEMA = `
  CREATE TABLE messages (
    -- AUTOINCREMENT: an id is never given out again, also when the newest message was deleted.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- "#" and the channel, or "@" and both peers with a line feed between them.
    room TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT,
    text TEXT NOT NULL,
    ts INTEGER NOT NULL,
    msg_id TEXT
  ) STRICT;
  CREATE INDEX messages_of_room ON messages (room, id);
  CREATE UNIQUE INDEX messages_sent ON messages (sender, msg_id) WHERE msg_id IS NOT NULL;
  CREATE INDEX direct_from ON messages (sender, recipient, id) WHERE recipient IS NOT NULL;
  CREATE INDEX direct_to ON messages (recipient, sender, id) WHERE recipient IS NOT NULL;
  CREATE TABLE peers (
    id TEXT PRIMARY KEY,
    ip TEXT NOT NULL,
    port INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    owner_kind TEXT,
    owner TEXT
  ) STRICT;
  CREATE TABLE channels (name TEXT PRIMARY KEY) STRICT;
  CREATE TABLE members (channel TEXT NOT NULL, peer TEXT NOT NULL, UNIQUE (channel, peer)) STRICT;
  CREATE TABLE sessions (hash TEXT PRIMARY KEY, user TEXT NOT NULL, expires_at_ms INTEGER NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
/** A row of `messages`, as it is read. */
export const messageRow = z.object({
  id: z.int(),
  room: z.string(),
  sender: z.string(),
  recipient: z.string().nullable(),
  text: z.string(),
  ts: z.int(),
  msg_id: z.string().nullable(),
});

/** How long a command waits for another that is writing, in milliseconds. */
const BUSY_MS = 5_000;

/**
 * Opens a tracker's database, and makes it when it is not there.
 *
 * @throws {Error} It is damaged, of something else, or of a newer version of this program.
 */
export function openTrackerDatabase(
  path: string,
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): DatabaseSync {
  try {
    // SQLite says no more of it than "unable to open database file".
    if (readOnly && !existsSync(path)) throw new Deno.errors.NotFound("there is no such file");
    const database = new DatabaseSync(path, { readOnly });
    try {
      prepare(database, readOnly);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw unopenedDatabase(path, error);
  }
}

/** What is said of a database, or of what belongs to it, that can't be opened. */
export function unopenedDatabase(path: string, cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : String(cause);
  const why = existsSync(dirname(path)) ? said : `there is no directory ${dirname(path)}`;
  return new Error(`The database ${path} can't be opened: ${why}`, { cause });
}

function prepare(database: DatabaseSync, isReadOnly: boolean): void {
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS};`);
  const version = pragma(database, "user_version");
  const application = pragma(database, "application_id");
  if (version > SCHEMA_VERSION) throw new RangeError(`it is of version ${version}, newer than this program`);
  const isEmpty = version === 0 && application === 0;
  if (application !== APPLICATION_ID && !(isEmpty && !isReadOnly && hasNoTables(database))) {
    throw new TypeError("it is no database of a tracker");
  }
  if (isReadOnly) return;
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  if (isEmpty) database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
}

function hasNoTables(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
}

function pragma(database: DatabaseSync, name: "user_version" | "application_id"): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return z.record(z.string(), z.int()).parse(row)[name] ?? 0;
}
