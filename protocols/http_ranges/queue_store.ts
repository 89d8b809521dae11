import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { QueueAction } from "./queue.ts";
import type { ItemState, QueueItem } from "./queue_item.ts";

/** What is written: a new state of an item, or that there is none any more. */
export type QueueChange = Extract<QueueAction, { type: "save" | "forget" }>;

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE downloads (
    -- AUTOINCREMENT: an id is never given out again, also when the newest item was forgotten.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    place INTEGER NOT NULL,
    url TEXT NOT NULL,
    url_key TEXT NOT NULL,
    wanted_name TEXT,
    wanted_sha256 TEXT,
    is_checked INTEGER NOT NULL,
    added_at_ms INTEGER NOT NULL,
    -- An ItemState as JSON.
    state TEXT NOT NULL,
    name TEXT,
    size INTEGER,
    received INTEGER NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
const COLUMNS = [
  "id",
  "place",
  "url",
  "url_key",
  "wanted_name",
  "wanted_sha256",
  "is_checked",
  "added_at_ms",
  "state",
  "name",
  "size",
  "received",
] as const;

const atMs = z.number();
const itemState = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("queued") }),
  z.object({
    kind: z.literal("active"),
    then: z.enum(["queued", "paused", "cancelled", "anew"]).optional(),
  }),
  z.object({ kind: z.literal("paused") }),
  z.object({ kind: z.literal("done"), path: z.string(), sha256: z.string(), atMs }),
  z.object({ kind: z.literal("failed"), reason: z.string(), atMs }),
  z.object({ kind: z.literal("cancelled"), atMs }),
]);
const optionalText = z.string().nullable();
const row = z.object({
  id: z.int().positive(),
  place: z.int(),
  url: z.string(),
  url_key: z.string(),
  wanted_name: optionalText,
  wanted_sha256: optionalText,
  is_checked: z.int(),
  added_at_ms: z.number(),
  state: z.string(),
  name: optionalText,
  size: z.int().nullable(),
  received: z.int(),
});

/**
 * The queue and its history on disk. What was written survives the end of the process and a loss of
 * power.
 */
export class QueueStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #save;
  readonly #forget;

  /**
   * Opens the database at `path`, and makes it when it is not there.
   *
   * @throws {Error} It is damaged, of a newer version of this program, or open already.
   */
  constructor(path: string) {
    try {
      this.#database = openDatabase(path);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`The download queue ${path} can't be read (${why}): repair it or move it away`, {
        cause: error,
      });
    }
    const values = COLUMNS.map(() => "?").join(", ");
    const updates = COLUMNS.slice(1).map((column) => `${column} = excluded.${column}`).join(", ");
    this.#save = this.#database.prepare(
      `INSERT INTO downloads (${COLUMNS.join(", ")}) VALUES (${values})
       ON CONFLICT (id) DO UPDATE SET ${updates}`,
    );
    this.#forget = this.#database.prepare("DELETE FROM downloads WHERE id = ?");
  }

  /** The largest id that was ever given out. */
  get lastId(): number {
    const found = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'downloads'").get();
    return z.object({ seq: z.int() }).safeParse(found).data?.seq ?? 0;
  }

  /** All items. */
  load(): QueueItem[] {
    return this.#database.prepare("SELECT * FROM downloads ORDER BY id").all().map(readItem);
  }

  /**
   * Writes changes, all or none.
   *
   * @throws {Error} The disk is full, say. Nothing was written then.
   */
  write(changes: readonly QueueChange[]): void {
    if (changes.length === 0) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const change of changes) {
        if (change.type === "forget") this.#forget.run(change.id);
        else this.#save.run(...rowOf(change.item));
      }
      this.#database.exec("COMMIT");
    } catch (error) {
      // SQLite ends a transaction by itself after some errors, a full disk among them.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // Exclusive: a second process is told so, instead of seeing half of what this one does.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    const found = database.prepare("PRAGMA user_version").get();
    const { user_version: version } = z.object({ user_version: z.int() }).parse(found);
    if (version > SCHEMA_VERSION) {
      throw new RangeError(`it is of version ${version}, newer than this program`);
    }
    if (version === 0) database.exec(`BEGIN; ${SCHEMA} COMMIT;`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function rowOf({ id, place, request, addedAtMs, state, headway }: QueueItem): (string | number | null)[] {
  return [
    id,
    place,
    request.url,
    request.key,
    request.name ?? null,
    request.sha256 ?? null,
    request.isChecked ? 1 : 0,
    addedAtMs,
    JSON.stringify(state),
    headway.name ?? null,
    headway.size ?? null,
    headway.received,
  ];
}

function readItem(found: unknown): QueueItem {
  const { id, place, ...values } = row.parse(found);
  return {
    id,
    place,
    request: {
      url: values.url,
      key: values.url_key,
      name: values.wanted_name ?? undefined,
      sha256: values.wanted_sha256 ?? undefined,
      isChecked: values.is_checked !== 0,
    },
    addedAtMs: values.added_at_ms,
    state: readState(values.state),
    headway: {
      name: values.name ?? undefined,
      size: values.size ?? undefined,
      received: values.received,
    },
  };
}

function readState(text: string): ItemState {
  const state = itemState.parse(JSON.parse(text));
  return state.kind === "active" ? { kind: "active", then: state.then } : state;
}
