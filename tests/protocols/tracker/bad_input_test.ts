/** What must not work, and how it is answered. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { hashPassword } from "../../../protocols/tracker/passwords.ts";
import { exchange, testTracker } from "../../support/tracker.ts";

const alice = { peer_id: "alice", ip: "192.0.2.1", port: 9001 };
const hi = { peer_id: "alice", channel: "general", message: "hi" };

Deno.test("bodies that are not what is asked for are answered with 400 and change nothing", async () => {
  await using tracker = await testTracker();
  const bodies: [string, unknown][] = [
    ["/submit-info", "{"],
    ["/submit-info", "[]"],
    ["/submit-info", "null"],
    ["/submit-info", '"alice"'],
    ["/submit-info", ""],
    ["/submit-info", { ...alice, peer_id: 7 }],
    ["/submit-info", { ...alice, peer_id: "" }],
    ["/submit-info", { ...alice, peer_id: "x".repeat(65) }],
    ["/submit-info", { ...alice, peer_id: "bob'; DROP TABLE peers; --" }],
    ["/submit-info", { ...alice, peer_id: "<img src=x onerror=alert(1)>" }],
    ["/submit-info", { ...alice, peer_id: "a\u001b[31m" }],
    ["/submit-info", { ...alice, peer_id: "a\u202egnp.exe" }],
    ["/submit-info", { ...alice, peer_id: "a\nb" }],
    ["/submit-info", { ...alice, peer_id: " alice" }],
    ["/submit-info", { ...alice, ip: "localhost" }],
    ["/submit-info", { ...alice, ip: "1.2.3.4.5" }],
    ["/submit-info", { ...alice, port: 0 }],
    ["/submit-info", { ...alice, port: 65_536 }],
    ["/submit-info", { ...alice, port: 1.5 }],
    ["/submit-info", { ...alice, port: [80] }],
    ["/add-list", { peer_id: "alice" }],
    ["/broadcast-peer", { channel: "general", message: "hi" }],
    ["/broadcast-peer", { ...hi, message: "" }],
    ["/broadcast-peer", { ...hi, message: { a: 1 } }],
    ["/broadcast-peer", { ...hi, message: "x".repeat(4097) }],
    ["/broadcast-peer", { ...hi, message: "ü".repeat(2049) }],
    ["/broadcast-peer", { ...hi, msg_id: "a b" }],
    ["/get-messages", { since: -1 }],
    ["/get-messages", { limit: 0 }],
    ["/get-messages", { limit: 1001 }],
    ["/get-messages", { channel: ["general"] }],
  ];
  for (const [path, sent] of bodies) {
    const { status, body } = await tracker.post(path, sent);
    assertEquals([status, body.status], [400, "error"], `${path} ${JSON.stringify(sent)}`);
    assertEquals(typeof body.message, "string");
  }
  assertEquals((await tracker.get("/get-list")).body.count, 0);
  assertEquals((await tracker.get("/get-messages")).body.count, 0);
  assertEquals(tracker.errors, []);
});

Deno.test("what is no UTF-8 is refused", async () => {
  await using tracker = await testTracker();
  const body = new Uint8Array([0x7b, 0xff, 0x7d]);
  const response = await fetch(`${tracker.url}/submit-info`, { method: "POST", body });
  assertEquals([response.status, (await response.json()).message], [400, "The body is not UTF-8"]);
});

Deno.test("unknown peers, channels, paths and methods are told so", async () => {
  await using tracker = await testTracker();
  await tracker.post("/submit-info", alice);
  const unknown: [string, unknown][] = [
    ["/add-list", { peer_id: "bob", channel: "general" }],
    ["/connect-peer", { from_peer: "alice", to_peer: "bob" }],
    ["/send-peer", { from_peer: "alice", to_peer: "bob", message: "hi" }],
    ["/broadcast-peer", { ...hi, channel: "nowhere" }],
    ["/get-messages", { channel: "nowhere" }],
    ["/__proto__", {}],
    ["/nothing", {}],
  ];
  for (const [path, sent] of unknown) {
    const { status, body } = await tracker.post(path, sent);
    assertEquals([status, body.status], [404, "error"], path);
  }
  const response = await fetch(`${tracker.url}/submit-info`, { method: "DELETE" });
  assertEquals([response.status, response.headers.get("allow")], [405, "POST"]);
  await response.body?.cancel();
});

Deno.test("what looks like SQL or markup in a message is kept as it is", async () => {
  await using tracker = await testTracker();
  const texts = [
    "'); DROP TABLE messages; --",
    '<script>alert("x")</script>',
    "\u001b]0;owned\u0007 \u202e",
    '","from":"root',
    "\ud800 lone",
    "a\u2028b\r\n\r\nid: 99\ndata: forged\n\n",
  ];
  for (const message of texts) await tracker.post("/broadcast-peer", { ...hi, message });
  const { headers, body } = await tracker.get("/get-messages");
  assertEquals(
    body.messages.map(({ message }: { message: string }) => message),
    texts.map((t) => t.toWellFormed()),
  );
  assertEquals(headers.get("content-type"), "application/json");
  assertEquals(headers.get("x-content-type-options"), "nosniff");
});

Deno.test("pages of other sites can do nothing, nor can names that point here", async () => {
  await using tracker = await testTracker();
  const foreign = await tracker.post("/submit-info", alice, { origin: "https://evil.example" });
  assertEquals(foreign.status, 403);
  const own = await tracker.post("/submit-info", alice, { origin: tracker.url });
  assertEquals(own.status, 200);
  const get = (headers: string) =>
    exchange(tracker.port, `GET /get-list HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
  assertStringIncludes(await get("Host: evil.example\r\n"), "HTTP/1.1 403 ");
  assertStringIncludes(await get("Host: localhost\r\n"), "HTTP/1.1 200 ");
  const upgrade =
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n" +
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const shut = upgrade.replace(
    "Upgrade: websocket\r\nConnection: Upgrade",
    "Upgrade: websocket\r\nConnection: close",
  );
  assertStringIncludes(await exchange(tracker.port, shut), "HTTP/1.1 403 ");
  assertEquals(tracker.denials.map(({ reason }) => reason), ["origin", "host", "origin"]);
});

Deno.test("an allowed origin may read, and is asked first", async () => {
  await using tracker = await testTracker({ allowedOrigins: ["https://app.example"] });
  const origin = "https://app.example";
  const { headers } = await tracker.get("/get-list", { origin });
  assertEquals(headers.get("access-control-allow-origin"), origin);
  const response = await fetch(`${tracker.url}/submit-info`, { method: "OPTIONS", headers: { origin } });
  assertStringIncludes(response.headers.get("access-control-allow-headers") ?? "", "X-Peer-Auth");
  assertEquals((await tracker.get("/get-list")).headers.get("access-control-allow-origin"), null);
});

Deno.test("forged cookies are no session, and a form with a cookie is no JSON", async () => {
  await using tracker = await testTracker({ users: new Map([["ann", await hashPassword("correct horse")]]) });
  const forged = [
    "transfer_session=",
    `transfer_session=${"A".repeat(43)}`,
    "transfer_session=ann; user=ann",
  ];
  for (const cookie of forged) {
    assertEquals((await tracker.get("/get-list", { cookie })).status, 401, cookie);
    assertEquals((await tracker.post("/submit-info", alice, { cookie })).status, 401, cookie);
  }
  const login = await tracker.post("/login", { username: "ann", password: "correct horse" });
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    const { status } = await tracker.post("/submit-info", alice, { cookie, "content-type": type });
    assertEquals(status, 415, type);
  }
  assertEquals((await tracker.post("/submit-info", alice, { cookie })).status, 200);
});

Deno.test("a token lets in, a wrong one does not", async () => {
  await using tracker = await testTracker({ token: "secret" });
  assertEquals((await tracker.get("/get-list")).status, 401);
  assertEquals((await tracker.get("/metrics")).status, 401);
  assertEquals((await tracker.get("/get-list", { authorization: "Bearer wrong" })).status, 401);
  assertEquals((await tracker.get("/get-list", { authorization: "Bearer secret" })).status, 200);
  assertEquals((await tracker.get("/healthz")).status, 200);
  assertEquals(tracker.denials.map(({ reason }) => reason), ["token"]);
});

Deno.test("guessing passwords is slowed down, for one user and one address", async () => {
  const users = new Map([["ann", await hashPassword("correct horse")]]);
  await using tracker = await testTracker({ users, behindProxy: true });
  const from = (address: string) => ({ "x-forwarded-for": `198.51.100.9, ${address}` });
  const guess = (password: string, address: string) =>
    tracker.post("/login", { username: "ann", password }, from(address));
  for (let i = 0; i < 5; i++) assertEquals((await guess("wrong", "203.0.113.1")).status, 401);
  const refused = await guess("correct horse", "203.0.113.1");
  assertEquals(refused.status, 429);
  assertEquals(Number(refused.headers.get("retry-after")) > 800, true);
  assertEquals((await guess("correct horse", "203.0.113.2")).status, 200);
});

Deno.test("rates hold for addresses and peers from elsewhere", async () => {
  await using tracker = await testTracker({ behindProxy: true, rates: { perAddress: 2, perPeer: 1 } });
  const headers = { "x-forwarded-for": "203.0.113.1" };
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) statuses.push((await tracker.post("/broadcast-peer", hi, headers)).status);
  assertEquals(statuses, [...new Array(10).fill(200), 429, 429]);
  const others: number[] = [];
  for (let i = 0; i < 10; i++) others.push((await tracker.get("/get-list", headers)).status);
  assertEquals(others, [...new Array(8).fill(200), 429, 429]);
  assertEquals((await tracker.post("/broadcast-peer", hi, { "x-forwarded-for": "203.0.113.2" })).status, 200);
  assertEquals((await tracker.get("/get-messages")).body.count, 11);
});
