import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EventLog } from "../../net/event_log.ts";

Deno.test("a reader gets what it missed, in order and once", () => {
  const log = new EventLog<number>({ capacity: 3, epoch: "e" });
  const start = log.lastId;
  assertEquals(log.since(start), []);
  const ids = [1, 2, 3].map((event) => log.append(event).id);
  assertEquals(log.since(start)?.map(({ event }) => event), [1, 2, 3]);
  assertEquals(log.since(ids[1] ?? ""), [{ id: log.lastId, event: 3 }]);
  assertEquals(log.since(log.lastId), []);
});

Deno.test("ids that are too old, of another log, from the future, or no ids at all are told apart", () => {
  const log = new EventLog<number>({ capacity: 3, epoch: "e" });
  const start = log.lastId;
  for (const event of [1, 2, 3, 4]) log.append(event);
  for (
    const id of [start, "other-2", "e-5", "e-", "e-x", "-1", "", "4", "e-1e3", "e--1", "e-99999999999999999"]
  ) {
    assertEquals(log.since(id), undefined, id);
  }
  assertEquals(log.since("e-1")?.length, 3);
});

Deno.test("what a reader gets is always the end of what there was, without a gap", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.nat(100),
      fc.nat(100),
      (capacity, appended, seen) => {
        const log = new EventLog<number>({ capacity, epoch: "e" });
        for (let event = 1; event <= appended; event++) log.append(event);
        const missed = log.since(`e-${seen}`)?.map(({ event }) => event);
        const expected = Array.from({ length: Math.max(0, appended - seen) }, (_, i) => seen + 1 + i);
        assertEquals(missed, seen > appended || appended - seen > capacity ? undefined : expected);
      },
    ),
  );
});
