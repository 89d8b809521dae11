/**
 * What the tracker is compared with, `Deno.serve` with next to nothing behind it: `bare_tracker.ts ADDRESS PORT
 * [DATABASE]`.
 */

import { DatabaseSync } from "node:sqlite";

const [hostname = "", port = "", database = ":memory:"] = Deno.args;
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
const readers = new Set<ReadableStreamDefaultController<Uint8Array>>();

Deno.serve({ hostname, port: Number(port), onListen: () => {} }, async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/get-list") return Response.json(list);
  if (pathname === "/events") return follow();
  const { message } = await request.json();
  const { lastInsertRowid } = insert.run(message);
  const event = new TextEncoder().encode(`id: ${lastInsertRowid}\ndata: ${JSON.stringify({ message })}\n\n`);
  for (const reader of readers) reader.enqueue(event);
  return Response.json({ status: "success" });
});

function follow(): Response {
  let own: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      own = controller;
      readers.add(controller);
    },
    cancel: () => {
      if (own !== undefined) readers.delete(own);
    },
  });
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}
