import { assert, assertEquals } from "@std/assert";
import { startTracker } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

const CLIENTS = 16;
const ROUNDS = 3;
/** Answers of all clients together after which the tracker is killed. */
const KILL_AFTER = 300;

// deno-lint-ignore no-explicit-any
async function ask(port: number, path: string, body?: unknown): Promise<any> {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return await response.json();
}

/** All messages of the channel, page by page. */
async function readAll(port: number): Promise<{ id: number; from: string; message: string }[]> {
  const all = [];
  for (let since = 0;;) {
    const { messages } = await ask(port, `/get-messages?since=${since}`);
    if (messages.length === 0) return all;
    all.push(...messages);
    since = messages.at(-1).id;
  }
}

Deno.test("SIGKILL under load: what was answered is there, once, and what was repeated, too", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  /** Ids that were answered, by sender and number. */
  const answered = new Map<string, number>();
  let sent = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await using tracker = await startTracker(db);
    const { promise: enough, resolve } = Promise.withResolvers<void>();
    let answers = 0;
    const unanswered: { readonly peer_id: string; readonly msg_id: string }[] = [];
    const talk = async (peer_id: string) => {
      for (;;) {
        const msg_id = `m${sent++}`;
        try {
          const { id } = await ask(tracker.port, "/broadcast-peer", {
            peer_id,
            channel: "general",
            message: msg_id,
            msg_id,
          });
          answered.set(`${peer_id} ${msg_id}`, id);
        } catch {
          unanswered.push({ peer_id, msg_id });
          return;
        }
        if (++answers >= KILL_AFTER) resolve();
      }
    };
    const talking = Promise.all(Array.from({ length: CLIENTS }, (_, i) => talk(`p${i}`)));
    await enough;
    await tracker.end("SIGKILL");
    await talking;
    assert(unanswered.length > 0);
    await using again = await startTracker(db);
    for (const { peer_id, msg_id } of unanswered) {
      const repeated = { peer_id, channel: "general", message: msg_id, msg_id };
      answered.set(`${peer_id} ${msg_id}`, (await ask(again.port, "/broadcast-peer", repeated)).id);
    }
    const found = await readAll(again.port);
    const ids = new Map(found.map(({ id, from, message }) => [`${from} ${message}`, id]));
    assertEquals(ids.size, found.length, "no message is there twice");
    assertEquals(new Set(ids.values()).size, found.length, "no id is given twice");
    for (const [key, id] of answered) assertEquals(ids.get(key), id, key);
    assertEquals((await again.end("SIGTERM")).code, 0);
  }
});
