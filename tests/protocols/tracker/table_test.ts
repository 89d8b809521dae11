/** Every row of the plain protocol, and every variant that its table names. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hashPassword } from "../../../protocols/tracker/passwords.ts";
import { testTracker } from "../../support/tracker.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
const alice = { peer_id: "alice", ip: "192.0.2.1", port: 9001 };
const bob = { peer_id: "bob", ip: "2001:db8::1", port: 9002 };

async function withPeers() {
  const tracker = await testTracker();
  await tracker.post("/submit-info", alice);
  await tracker.post("/submit-info", bob);
  return tracker;
}

Deno.test("POST /submit-info registers a peer, with its port as a number or digits", async () => {
  await using tracker = await testTracker();
  for (const port of [9001, "9001"]) {
    const { status, body } = await tracker.post("/submit-info", { ...alice, port });
    assertEquals([status, body], [200, { status: "success", message: "Peer registered", peer_id: "alice" }]);
  }
  const { body } = await tracker.get("/get-list");
  assertEquals(body.peers.map(({ peer_id, ip, port }: typeof alice) => ({ peer_id, ip, port })), [alice]);
});

Deno.test("GET and POST /get-list list the peers", async () => {
  await using tracker = await withPeers();
  const answers = [
    await tracker.get("/get-list"),
    await tracker.post("/get-list", ""),
    await tracker.post("/get-list", {}),
  ];
  for (const { status, body } of answers) {
    assertEquals([status, body.status, body.count], [200, "success", 2]);
    const [first] = body.peers;
    assertEquals(Object.keys(first).sort(), ["ip", "last_seen", "peer_id", "port"]);
    assertMatch(first.last_seen, TIME);
  }
});

Deno.test("POST /add-list adds to a channel, once, and makes it", async () => {
  await using tracker = await withPeers();
  const members = async (peer_id: string, channel: string) => {
    const { body } = await tracker.post("/add-list", { peer_id, channel });
    return [body.status, body.message, body.channel, body.members_count];
  };
  assertEquals(await members("alice", "general"), ["success", "Added to channel general", "general", 1]);
  assertEquals(await members("alice", "general"), ["success", "Added to channel general", "general", 1]);
  assertEquals(await members("bob", "general"), ["success", "Added to channel general", "general", 2]);
  assertEquals(await members("bob", "new one"), ["success", "Added to channel new one", "new one", 1]);
});

Deno.test("POST /connect-peer tells where a peer is", async () => {
  await using tracker = await withPeers();
  const { status, body } = await tracker.post("/connect-peer", { from_peer: "alice", to_peer: "bob" });
  assertEquals(status, 200);
  assertEquals(body, { status: "success", message: "Peer info retrieved", peer_info: bob });
});

Deno.test("POST /broadcast-peer takes peer_id or from_peer, also of peers that did not join", async () => {
  await using tracker = await withPeers();
  await tracker.post("/add-list", { peer_id: "alice", channel: "general" });
  for (const [name, recipients] of [["peer_id", 0], ["from_peer", 0]] as const) {
    const { status, body } = await tracker.post("/broadcast-peer", {
      [name]: "alice",
      channel: "general",
      message: "hi",
    });
    assertEquals(
      [status, body.status, body.message, body.recipients, body.channel],
      [200, "success", "Message broadcasted", recipients, "general"],
    );
  }
  const { body } = await tracker.post("/broadcast-peer", {
    peer_id: "bob",
    channel: "general",
    message: "x",
  });
  assertEquals([body.status, body.recipients], ["success", 1]);
  const stranger = await tracker.post("/broadcast-peer", {
    peer_id: "zed",
    channel: "general",
    message: "x",
  });
  assertEquals(stranger.body.status, "success");
});

Deno.test("POST /send-peer sends to one", async () => {
  await using tracker = await withPeers();
  const sent = { from_peer: "alice", to_peer: "bob", message: "psst" };
  const { status, body } = await tracker.post("/send-peer", sent);
  assertEquals([status, body.status, body.message], [200, "success", "Message sent"]);
  assertEquals(body.peer_info, { ...bob, online: true });
});

Deno.test("/get-messages reads a channel: GET, POST, and general when none is named", async () => {
  await using tracker = await withPeers();
  await tracker.post("/add-list", { peer_id: "alice", channel: "other" });
  await tracker.post("/broadcast-peer", { peer_id: "alice", channel: "general", message: "one" });
  await tracker.post("/broadcast-peer", { peer_id: "alice", channel: "other", message: "two" });
  const general = [
    await tracker.get("/get-messages?channel=general"),
    await tracker.get("/get-messages"),
    await tracker.post("/get-messages", { channel: "general" }),
    await tracker.post("/get-messages", {}),
    await tracker.post("/get-messages", ""),
  ];
  for (const { status, body } of general) {
    assertEquals([status, body.status, body.channel, body.count], [200, "success", "general", 1]);
    const [{ from, message, timestamp }] = body.messages;
    assertEquals([from, message], ["alice", "one"]);
    assertMatch(timestamp, TIME);
  }
  assertEquals((await tracker.get("/get-messages?channel=other")).body.messages[0].message, "two");
});

Deno.test("the body of a GET means nothing", async () => {
  await using tracker = await withPeers();
  await tracker.post("/broadcast-peer", { peer_id: "alice", channel: "general", message: "one" });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: tracker.port });
  const body = '{"channel":"nowhere"}';
  const text =
    `GET /get-messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}`;
  await conn.write(new TextEncoder().encode(`${text}\r\n\r\n${body}`));
  assertStringIncludes(await new Response(conn.readable).text(), '"channel":"general"');
});

Deno.test("GET and POST /get-direct-messages read a conversation, both ways round", async () => {
  await using tracker = await withPeers();
  await tracker.post("/send-peer", { from_peer: "alice", to_peer: "bob", message: "ping" });
  await tracker.post("/send-peer", { from_peer: "bob", to_peer: "alice", message: "pong" });
  const answers = [
    await tracker.get("/get-direct-messages?peer1=alice&peer2=bob"),
    await tracker.get("/get-direct-messages?peer1=bob&peer2=alice"),
    await tracker.post("/get-direct-messages", { peer1: "alice", peer2: "bob" }),
  ];
  for (const { status, body } of answers) {
    assertEquals([status, body.status, body.count], [200, "success", 2]);
    assertEquals(
      body.messages.map(({ from, message }: { from: string; message: string }) => [from, message]),
      [
        ["alice", "ping"],
        ["bob", "pong"],
      ],
    );
  }
});

Deno.test("a trailing slash and any content type are accepted", async () => {
  await using tracker = await testTracker();
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"]) {
    const { status } = await tracker.post("/submit-info/", alice, { "content-type": type });
    assertEquals(status, 200, type);
  }
  assertEquals((await tracker.get("/get-list/")).body.count, 1);
});

Deno.test("POST and PUT /login, /logout, /hello keep a session in a cookie", async () => {
  await using tracker = await testTracker({ users: new Map([["ann", await hashPassword("correct horse")]]) });
  const form = new URLSearchParams({ username: "ann", password: "correct horse" });
  const forms: RequestInit[] = [
    { method: "POST", body: form },
    { method: "PUT", body: form },
    { method: "POST", body: JSON.stringify(Object.fromEntries(form)) },
    {
      method: "PUT",
      body: JSON.stringify(Object.fromEntries(form)),
      headers: { "content-type": "application/json" },
    },
  ];
  for (const init of forms) {
    const response = await fetch(`${tracker.url}/login`, { ...init, redirect: "manual" });
    assertEquals([response.status, (await response.json()).status], [200, "success"]);
    const cookie = response.headers.get("set-cookie") ?? "";
    assertMatch(cookie, /^transfer_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const headers = { cookie: cookie.split(";")[0] ?? "", "content-type": "application/json" };
    for (const method of ["GET", "PUT", "POST"]) {
      const hello = await fetch(`${tracker.url}/hello`, { method, headers });
      assertEquals([hello.status, (await hello.json()).user], [200, "ann"]);
    }
    assertEquals((await tracker.get("/get-list", headers)).status, 200);
    assertEquals((await tracker.post("/logout", "", headers)).status, 200);
    assertEquals((await tracker.get("/hello", headers)).status, 401);
    assertEquals((await tracker.get("/get-list", headers)).status, 401);
  }
});

Deno.test("who is not logged in gets a page or JSON, as Accept says", async () => {
  await using tracker = await testTracker({ users: new Map([["ann", await hashPassword("correct horse")]]) });
  const wrong = { username: "ann", password: "wrong" };
  assertEquals((await tracker.post("/login", wrong)).body.status, "error");
  for (const path of ["/hello", "/get-list", "/"]) {
    const { status, headers, body } = await tracker.get(path, { accept: "text/html,*/*" });
    assertEquals([status, headers.get("content-type")], [401, "text/html; charset=utf-8"], path);
    assertStringIncludes(body, 'action="/login"');
  }
  const { status, body } = await tracker.get("/hello", { accept: "application/json" });
  assertEquals([status, body.status], [401, "error"]);
});

Deno.test("openapi.json and /docs name every path", async () => {
  await using tracker = await testTracker();
  const { body } = await tracker.get("/openapi.json");
  const docs = (await tracker.get("/docs")).body;
  const paths = Object.keys(body.paths);
  for (
    const path of ["/submit-info", "/get-list", "/add-list", "/connect-peer", "/broadcast-peer", "/send-peer"]
  ) {
    assertEquals(paths.includes(path), true, path);
    assertStringIncludes(docs, path);
  }
  const schema = body.paths["/submit-info"].post.requestBody.content["application/json"].schema;
  assertEquals(schema.required, ["peer_id", "ip", "port"]);
});

Deno.test("/ is open without users, and has a strict policy", async () => {
  await using tracker = await testTracker();
  const { status, headers } = await tracker.get("/");
  assertEquals(status, 200);
  assertStringIncludes(headers.get("content-security-policy") ?? "", "default-src 'none'");
});
