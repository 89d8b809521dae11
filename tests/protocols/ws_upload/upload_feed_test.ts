import { assertEquals } from "@std/assert";
import { UploadFeed } from "../../../protocols/ws_upload/upload_feed.ts";
import type { UploadEvent } from "../../../protocols/ws_upload/upload_event.ts";
import type { ListedUpload } from "../../../protocols/ws_upload/held_uploads.ts";

const KEY = "the-secret-key";
const upload = { fileId: KEY, name: "film.mkv", fileSize: 1000 };
const listed: ListedUpload = { ...upload, offset: 0, state: "active" };

function feed(uploads: readonly ListedUpload[] = []): UploadFeed {
  return new UploadFeed(uploads);
}

function types(events: ReturnType<UploadFeed["handle"]>): readonly string[] {
  return events.map(({ type }) => type);
}

const progress = (offset: number): UploadEvent => ({ type: "progress", ...upload, offset });

Deno.test("progress is told four times a second, and the last of it is not lost", () => {
  const told = feed();
  assertEquals(types(told.handle({ type: "started", ...upload, offset: 0 }, 0)), ["started"]);
  let count = 0;
  for (let atMs = 1; atMs <= 10_000; atMs++) {
    count += told.tick(atMs).length;
    count += told.handle(progress(atMs / 10), atMs).length;
  }
  assertEquals(count, 40);
  told.handle(progress(1000), 10_001);
  assertEquals(told.dueAtMs, 10_250);
  assertEquals(told.tick(10_249), []);
  assertEquals(told.tick(10_250).map(({ upload }) => upload.offset), [1000]);
  assertEquals(told.dueAtMs, undefined);
});

Deno.test("what ends or interrupts an upload is told at once, with the offset it has", () => {
  const told = feed();
  told.handle({ type: "started", ...upload, offset: 0 }, 0);
  assertEquals(told.handle(progress(10), 1), []);
  const [paused] = told.handle({ type: "paused", ...upload, offset: 10 }, 2);
  assertEquals([paused?.type, paused?.upload.offset], ["paused", 10]);
  assertEquals(told.dueAtMs, undefined);
  assertEquals(types(told.handle({ type: "unpaused", ...upload, offset: 10 }, 3)), ["resumed"]);
  assertEquals(types(told.handle({ type: "interrupted", ...upload, offset: 10 }, 4)), ["interrupted"]);
  assertEquals(types(told.handle({ type: "resumed", ...upload, offset: 10 }, 5)), ["resumed"]);
  const done: UploadEvent = { type: "completed", fileId: KEY, name: "film (1).mkv", path: "/x", bytes: 1000 };
  assertEquals(types(told.handle(done, 6)), ["completed"]);
  assertEquals(told.snapshot([]).completed, [{
    id: 1,
    name: "film (1).mkv",
    fileSize: 1000,
    offset: 1000,
    state: "completed",
    startedAt: "1970-01-01T00:00:00.000Z",
    heardAt: "1970-01-01T00:00:00.006Z",
  }]);
});

Deno.test("a list shows where uploads are now, the last heard of first, under ids that stay", () => {
  const orphan: ListedUpload = { ...listed, fileId: "old", offset: 5, state: "orphaned" };
  const told = feed([orphan]);
  told.handle({ type: "started", ...upload, offset: 0 }, 60_000);
  const { uploads } = told.snapshot([orphan, { ...listed, offset: 7 }]);
  assertEquals(uploads.map(({ id, state, offset, startedAt }) => [id, state, offset, startedAt]), [
    [2, "active", 7, "1970-01-01T00:01:00.000Z"],
    [1, "orphaned", 5, null],
  ]);
  assertEquals(told.snapshot([orphan]).uploads.map(({ id }) => id), [1]);
});

Deno.test("keys, paths of this machine and reasons are not told, whatever happens", () => {
  const told = feed();
  const events: readonly UploadEvent[] = [
    { type: "failed", fileId: "unknown-key", name: "unknown-key", reason: "disk at /srv" },
    { type: "started", ...upload, offset: 0 },
    progress(1),
    { type: "failed", fileId: KEY, name: KEY, reason: "disk at /srv" },
    { type: "completed", fileId: KEY, name: "film.mkv", path: "/srv/film.mkv", bytes: 1000 },
    { type: "started", ...upload, offset: 0 },
    { type: "deleted", fileId: KEY, name: "film.mkv" },
    { type: "unusable", path: "/srv/x.part", reason: "no journal" },
  ];
  const all = events.flatMap((event, i) => told.handle(event, i * 1000));
  assertEquals(types(all), ["started", "progress", "failed", "completed", "started", "deleted"]);
  const text = JSON.stringify([all, told.snapshot([listed])]);
  for (const secret of [KEY, "unknown-key", "/srv", "fileId"]) {
    assertEquals(text.includes(secret), false, secret);
  }
});

Deno.test("lists are bounded, and uploads that are gone are forgotten", () => {
  const told = feed();
  const many = Array.from({ length: 700 }, (_, i): ListedUpload => ({ ...listed, fileId: `k${i}` }));
  for (const [i, { fileId }] of many.entries()) {
    told.handle({ type: "started", ...upload, fileId, offset: 0 }, i);
  }
  assertEquals(told.snapshot(many).uploads.length, 500);
  for (const { fileId } of many) {
    told.handle({ type: "completed", fileId, name: fileId, path: "", bytes: 1000 }, 1000);
  }
  const { completed, uploads } = told.snapshot([]);
  assertEquals([completed.length, completed[0]?.name, uploads.length], [100, "k699", 0]);
});
