/** What a tracker does while its database can't be written to, and afterwards. */

import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { MAX_CHANNELS_PER_PEER } from "../../../protocols/tracker/limits.ts";
import { Refusal } from "../../../protocols/tracker/refusal.ts";
import { Tracker } from "../../../protocols/tracker/tracker.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testTracker } from "../../support/tracker.ts";

const asking = { caller: { key: undefined, user: undefined }, nowMs: 1_000_000 };
const alice = { id: "alice", ip: "192.0.2.1", port: 1 };

function openTracker(db: string, historyMs = 1e9): Tracker {
  return new Tracker({
    db,
    peerTtlMs: 90_000,
    historyCount: 1000,
    historyMs,
    onCommit() {},
    onError() {},
  }, asking.nowMs);
}

/** Has every write into a table of a database fail until it is disposed of. */
function broken(db: string, table: string): Disposable {
  const database = new DatabaseSync(db);
  const events = ["INSERT", "DELETE"];
  for (const event of events) {
    database.exec(
      `CREATE TRIGGER broken_${event} BEFORE ${event} ON ${table} BEGIN SELECT RAISE(FAIL, 'broken'); END`,
    );
  }
  return {
    [Symbol.dispose]() {
      for (const event of events) database.exec(`DROP TRIGGER broken_${event}`);
      database.close();
    },
  };
}

Deno.test("a membership is not confirmed before it is on disk, however often it is asked for", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  {
    using tracker = openTracker(db);
    await tracker.register(alice, asking);
    {
      using _trouble = broken(db, "members");
      await assertRejects(() => tracker.join("dev", "alice", asking), Refusal);
      await assertRejects(() => tracker.join("dev", "alice", asking), Refusal);
    }
    await tracker.join("dev", "alice", asking);
    {
      using _trouble = broken(db, "members");
      await assertRejects(() => tracker.leave("dev", "alice", asking), Refusal);
      await assertRejects(() => tracker.leave("dev", "alice", asking), Refusal);
    }
  }
  using again = openTracker(db);
  assertEquals([...again.channels.members("dev")], []);
  assertEquals(again.channels.has("dev"), true);
});

Deno.test("what could not be written is written when the disk is well again", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  const session = { hash: "00", user: "ann", expiresAtMs: 2 * asking.nowMs };
  {
    using tracker = openTracker(db);
    await tracker.register(alice, asking);
    await tracker.saveSession({ type: "session", session });
    {
      using _members = broken(db, "members");
      await assertRejects(() => tracker.join("dev", "alice", asking), Refusal);
    }
    {
      using _sessions = broken(db, "sessions");
      await assertRejects(() => tracker.saveSession({ type: "end-session", hash: session.hash }), Refusal);
    }
    tracker.tidy(asking.nowMs);
  }
  using again = openTracker(db);
  assertEquals([...again.channels.members("dev")], ["alice"]);
  assertEquals(again.sessions.count, 0);
});

Deno.test("a tracker has no most of what it has to tidy up", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  const ids = Array.from({ length: 150 }, (_, index) => `p${index}`);
  {
    using tracker = openTracker(db, 10);
    for (const id of ids) {
      await tracker.register({ ...alice, id }, asking);
      const channels = Array.from({ length: MAX_CHANNELS_PER_PEER }, (_, index) => `c${index}`);
      await Promise.all(channels.map((channel) => tracker.join(channel, id, asking)));
    }
    // They are silent for long: first absent, then forgotten, all of them at once.
    tracker.expire(asking.nowMs + 100_000);
    tracker.expire(asking.nowMs + 100_000);
    assertEquals(tracker.peers.counts.known, 0);
  }
  using again = openTracker(db, 10);
  assertEquals([again.peers.counts.known, again.channels.memberCount("c0")], [0, 0]);
});

Deno.test("while another program has the database locked, reads are answered and writes wait", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  await using tracker = await testTracker({ db });
  await tracker.post("/submit-info", { peer_id: "alice", ip: "192.0.2.1", port: 1 });
  const other = new DatabaseSync(db);
  other.exec("BEGIN IMMEDIATE");
  const answers: string[] = [];
  const write = tracker.post("/broadcast-peer", { peer_id: "alice", message: "waits" }).then(({ status }) => {
    answers.push(`write ${status}`);
  });
  for (let i = 0; i < 3; i++) answers.push(`read ${(await tracker.get("/get-messages")).body.count}`);
  other.exec("ROLLBACK");
  other.close();
  await write;
  assertEquals(answers, ["read 0", "read 0", "read 0", "write 200"]);
  assertEquals(tracker.errors, []);
});
