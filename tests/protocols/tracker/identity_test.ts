import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Signatures } from "../../../protocols/tracker/identity.ts";
import { SIGNATURE_WINDOW_MS } from "../../../protocols/tracker/limits.ts";
import { hashPassword } from "../../../protocols/tracker/passwords.ts";
import { Refusal } from "../../../protocols/tracker/refusal.ts";
import { signer, type TestTracker, testTracker, type TrackerAnswer } from "../../support/tracker.ts";

const alice = { peer_id: "alice", ip: "192.0.2.1", port: 9001 };

/** Sends a signed request. */
async function signed(
  tracker: TestTracker,
  who: ReturnType<typeof signer>,
  path: string,
  body: unknown,
): Promise<TrackerAnswer> {
  const text = JSON.stringify(body);
  return await tracker.post(path, text, { "x-peer-auth": who.auth("POST", path, text) });
}

Deno.test("a signed registration binds a peer to its key, and nobody else may use it", async () => {
  await using tracker = await testTracker();
  const [own, other] = [signer(), signer()];
  for (const peer_id of ["bob", "carol"]) await tracker.post("/submit-info", { ...alice, peer_id });
  assertEquals((await signed(tracker, own, "/submit-info", alice)).status, 200);
  const requests: [string, unknown][] = [
    ["/submit-info", { ...alice, port: 6666 }],
    ["/add-list", { peer_id: "alice", channel: "general" }],
    ["/broadcast-peer", { peer_id: "alice", channel: "general", message: "hi" }],
    ["/broadcast-peer", { from_peer: "alice", channel: "general", message: "hi" }],
    ["/send-peer", { from_peer: "alice", to_peer: "bob", message: "hi" }],
    ["/connect-peer", { from_peer: "alice", to_peer: "bob" }],
    ["/leave-list", { peer_id: "alice", channel: "general" }],
  ];
  for (const [path, body] of requests) {
    assertEquals((await tracker.post(path, body)).status, 403, `unsigned ${path}`);
    assertEquals((await signed(tracker, other, path, body)).status, 403, `another key ${path}`);
  }
  assertEquals((await tracker.get("/get-list")).body.peers[2].port, 9001);
  assertEquals((await tracker.get("/get-messages")).body.count, 0);
  for (const [path, body] of requests) {
    assertEquals((await signed(tracker, own, path, body)).status, 200, path);
  }
  assertEquals(tracker.denials.every(({ reason }) => reason === "bound_peer"), true);
});

Deno.test("the body's from_peer is no way around peer_id", async () => {
  await using tracker = await testTracker();
  await signed(tracker, signer(), "/submit-info", alice);
  const both = { peer_id: "mallory", from_peer: "alice", channel: "general", message: "hi" };
  await tracker.post("/broadcast-peer", both);
  assertEquals((await tracker.get("/get-messages")).body.messages[0].from, "mallory");
});

Deno.test("names that look the same to a person in two normal forms are one", async () => {
  await using tracker = await testTracker();
  await signed(tracker, signer(), "/submit-info", { ...alice, peer_id: "andr\u00e9" });
  const { status } = await tracker.post("/submit-info", { ...alice, peer_id: "andre\u0301" });
  assertEquals(status, 403);
});

Deno.test("a signature is good once, for one request, for a minute", async () => {
  await using tracker = await testTracker();
  const own = signer();
  const text = JSON.stringify(alice);
  const send = (auth: string, body = text, path = "/submit-info") => {
    return tracker.post(path, body, { "x-peer-auth": auth });
  };
  const good = own.auth("POST", "/submit-info", text);
  assertEquals((await send(good)).status, 200);
  const replayed = await send(good);
  assertEquals([replayed.status, replayed.body.message], [401, "The signature was used before"]);
  const fresh = () => own.auth("POST", "/submit-info", text);
  assertEquals((await send(fresh(), JSON.stringify({ ...alice, port: 1 }))).status, 401);
  assertEquals((await send(fresh(), text, "/submit-info/")).status, 401);
  assertEquals((await send(fresh(), text, "/submit-info?x=1")).status, 401);
  const late = await send(own.auth("POST", "/submit-info", text, { ts: Date.now() - 61_000 }));
  assertStringIncludes(late.body.message, "time is off");
  assertEquals((await send(own.auth("POST", "/submit-info", text, { ts: Date.now() + 61_000 }))).status, 401);
  for (
    const broken of ["", "v1", "v2 a b c d", `${fresh()}=`, fresh().replace(" ", "  "), fresh().slice(0, -1)]
  ) {
    assertEquals((await send(broken)).status, 401, broken);
  }
  // The last of 43 characters has two bits that no byte has: another spelling of the same key.
  const [version, key = "", ...rest] = fresh().split(" ");
  const twin = key.slice(0, -1) + String.fromCharCode(key.charCodeAt(42) + 1);
  assertEquals((await send([version, twin, ...rest].join(" "))).status, 401);
});

Deno.test("what was signed before the tracker started is to be signed anew, and not refused for good", () => {
  const own = signer();
  const signatures = new Signatures(1_000_000);
  const request = { method: "POST", target: "/x", body: new Uint8Array(0) };
  const send = (ts: number, nowMs: number) =>
    signatures.signer(own.auth("POST", "/x", "", { ts }), request, nowMs);
  // A clock that is a little behind: the same peer is right in a moment.
  const early = assertThrows(() => send(998_000, 1_001_000), Refusal);
  assertEquals([early.status, early.message], [503, "The tracker has just started: sign again in a moment"]);
  send(1_000_000, 1_002_000);
});

Deno.test("a clock that is set back shuts nobody out, and lets no replay in", () => {
  const own = signer();
  const startedAtMs = 10_000_000;
  const signatures = new Signatures(startedAtMs);
  const request = { method: "POST", target: "/x", body: new Uint8Array(0) };
  const auth = (ts: number, nonce?: string) =>
    own.auth("POST", "/x", "", { ts, ...nonce === undefined ? {} : { nonce } });
  const before = auth(startedAtMs + 1000);
  signatures.signer(before, request, startedAtMs + 1000);
  const nowMs = startedAtMs - 3_600_000;
  const first = auth(nowMs);
  signatures.signer(first, request, nowMs);
  assertThrows(() => signatures.signer(first, request, nowMs + 10), Refusal, "used before");
  assertThrows(() => signatures.signer(before, request, nowMs + 20), Refusal, "time is off");
  // What is remembered from before the jump does not keep what came after it.
  const laterMs = nowMs + 2 * SIGNATURE_WINDOW_MS + 1;
  signatures.signer(auth(laterMs), request, laterMs);
  assertEquals(signatures.remembered, 1);
});

Deno.test("what two bound peers wrote is for them alone, and so are their events", async () => {
  await using tracker = await testTracker();
  const [a, b, c] = [signer(), signer(), signer()];
  await signed(tracker, a, "/submit-info", alice);
  await signed(tracker, b, "/submit-info", { ...alice, peer_id: "bob" });
  await signed(tracker, a, "/send-peer", { from_peer: "alice", to_peer: "bob", message: "secret" });
  const target = "/get-direct-messages?peer1=alice&peer2=bob";
  const read = async (who?: typeof a) => {
    return (await tracker.get(target, who === undefined ? {} : { "x-peer-auth": who.auth("GET", target) }))
      .status;
  };
  assertEquals([await read(), await read(c), await read(a), await read(b)], [403, 403, 200, 200]);
  for (const path of ["/events?peer_id=bob", "/conversations?peer_id=bob"]) {
    assertEquals((await tracker.get(path)).status, 403, path);
  }
});

Deno.test("a registration with a session binds a peer to the user", async () => {
  const hash = await hashPassword("correct horse");
  await using tracker = await testTracker({
    users: new Map([["ann", hash], ["ben", hash]]),
    token: "secret",
  });
  const session = async (username: string) => {
    const { headers } = await tracker.post("/login", { username, password: "correct horse" });
    return { cookie: headers.get("set-cookie")?.split(";")[0] ?? "" };
  };
  const [ann, ben] = [await session("ann"), await session("ben")];
  assertEquals((await tracker.post("/submit-info", alice, ann)).status, 200);
  const hi = { peer_id: "alice", channel: "general", message: "hi" };
  assertEquals((await tracker.post("/broadcast-peer", hi, ben)).status, 403);
  assertEquals((await tracker.post("/broadcast-peer", hi, { authorization: "Bearer secret" })).status, 403);
  assertEquals((await tracker.post("/broadcast-peer", hi, await session("ann"))).status, 200);
});

Deno.test("a repeated msg_id is answered as before, also when both come at once", async () => {
  await using tracker = await testTracker();
  const hi = { peer_id: "alice", channel: "general", message: "hi", msg_id: "m-1" };
  const [first, second] = await Promise.all([
    tracker.post("/broadcast-peer", hi),
    tracker.post("/broadcast-peer", hi),
  ]);
  const third = await tracker.post("/broadcast-peer", { ...hi, message: "other" });
  assertEquals([first.body.id, second.body.id, third.body.id], [1, 1, 1]);
  const duplicates = [first, second, third].map(({ body }) => body.duplicate === true);
  assertEquals(duplicates.sort(), [false, true, true]);
  await tracker.post("/broadcast-peer", { ...hi, peer_id: "bob" });
  assertEquals((await tracker.get("/get-messages")).body.count, 2);
});

Deno.test("messages are read by page, forwards and backwards", async () => {
  await using tracker = await testTracker();
  for (let i = 1; i <= 9; i++) {
    await tracker.post("/broadcast-peer", { peer_id: "alice", channel: "general", message: `m${i}` });
  }
  const ids = async (query: string) => {
    const { body } = await tracker.get(`/get-messages?${query}`);
    assertEquals(body.last_id, 9);
    return body.messages.map(({ id }: { id: number }) => id);
  };
  assertEquals(await ids("limit=2"), [8, 9]);
  assertEquals(await ids("since=3&limit=2"), [4, 5]);
  assertEquals(await ids("since=9"), []);
  assertEquals(await ids("before=4&limit=2"), [2, 3]);
  assertEquals(await ids("since=2&before=5"), [3, 4]);
});
