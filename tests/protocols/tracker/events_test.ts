import { assert, assertEquals, assertStringIncludes } from "@std/assert";
// @ts-types="npm:@types/ws@8.18.2"
import { WebSocket as ForeignWebSocket } from "ws";
import { hashPassword } from "../../../protocols/tracker/passwords.ts";
import { readEvents } from "../../support/event_reader.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { exchange, type TestTracker, testTracker } from "../../support/tracker.ts";

async function register(tracker: TestTracker, ...peers: readonly string[]): Promise<void> {
  for (const peer_id of peers) await tracker.post("/submit-info", { peer_id, ip: "192.0.2.1", port: 1 });
}

async function say(tracker: TestTracker, message: string, channel = "general"): Promise<number> {
  const { body } = await tracker.post("/broadcast-peer", { peer_id: "alice", channel, message });
  return body.id;
}

Deno.test("a reader is told messages, members and presence, and only messages have an id", async () => {
  await using tracker = await testTracker();
  await using events = await readEvents(`${tracker.url}/events`);
  assertEquals((await events.next())?.data, { last_id: 0 });
  await register(tracker, "alice");
  assertEquals(await events.next(), { id: "", type: "presence", data: { peer_id: "alice", online: true } });
  await tracker.post("/add-list", { peer_id: "alice", channel: "general" });
  assertEquals(await events.next(), {
    id: "",
    type: "member",
    data: { channel: "general", peer_id: "alice", joined: true, members_count: 1 },
  });
  await say(tracker, "hi");
  const message = await events.next();
  assertEquals([message?.type, message?.id, message?.data.message], ["message", "1", "hi"]);
});

Deno.test("channels and direct messages go to those who asked for them", async () => {
  await using tracker = await testTracker();
  await register(tracker, "alice", "bob", "carol");
  await tracker.post("/add-list", { peer_id: "alice", channel: "other" });
  await using general = await readEvents(`${tracker.url}/events?channel=general&peer_id=bob`);
  await using other = await readEvents(`${tracker.url}/events?channel=other&channel=other`);
  await general.next();
  await other.next();
  await say(tracker, "one");
  await say(tracker, "two", "other");
  await tracker.post("/send-peer", { from_peer: "alice", to_peer: "bob", message: "three" });
  await tracker.post("/send-peer", { from_peer: "alice", to_peer: "carol", message: "four" });
  await tracker.post("/send-peer", { from_peer: "bob", to_peer: "bob", message: "five" });
  await say(tracker, "six");
  await say(tracker, "seven", "other");
  const read = async (reader: typeof general, count: number) => {
    const texts: string[] = [];
    while (texts.length < count) texts.push((await reader.next())?.data.message);
    return texts;
  };
  assertEquals(await read(general, 4), ["one", "three", "five", "six"]);
  assertEquals(await read(other, 2), ["two", "seven"]);
});

Deno.test("who asks for no more than the head of the events gets it, and the connection ends as it says", async () => {
  await using tracker = await testTracker();
  const head = (path: string) => `${path} HTTP/1.1\r\nHost: localhost\r\n`;
  const said = await exchange(
    tracker.port,
    `${head("HEAD /events")}\r\n${head("GET /get-list")}Connection: close\r\n\r\n`,
  );
  assertStringIncludes(said, "Content-Type: text/event-stream\r\n");
  assertStringIncludes(said, "Connection: close\r\n");
  assertEquals(said.split("HTTP/1.1 ").length, 2, said);
  assert(!said.includes("Content-Length") && said.endsWith("\r\n\r\n"), said);
});

Deno.test("whoever comes back with its last id gets all that it missed, once and in order", async () => {
  await using tracker = await testTracker();
  for (let i = 1; i <= 700; i++) await say(tracker, `m${i}`);
  await using events = await readEvents(`${tracker.url}/events`, { "last-event-id": "20" });
  // These come while it is being told of the earlier ones.
  const more = Promise.all(Array.from({ length: 50 }, (_, i) => say(tracker, `m${701 + i}`)));
  assertEquals((await events.next())?.type, "ready");
  for (let id = 21; id <= 750; id++) {
    const event = await events.next();
    assertEquals([event?.id, event?.type], [String(id), "message"]);
    if (id <= 700) assertEquals(event?.data.message, `m${id}`);
  }
  await more;
});

Deno.test("ids and messages outlive a restart, and a reader goes on", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  {
    await using tracker = await testTracker({ db });
    await register(tracker, "alice");
    await tracker.post("/add-list", { peer_id: "alice", channel: "kept" });
    for (const text of ["one", "two", "three"]) await say(tracker, text, "kept");
  }
  await using tracker = await testTracker({ db });
  await using events = await readEvents(`${tracker.url}/events?channel=kept&since=1`);
  assertEquals((await events.next())?.data, { last_id: 3 });
  await say(tracker, "four", "kept");
  const told = [await events.next(), await events.next(), await events.next()];
  assertEquals(told.map((event) => [event?.id, event?.data.message]), [["2", "two"], ["3", "three"], [
    "4",
    "four",
  ]]);
  assertEquals((await tracker.get("/get-list")).body.peers[0].peer_id, "alice");
  assertEquals((await tracker.get("/members?channel=kept")).body.members, [{
    peer_id: "alice",
    online: true,
  }]);
});

Deno.test("two trackers do not share a database", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  await using _tracker = await testTracker({ db });
  const second = await testTracker({ db }).catch((error: Error) => error.message);
  assertStringIncludes(String(second), "in use by another tracker");
});

Deno.test("a reader is told that what it missed is gone", async () => {
  await using tracker = await testTracker({ historyCount: 5 });
  // A room is cleaned up every thousand messages.
  await Promise.all(Array.from({ length: 1001 }, (_, i) => say(tracker, `m${i}`)));
  await say(tracker, "last");
  await using events = await readEvents(`${tracker.url}/events?since=1`);
  const gap = await events.next();
  assertEquals(gap?.type, "gap");
  assert(gap?.data.oldest_id > 900);
});

Deno.test("/ws tells the same, and passes over what it is sent", async () => {
  await using tracker = await testTracker();
  await say(tracker, "one");
  const socket = new ForeignWebSocket(`ws://127.0.0.1:${tracker.port}/ws?since=0`, "transfer");
  const told: unknown[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  socket.on("message", (bytes: unknown) => {
    const event = JSON.parse(String(bytes));
    told.push([event.event, event.id, event.data.message]);
    if (told.length === 2) {
      socket.send("whatever");
      void say(tracker, "two");
    }
    if (told.length === 3) resolve();
  });
  await enough;
  assertEquals(told, [["ready", undefined, undefined], ["message", 1, "one"], ["message", 2, "two"]]);
  const { promise: closed, resolve: onClose } = Promise.withResolvers<number>();
  socket.on("close", onClose);
  await tracker.server.close();
  assertEquals(await closed, 1001);
});

Deno.test("what is no upgrade of this connection is told that here is a WebSocket", async () => {
  await using tracker = await testTracker();
  const ask = (headers: string) =>
    exchange(
      tracker.port,
      `GET /ws HTTP/1.1\r\nHost: localhost\r\n${headers}Sec-WebSocket-Version: 13\r\n\r\n`,
    );
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  for (
    const headers of [
      `Connection: close\r\nUpgrade: websocket\r\n${key}`,
      "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\n",
      `Connection: close, Upgrade\r\nUpgrade: h2c\r\n${key}`,
    ]
  ) {
    assertStringIncludes(await ask(headers), "HTTP/1.1 426 ", headers);
  }
  const head = `Connection: Upgrade\r\nUpgrade: websocket\r\n${key}Sec-WebSocket-Version: 13\r\n`;
  const last = "GET /get-list HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const said = await exchange(tracker.port, `HEAD /ws HTTP/1.1\r\nHost: localhost\r\n${head}\r\n${last}`);
  assertStringIncludes(said, "HTTP/1.1 426 ");
});

Deno.test("a reader that reads nothing is cut off, and nobody else notices", async () => {
  await using tracker = await testTracker();
  using slow = await Deno.connect({ hostname: "127.0.0.1", port: tracker.port });
  await slow.write(new TextEncoder().encode("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  await using quick = await readEvents(`${tracker.url}/events`);
  await quick.next();
  const text = "x".repeat(4096);
  let isCut = false;
  let last = 0;
  // The kernel holds a few megabytes, too.
  for (let round = 0; round < 100 && !isCut; round++) {
    await Promise.all(Array.from({ length: 64 }, () => say(tracker, text)));
    for (let i = 0; i < 64; i++) {
      const id = Number((await quick.next())?.id);
      assertEquals(id, last + 1);
      last = id;
    }
    isCut = String((await tracker.get("/metrics")).body).includes("tracker_readers_cut_total 1\n");
  }
  assertEquals(isCut, true);
  assertEquals((await tracker.get("/metrics")).body.includes("tracker_readers 1\n"), true);
});

Deno.test("hundreds of readers are told everything, once and in order", async () => {
  await using tracker = await testTracker();
  const readers = await Promise.all(Array.from({ length: 300 }, () => readEvents(`${tracker.url}/events`)));
  for (const reader of readers) await reader.next();
  for (let i = 0; i < 20; i++) await say(tracker, `m${i}`);
  for (const reader of readers) {
    for (let id = 1; id <= 20; id++) assertEquals((await reader.next())?.id, String(id));
  }
  await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
});

Deno.test("a stream ends with the session that it was opened with", async () => {
  const users = new Map([["ann", await hashPassword("correct horse")]]);
  await using tracker = await testTracker({ users, heartbeatMs: 20 });
  const unknown = await fetch(`${tracker.url}/events`);
  assertEquals(unknown.status, 401);
  await unknown.body?.cancel();
  const login = await tracker.post("/login", { username: "ann", password: "correct horse" });
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  await using events = await readEvents(`${tracker.url}/events`, { cookie });
  assertEquals((await events.next())?.type, "ready");
  await tracker.post("/logout", "", { cookie });
  assertEquals(await events.next(), undefined);
});

Deno.test("an open stream is a sign of life", async () => {
  await using tracker = await testTracker({ peerTtlMs: 1 });
  await register(tracker, "alice", "bob");
  await using events = await readEvents(`${tracker.url}/events?peer_id=alice`);
  await events.until("presence");
  const { body } = await tracker.get("/get-list");
  assertEquals(body.peers.map(({ peer_id }: { peer_id: string }) => peer_id), ["alice"]);
});

Deno.test("a closing tracker ends its streams", async () => {
  const tracker = await testTracker();
  await using events = await readEvents(`${tracker.url}/events`);
  await events.next();
  await say(tracker, "last words");
  await tracker.server.close();
  assertEquals((await events.next())?.data.message, "last words");
  assertEquals(await events.next(), undefined);
});
