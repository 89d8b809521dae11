import { timestamp } from "./timestamp.ts";
import { messageRow, openTrackerDatabase } from "./tracker_schema.ts";

/** Messages read at a time. */
const PAGE = 1_000;

/**
 * Copies a tracker's database, as it is at one moment, while the tracker runs. The copy has its name only when
 * it is whole and on disk.
 *
 * @throws {Deno.errors.AlreadyExists} There is a file of this name.
 */
export async function backUp(db: string, target: string): Promise<void> {
  const part = `${target}.part`;
  await Deno.remove(part).catch((error: unknown) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  try {
    using database = openTrackerDatabase(db, { readOnly: true });
    database.prepare("VACUUM INTO ?").run(part);
    using file = await Deno.open(part, { read: true, write: true });
    await file.sync();
    // Replaces nothing.
    await Deno.link(part, target);
  } finally {
    await Deno.remove(part).catch(() => {});
  }
}

/** All that is kept: first peers and members, then messages, oldest first; one object each. */
export function* exported(db: string): Generator<Readonly<Record<string, unknown>>> {
  using database = openTrackerDatabase(db, { readOnly: true });
  // One moment for all of it, whatever the tracker writes meanwhile.
  database.exec("BEGIN");
  const peers = database.prepare("SELECT id, ip, port, last_seen_ms FROM peers ORDER BY id").all();
  for (const peer of peers) yield { type: "peer", ...peer };
  const members = database.prepare("SELECT channel, peer FROM members ORDER BY channel, peer").all();
  for (const member of members) yield { type: "member", ...member };
  const statement = database.prepare("SELECT * FROM messages WHERE id > ? ORDER BY id LIMIT ?");
  for (let at = 0;;) {
    const rows = statement.all(at, PAGE).map((found) => messageRow.parse(found));
    for (const { id, room, sender, recipient, text, ts, msg_id } of rows) {
      const place = recipient === null ? { channel: room.slice(1) } : { to: recipient };
      const told = {
        type: "message",
        id,
        ...place,
        from: sender,
        message: text,
        timestamp: timestamp(ts),
        ts,
      };
      yield msg_id === null ? told : { ...told, msg_id };
      at = id;
    }
    if (rows.length < PAGE) return;
  }
}
