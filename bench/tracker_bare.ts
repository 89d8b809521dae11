/** What the tracker is compared with: `Deno.serve` with next to nothing behind it. Prints its port. */

import { DatabaseSync } from "node:sqlite";

const [database = ":memory:"] = Deno.args;
const db = new DatabaseSync(database);
// As the tracker does: in the log ahead, and synced.
db.exec(
  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE messages (id INTEGER PRIMARY KEY, text)",
);
const insert = db.prepare("INSERT INTO messages (text) VALUES (?)");
const list = {
  status: "success",
  peers: [{ peer_id: "alice", ip: "127.0.0.1", port: 9001, last_seen: "2025-11-05T10:30:00" }],
  count: 1,
};
const readers: ReadableStreamDefaultController<Uint8Array>[] = [];

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  // deno-lint-ignore no-console -- its parent reads it
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
}, async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/get-list") return Response.json(list);
  if (pathname === "/events") {
    return new Response(
      new ReadableStream({ start: (controller) => void readers.push(controller) }),
      { headers: { "content-type": "text/event-stream" } },
    );
  }
  const { message } = await request.json();
  const { lastInsertRowid } = insert.run(message);
  const event = new TextEncoder().encode(`id: ${lastInsertRowid}\ndata: ${JSON.stringify({ message })}\n\n`);
  for (const reader of readers) reader.enqueue(event);
  return Response.json({ status: "success" });
});
