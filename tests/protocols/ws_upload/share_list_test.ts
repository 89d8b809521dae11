import { assert, assertEquals, assertMatch } from "@std/assert";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { readEvents } from "../../support/event_reader.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { testServer } from "../../support/upload_server.ts";

const KEY = "key-of-the-upload";
const start = { action: "start", fileId: KEY, fileName: "film.mkv", fileSize: 100_000 };
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

Deno.test("what is uploaded is shown only where that was asked for, and only with the token", async () => {
  const status = async (url: string, headers = {}) => {
    const response = await fetch(url, { headers });
    await response.body?.cancel();
    return response.status;
  };
  await using silent = await testServer();
  await using open = await testServer({ shareList: true });
  await using guarded = await testServer({ shareList: true, token: "secret" });
  for (const path of ["/api/uploads", "/api/events"]) {
    assertEquals(await status(silent.url + path), 404);
    assertEquals(await status(open.url + path), 200);
    assertEquals(await status(guarded.url + path), 401);
    assertEquals(await status(guarded.url + path, { Authorization: "Bearer secret" }), 200);
    assertEquals(await status(open.url + path, { Origin: "http://evil.example" }), 403);
  }
});

Deno.test("the list follows uploads from start to end", async () => {
  await using server = await testServer({ shareList: true });
  const list = async () => {
    const response = await fetch(`${server.url}/api/uploads`);
    assertEquals(response.headers.get("content-type"), "application/json");
    const text = await response.text();
    assert(!text.includes(KEY));
    return JSON.parse(text);
  };
  assertEquals(await list(), { uploads: [], completed: [] });
  const bytes = pseudoRandomBytes(100_000);
  {
    await using client = await plainClient(server.ws);
    await client.ask(start);
    await sendChunks(client, { fileId: KEY, bytes, to: 65_536 });
    const { uploads: [active] } = await list();
    const { startedAt, heardAt, ...rest } = active;
    assertEquals(rest, { id: 1, name: "film.mkv", fileSize: 100_000, offset: 65_536, state: "active" });
    for (const time of [startedAt, heardAt]) assertMatch(time, TIME);
    await client.ask({ action: "pause", fileId: KEY });
    assertEquals((await list()).uploads[0].state, "paused");
    await client.ask({ action: "stop", fileId: KEY, delete: false });
    assertEquals((await list()).uploads[0].state, "orphaned");
  }
  await using client = await plainClient(server.ws);
  await client.ask(start);
  await sendChunks(client, { fileId: KEY, bytes, from: 65_536 });
  await client.ask({ action: "complete", fileId: KEY });
  const { uploads, completed } = await list();
  assertEquals(uploads, []);
  assertEquals(completed.map(({ id, name, state }: typeof completed[0]) => [id, name, state]), [
    [1, "film.mkv", "completed"],
  ]);
});

Deno.test("events tell what happens, and a reader that comes back gets what it missed", async () => {
  await using server = await testServer({ shareList: true });
  const url = `${server.url}/api/events`;
  await using client = await plainClient(server.ws);
  let seen = "";
  {
    await using reader = await readEvents(url);
    assertEquals(reader.response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assertEquals((await reader.next())?.data, { uploads: [], completed: [] });
    await client.ask(start);
    const [started] = await reader.until("started");
    assertEquals([started?.data.name, started?.data.state], ["film.mkv", "active"]);
    seen = started?.id ?? "";
  }
  const bytes = pseudoRandomBytes(100_000);
  await sendChunks(client, { fileId: KEY, bytes });
  await client.ask({ action: "pause", fileId: KEY });
  await client.ask({ action: "resume", fileId: KEY });
  await client.ask({ action: "complete", fileId: KEY });
  await client.ask({ ...start, fileName: "other" });
  await client.ask({ action: "stop", fileId: KEY, delete: false });
  await client.ask({ ...start, fileName: "other" });
  await client.ask({ action: "stop", fileId: KEY });

  await using reader = await readEvents(url, { "Last-Event-ID": seen });
  const events = await reader.until("deleted");
  const types = events.map(({ type }) => type).filter((type) => type !== "progress");
  assertEquals(types, ["paused", "resumed", "completed", "started", "interrupted", "resumed", "deleted"]);
  const numbers = events.map(({ id }) => Number(id.split("-")[1]));
  assertEquals(numbers, numbers.map((_, i) => Number(seen.split("-")[1]) + 1 + i));
  assert(!JSON.stringify(events).includes(KEY));
  assertEquals(events.find(({ type }) => type === "completed")?.data.offset, 100_000);
});

Deno.test("a reader from before a restart starts over, and so does one that was away too long", async () => {
  await using server = await testServer({ shareList: true });
  const url = `${server.url}/api/events`;
  await using client = await plainClient(server.ws);
  await client.ask(start);
  await using stranger = await readEvents(url, { "Last-Event-ID": "before-1" });
  const [reset, snapshot] = await stranger.until("snapshot");
  assertEquals([reset?.type, snapshot?.data.uploads.length], ["reset", 1]);

  const first = (snapshot?.id ?? "").replace(/\d+$/, "0");
  for (let i = 0; i < 500; i++) {
    await client.ask({ action: "pause", fileId: KEY });
    await client.ask({ action: "resume", fileId: KEY });
  }
  await using late = await readEvents(url, { "Last-Event-ID": first });
  assertEquals((await late.next())?.type, "reset");
  await using inTime = await readEvents(url, { "Last-Event-ID": first.replace(/0$/, "1") });
  assertEquals((await inTime.next())?.type, "paused");
});

Deno.test("progress arrives while an upload goes on, its last state too, and the end when the server stops", async () => {
  const server = await testServer({ shareList: true });
  await using reader = await readEvents(`${server.url}/api/events`);
  await reader.until("snapshot");
  await using client = await plainClient(server.ws);
  await client.ask(start);
  const data = pseudoRandomBytes(1000).toBase64();
  for (let offset = 0; offset < 100_000; offset += 1000) {
    client.send({ action: "chunk", fileId: KEY, offset, data });
  }
  const offsets: number[] = [];
  while (offsets.at(-1) !== 100_000) {
    for (const { type, data } of await reader.until("progress")) {
      if (type === "progress") offsets.push(data.offset);
    }
  }
  assert(offsets.length < 100, `${offsets.length} events of progress`);
  const stopped = server[Symbol.asyncDispose]();
  await reader.until("interrupted");
  assertEquals(await reader.next(), undefined);
  await stopped;
});
