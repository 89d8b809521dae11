import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import type { ItemState, QueueItem } from "../../../protocols/http_ranges/queue_item.ts";
import { QueueStore } from "../../../protocols/http_ranges/queue_store.ts";
import { tempDir } from "../../support/temp_dir.ts";

const STATES: readonly ItemState[] = [
  { kind: "queued" },
  { kind: "active", then: undefined },
  { kind: "active", then: "cancelled" },
  { kind: "paused" },
  { kind: "done", path: "/files/line\nend 😀", sha256: "ab", atMs: 1.5 },
  { kind: "failed", reason: 'it said "no"', atMs: 2 },
  { kind: "cancelled", atMs: 3 },
];

function item(id: number, state: ItemState = { kind: "queued" }): QueueItem {
  const url = `http://host/${id}?a='; DROP TABLE downloads; --`;
  return {
    id,
    place: id * 2,
    request: { url, key: url, name: undefined, sha256: undefined, isChecked: false },
    addedAtMs: 1_700_000_000_000 + id,
    state,
    headway: { name: undefined, size: undefined, received: 0 },
  };
}

Deno.test("items come back as they were written, in every state", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "queue.db");
  const items = STATES.map((state, i) => item(i + 1, state));
  const full: QueueItem = {
    ...item(100),
    request: { url: "http://h/#x", key: "http://h/", name: "na\nme", sha256: "cd", isChecked: true },
    headway: { name: "a (1).bin", size: 2 ** 45, received: 2 ** 44 },
  };
  {
    using store = new QueueStore(path);
    assertEquals(store.load(), []);
    store.write([...items, full].map((each) => ({ type: "save", item: each })));
    store.write([{ type: "save", item: { ...full, place: 7 } }, { type: "forget", id: 3 }]);
  }
  using again = new QueueStore(path);
  assertEquals(again.load(), [...items.filter(({ id }) => id !== 3), { ...full, place: 7 }]);
});

Deno.test("an id is remembered as given out after its item was forgotten", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "queue.db");
  {
    using store = new QueueStore(path);
    assertEquals(store.lastId, 0);
    store.write([{ type: "save", item: item(5) }, { type: "forget", id: 5 }]);
  }
  using again = new QueueStore(path);
  assertEquals([again.lastId, again.load()], [5, []]);
});

Deno.test("changes are written all or not at all", async () => {
  await using dir = await tempDir();
  using store = new QueueStore(join(dir.path, "queue.db"));
  const broken = { ...item(2), place: 0.5 };
  assertThrows(() => store.write([{ type: "save", item: item(1) }, { type: "save", item: broken }]));
  assertEquals(store.load(), []);
  store.write([{ type: "save", item: item(1) }]);
  assertEquals(store.load(), [item(1)]);
});

Deno.test("a database has one owner", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "queue.db");
  using store = new QueueStore(path);
  store.write([{ type: "save", item: item(1) }]);
  assertThrows(() => new QueueStore(path), Error, "locked");
});

Deno.test("a database that is damaged or too new is left alone, and named", async () => {
  await using dir = await tempDir();
  const damaged = join(dir.path, "damaged.db");
  await Deno.writeTextFile(damaged, "this is no database at all, however long it may be".repeat(100));
  const error = assertThrows(() => new QueueStore(damaged), Error);
  assert(error.message.includes(damaged), error.message);
  assert((await Deno.readTextFile(damaged)).startsWith("this is no database"));

  const newer = join(dir.path, "newer.db");
  const database = new DatabaseSync(newer);
  database.exec("PRAGMA user_version = 2");
  database.close();
  assertThrows(() => new QueueStore(newer), Error, "newer than this program");
});
