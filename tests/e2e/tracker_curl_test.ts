/** A session of plain curl calls: every row of the plain protocol's table, and every variant that it names. */

import { assertEquals, assertMatch, assertObjectMatch } from "@std/assert";
import { finished, startTracker, startTransfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
const alice = { peer_id: "alice", ip: "192.0.2.1", port: 9001 };
const bob = { peer_id: "bob", ip: "2001:db8::1", port: 9002 };
const toGeneral = { channel: "general", message: "hi" };
const FORM = "username=ann&password=correct+horse";
const LOGIN = { username: "ann", password: "correct horse" };

interface CurlAnswer {
  readonly status: number;
  readonly type: string;
  readonly cookies: readonly string[];
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

type Curl = (path: string, ...args: readonly string[]) => Promise<CurlAnswer>;

/** Runs curl against a port, with nothing but the arguments that a person would type. */
function curlOf(port: number): Curl {
  return async (path, ...args) => {
    const { stdout } = await new Deno.Command("curl", {
      args: ["-sSi", "-m", "20", `http://localhost:${port}${path}`, ...args],
      stderr: "inherit",
    }).output();
    const text = new TextDecoder().decode(stdout);
    const end = text.indexOf("\r\n\r\n");
    const head = text.slice(0, end);
    const field = (name: string) =>
      [...head.matchAll(new RegExp(`^${name}: (.*)$`, "gim"))].map(([, value = ""]) => value);
    const [type = ""] = field("content-type");
    const body = text.slice(end + 4);
    return {
      status: Number(head.split(" ")[1]),
      type,
      cookies: field("set-cookie"),
      body: type === "application/json" ? JSON.parse(body) : body,
    };
  };
}

/** Arguments that send an object as JSON, under the type that curl gives it: a form's. */
function json(value: unknown): string[] {
  return ["-d", JSON.stringify(value)];
}

const AS_JSON = ["-H", "Content-Type: application/json"];

/** Carries out a session: what is asked, and what the answer must have. */
async function session(
  curl: Curl,
  steps: readonly (readonly [path: string, args: readonly string[], expected: Record<string, unknown>])[],
): Promise<void> {
  for (const [path, args, expected] of steps) {
    const { status, type, body } = await curl(path, ...args);
    const told = `curl ${args.join(" ")} ${path}: ${status} ${JSON.stringify(body)}`;
    assertEquals([status, type, body.status], [200, "application/json", "success"], told);
    assertObjectMatch(body, expected, told);
    for (const each of body.messages ?? []) assertMatch(each.timestamp, TIME);
    for (const each of body.peers ?? []) assertMatch(each.last_seen, TIME);
  }
}

Deno.test("curl gets the answers of the table: peers, channels and messages", async () => {
  await using dir = await tempDir();
  await using tracker = await startTracker(`${dir.path}/chat.db`);
  const listed = { peers: [alice, bob], count: 2 };
  const broadcast = { message: "Message broadcasted", channel: "general" };
  const said = { channel: "general", messages: [{ from: "alice", message: "hi" }], count: 3 };
  const direct = { messages: [{ from: "alice", message: "psst" }], count: 1 };
  const post = ["-X", "POST"];
  await session(curlOf(tracker.port), [
    ["/submit-info", json(alice), { message: "Peer registered", peer_id: "alice" }],
    ["/submit-info/", [...AS_JSON, ...json({ ...bob, port: "9002" })], { peer_id: "bob" }],
    ["/get-list", [], listed],
    ["/get-list/", [], listed],
    ["/get-list", post, listed],
    ["/get-list", json({}), listed],
    ["/add-list", json({ peer_id: "alice", channel: "general" }), {
      message: "Added to channel general",
      channel: "general",
      members_count: 1,
    }],
    ["/add-list", json({ peer_id: "bob", channel: "dev" }), { channel: "dev", members_count: 1 }],
    ["/connect-peer", json({ from_peer: "alice", to_peer: "bob" }), {
      message: "Peer info retrieved",
      peer_info: bob,
    }],
    ["/broadcast-peer", json({ peer_id: "alice", ...toGeneral }), { ...broadcast, recipients: 0 }],
    ["/broadcast-peer", json({ from_peer: "bob", ...toGeneral }), { ...broadcast, recipients: 1 }],
    ["/broadcast-peer", json({ peer_id: "stranger", ...toGeneral }), broadcast],
    ["/send-peer", json({ from_peer: "alice", to_peer: "bob", message: "psst" }), {
      message: "Message sent",
      peer_info: bob,
    }],
    ["/get-messages?channel=general", [], said],
    ["/get-messages?channel=", [], said],
    ["/get-messages", [], said],
    ["/get-messages", ["-X", "GET", ...json({ channel: "dev" })], said],
    ["/get-messages", json({ channel: "general" }), said],
    ["/get-messages", json({ channel: "" }), said],
    ["/get-messages", json({}), said],
    ["/get-messages", post, said],
    ["/get-messages/?channel=dev", [], { channel: "dev", messages: [], count: 0 }],
    ["/get-messages", json({ channel: "dev" }), { channel: "dev", messages: [], count: 0 }],
    ["/get-direct-messages?peer1=alice&peer2=bob", [], direct],
    ["/get-direct-messages?peer1=bob&peer2=alice", [], direct],
    ["/get-direct-messages", json({ peer1: "bob", peer2: "alice" }), direct],
  ]);
  // Without users nobody has to log in, and nobody can.
  const { status, body } = await curlOf(tracker.port)("/login", "-d", FORM);
  assertEquals([status, body], [401, {
    status: "error",
    message: "This tracker has no users: nobody has to log in",
  }]);
});

Deno.test("curl logs in by form and JSON, says hello, and logs out, with each method", async () => {
  await using dir = await tempDir();
  const users = `${dir.path}/users.txt`;
  const adding = startTransfer(["tracker", "user", "add", "ann", "--users", users], { hasInput: true });
  await new Blob(["correct horse\n"]).stream().pipeTo(adding.stdin);
  assertEquals((await finished(adding)).code, 0);
  await using tracker = await startTracker(`${dir.path}/chat.db`, { flags: ["--users", users] });
  const curl = curlOf(tracker.port);
  const jar = ["-c", `${dir.path}/jar`, "-b", `${dir.path}/jar`];
  const hello = { user: "ann" };
  for (const method of ["POST", "PUT"]) {
    for (const login of [["-d", FORM], json(LOGIN), [...AS_JSON, ...json(LOGIN)]]) {
      const { status, cookies, body } = await curl("/login", "-X", method, ...login);
      assertEquals([status, body.status], [200, "success"], `${method} ${login}`);
      assertMatch(
        cookies.join("\n"),
        /^transfer_session=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/,
      );
    }
    await session(curl, [
      ["/login", [...jar, "-d", FORM], hello],
      // Who has a cookie already may log in again.
      ["/login/", [...jar, "-X", method, "-d", FORM], hello],
      ["/hello", jar, hello],
      ["/hello", [...jar, "-X", "PUT"], hello],
      ["/hello/", [...jar, "-X", "POST"], hello],
      ["/get-list", jar, { count: 0 }],
      ["/logout", [...jar, "-X", method], { message: "Logged out" }],
    ]);
  }
  const wrong = ["-d", "username=ann&password=wrong"];
  const refusals = [["/login", wrong], ["/hello", []], ["/hello", ["-X", "PUT"]], [
    "/get-list",
    jar,
  ]] as const;
  for (const [path, args] of refusals) {
    const { status, body } = await curl(path, ...args);
    assertEquals([status, body.status], [401, "error"], path);
    const page = await curl(path, "-H", "Accept: text/html", ...args);
    assertEquals([page.status, page.type], [401, "text/html; charset=utf-8"], path);
  }
});

Deno.test("curl is told what is wrong as JSON, with a fitting status", async () => {
  await using dir = await tempDir();
  await using tracker = await startTracker(`${dir.path}/chat.db`);
  const curl = curlOf(tracker.port);
  await curl("/submit-info", ...json(alice));
  const cases: readonly (readonly [number, string, ...string[]])[] = [
    [400, "/submit-info", "-d", "{"],
    [400, "/submit-info", "-d", "[]"],
    [400, "/submit-info", "-d", "null"],
    [400, "/submit-info", ...json({ ...alice, peer_id: 7 })],
    [400, "/submit-info", ...json({ ...alice, port: 0 })],
    [400, "/submit-info", ...json({ peer_id: "alice", ip: "192.0.2.1" })],
    [400, "/submit-info", ...json({ ...alice, peer_id: "'; DROP TABLE peers; --" })],
    [400, "/submit-info", ...json({ ...alice, peer_id: "two\nlines" })],
    [400, "/broadcast-peer", ...json(toGeneral)],
    [400, "/broadcast-peer", ...json({ ...toGeneral, peer_id: "alice", message: "x".repeat(4097) })],
    [400, "/get-direct-messages?peer1=alice"],
    [404, "/add-list", ...json({ peer_id: "nobody", channel: "general" })],
    [404, "/connect-peer", ...json({ from_peer: "alice", to_peer: "nobody" })],
    [404, "/send-peer", ...json({ from_peer: "alice", to_peer: "nobody", message: "hi" })],
    [404, "/broadcast-peer", ...json({ ...toGeneral, peer_id: "alice", channel: "nowhere" })],
    [404, "/get-messages?channel=nowhere"],
    [404, "/nothing"],
    [405, "/submit-info"],
    [405, "/get-list", "-X", "DELETE"],
    [413, "/submit-info", "-d", "x".repeat(65_537)],
    [403, "/submit-info", "-H", "Origin: http://elsewhere.example", ...json(alice)],
    [403, "/get-list", "-H", "Host: elsewhere.example"],
  ];
  for (const [expected, path, ...args] of cases) {
    const { status, body } = await curl(path, ...args);
    assertEquals([status, body.status], [expected, "error"], `${path} ${args.join(" ").slice(0, 200)}`);
    assertEquals(typeof body.message, "string");
  }
  assertObjectMatch((await curl("/get-list")).body, { peers: [alice], count: 1 });
});
