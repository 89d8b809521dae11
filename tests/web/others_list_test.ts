import { assertEquals } from "@std/assert";
import { RateMeter } from "../../terminal/rate_meter.ts";
import { OthersList } from "../../web/others_list.js";

const MIB = 1024 * 1024;

/** An upload as the server shows it. */
function shared(id: number, fields: Record<string, unknown> = {}) {
  const times = { startedAt: null, heardAt: null };
  return { id, name: `${id}.bin`, fileSize: MIB, offset: 0, state: "active", ...times, ...fields };
}

interface OwnUpload {
  readonly name: string;
  readonly size: number;
  readonly stored: number;
  readonly isThere: boolean;
  readonly isActive: boolean;
  readonly storedName: string | undefined;
}

/** One of the page's own. */
function own(fields: Partial<OwnUpload> = {}): OwnUpload {
  return {
    name: "a.bin",
    size: MIB,
    stored: 0,
    isThere: true,
    isActive: true,
    storedName: undefined,
    ...fields,
  };
}

/** A list that was told of a snapshot. */
function listOf({ uploads = [], completed = [] }: {
  readonly uploads?: readonly unknown[];
  readonly completed?: readonly unknown[];
} = {}) {
  const list = new OthersList({ newMeter: () => new RateMeter() });
  list.take("snapshot", { uploads, completed }, 0);
  return list;
}

function chosen(list: ReturnType<typeof listOf>, ours: readonly OwnUpload[] = [], nowMs = 0): number[] {
  return list.choose(ours, nowMs).items.map(({ id }: { readonly id: number }) => id);
}

Deno.test("a snapshot without uploads is one of a server that does not share them", () => {
  const list = listOf({ uploads: [shared(1)] });
  assertEquals(list.isShared, true);
  list.take("snapshot", { downloads: [] }, 0);
  assertEquals([list.isShared, list.isEmpty, chosen(list)], [false, true, []]);
  list.take("started", shared(2), 0);
  assertEquals(chosen(list), []);
});

Deno.test("what runs comes before what is paused, what waits for its sender and what is complete", () => {
  const list = listOf({
    uploads: [shared(4, { state: "orphaned" }), shared(3), shared(2, { state: "paused" }), shared(1)],
    completed: [shared(6, { state: "completed" }), shared(5, { state: "completed" })],
  });
  assertEquals(chosen(list), [1, 3, 2, 4, 6, 5]);
  list.take("paused", shared(1, { state: "paused" }), 0);
  list.take("resumed", shared(4), 0);
  list.take("completed", shared(3, { state: "completed", offset: MIB }), 0);
  list.take("deleted", shared(2, { state: "deleted" }), 0);
  assertEquals(chosen(list), [4, 1, 3, 6, 5]);
});

Deno.test("events of downloads are passed over, though their data looks alike", () => {
  const list = listOf({ uploads: [shared(1)] });
  list.take("download", { id: 1, state: "done", name: "x", bytes: 5 }, 0);
  list.take("download", { id: 2, state: "active", name: "x", bytes: 5 }, 0);
  list.take("download-gone", { id: 1 }, 0);
  assertEquals(chosen(list), [1]);
});

Deno.test("five completed ones are shown, and a hundred rows in all", () => {
  const list = listOf({ completed: [shared(900, { state: "completed" })] });
  for (let id = 1; id <= 150; id++) list.take("started", shared(id), 0);
  for (let id = 1; id <= 7; id++) list.take("completed", shared(id, { state: "completed" }), 0);
  const { items, more } = list.choose([], 0);
  assertEquals(items.length, 100);
  assertEquals(items.slice(-5).map(({ id }: { readonly id: number }) => id), [7, 6, 5, 4, 3]);
  assertEquals(more, 143 - 95);
});

Deno.test("speed is that of the last seconds, and begins anew after a pause", () => {
  const list = listOf({ uploads: [shared(1, { offset: 500 })] });
  const speedAt = (nowMs: number) => list.choose([], nowMs).items[0]?.bytesPerSecond;
  list.take("progress", shared(1, { offset: 1500 }), 1000);
  assertEquals(speedAt(1000), 1000);
  list.take("paused", shared(1, { offset: 1500, state: "paused" }), 1000);
  assertEquals(speedAt(1000), 0);
  list.take("resumed", shared(1, { offset: 1500 }), 3000);
  list.take("progress", shared(1, { offset: 3500 }), 4000);
  assertEquals(speedAt(4000), 2000);
});

Deno.test("the page's own are left out by name and size, if the server may have them", () => {
  const uploads = [
    shared(1, { name: "a.bin" }),
    shared(2, { name: "a.bin", fileSize: MIB + 1 }),
    shared(3, { name: "x/a.bin" }),
    shared(4, { name: "a.bin", fileSize: null }),
  ];
  assertEquals(chosen(listOf({ uploads }), [own()]), [2, 3, 4]);
  assertEquals(chosen(listOf({ uploads }), [own({ isThere: false })]), [1, 2, 3, 4]);
});

Deno.test("of two of one name and size the one that is like the page's own is left out", () => {
  const list = listOf({ uploads: [shared(1, { name: "a.bin" }), shared(2, { name: "a.bin" })] });
  assertEquals(chosen(list, [own()]).length, 1);
  list.take("progress", shared(2, { name: "a.bin", offset: 900 }), 0);
  list.take("progress", shared(1, { name: "a.bin", offset: 500 }), 0);
  assertEquals(chosen(list, [own({ stored: 950 })]), [1]);
  assertEquals(chosen(list, [own({ stored: 550 })]), [2]);
  assertEquals(chosen(list, [own({ stored: 550 }), own({ stored: 600 })]), []);
});

Deno.test("one that is not being sent is not taken for one that is, however near its bytes are", () => {
  const one = (id: number, state: string, offset: number) => shared(id, { name: "a.bin", state, offset });
  const list = listOf({ uploads: [one(1, "orphaned", 600), one(2, "active", 400), one(3, "paused", 500)] });
  assertEquals(chosen(list, [own({ stored: 600 })]), [3, 1]);
  assertEquals(chosen(list, [own({ stored: 400, isActive: false })]), [2, 1]);
});

Deno.test("what was the page's own stays out while it is deleted", () => {
  const list = listOf({ uploads: [shared(1, { name: "a.bin" })] });
  assertEquals(chosen(list, [own()]), []);
  assertEquals(chosen(list, [own({ isThere: false })]), []);
});

Deno.test("the page's own stay out when they are complete, also after they were taken off its list", () => {
  const list = listOf();
  list.take("started", shared(1, { name: "a.bin" }), 0);
  assertEquals(chosen(list, [own()]), []);
  list.take("completed", shared(1, { name: "a (1).bin", offset: MIB, state: "completed" }), 0);
  assertEquals(chosen(list), []);
  list.take("snapshot", {
    uploads: [],
    completed: [shared(1, { name: "a (1).bin", offset: MIB, state: "completed" })],
  }, 0);
  assertEquals(chosen(list), []);
});

Deno.test("one that came and went between two choices is the page's own while that is under way", () => {
  const list = listOf({ completed: [shared(9, { name: "a.bin", offset: MIB, state: "completed" })] });
  list.take("started", shared(1, { name: "a.bin" }), 0);
  list.take("completed", shared(1, { name: "a.bin", offset: MIB, state: "completed" }), 0);
  // The one that was complete before is somebody else's.
  assertEquals(chosen(list, [own({ stored: MIB })]), [9]);
  assertEquals(chosen(list), [9]);
});

Deno.test("one that was shown as complete stays, whatever the page uploads later", () => {
  const list = listOf();
  list.take("started", shared(1, { name: "a.bin" }), 0);
  list.take("completed", shared(1, { name: "a.bin", offset: MIB, state: "completed" }), 0);
  assertEquals(chosen(list), [1]);
  assertEquals(chosen(list, [own({ stored: MIB })]), [1]);
});

Deno.test("a file stored under the name that the page was told is the page's own", () => {
  const names = ["a (1).bin", "x/a (1).bin", "x\\y.bin", "z.bin"];
  const completed = names.map((name, id) => shared(id, { name, offset: MIB, state: "completed" }));
  const done = (storedName: string, size = MIB) => [own({ isThere: false, storedName, size })];
  assertEquals(chosen(listOf({ completed }), done("x/a (1).bin")), [0, 2, 3]);
  assertEquals(chosen(listOf({ completed }), done("x/y.bin")), [0, 1, 3]);
  assertEquals(chosen(listOf({ completed }), done("z.bin", 5)), [0, 1, 2, 3]);
});

Deno.test("another run of the server counts from one again, and its uploads are not taken for those before", () => {
  const list = listOf({ uploads: [shared(1, { name: "a.bin" })] });
  assertEquals(chosen(list, [own()]), []);
  list.take("snapshot", { uploads: [shared(1, { name: "b.bin" })], completed: [] }, 0);
  assertEquals(chosen(list, [own({ isThere: false })]), [1]);
});
