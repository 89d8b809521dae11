import { assertEquals, assertStringIncludes } from "@std/assert";
import { hashPassword } from "../../protocols/tracker/passwords.ts";
import { certificates } from "../support/certificates.ts";
import { startChat } from "../support/chat_process.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testTracker } from "../support/tracker.ts";

/** Flags of a chat. */
function flags(url: string, dir: string, name: string, ...more: readonly string[]): string[] {
  return ["--tracker", url, "--name", name, "--key", `${dir}/${name}.pem`, ...more];
}

Deno.test("two chats talk directly, and reach a third one through the tracker", async () => {
  await using dir = await tempDir();
  await using tracker = await testTracker();
  await using bob = startChat(flags(tracker.url, dir.path, "bob"));
  await bob.until("ready");
  // Nothing listens at port 1.
  await using carol = startChat(flags(tracker.url, dir.path, "carol", "--advertise", "127.0.0.1:1"));
  await carol.until("ready");
  await using alice = startChat(flags(tracker.url, dir.path, "alice"));
  await alice.until("ready");

  await alice.type("hello all");
  const sent = await alice.until("sent");
  assertEquals([sent.channel, sent.direct, sent.tracker], ["general", ["bob"], true]);
  const atBob = await bob.until("message");
  assertEquals([atBob.from, atBob.text, atBob.via], ["alice", "hello all", "direct"]);
  const atCarol = await carol.until("message");
  assertEquals([atCarol.from, atCarol.text, atCarol.via], ["alice", "hello all", "tracker"]);

  await alice.type("/msg bob psst");
  assertEquals((await alice.until("sent")).tracker, false);
  await alice.type("/msg carol hey");
  const around = await alice.until("sent");
  assertEquals([around.to, around.direct, around.tracker], ["carol", [], true]);
  assertEquals((await carol.until("message")).text, "hey");
  // The answer takes the connection that is there, though Carol can't be connected to.
  await carol.type("/msg alice thanks");
  assertEquals((await carol.until("sent")).direct, ["alice"]);
  const answer = await alice.until("message");
  assertEquals([answer.text, answer.via], ["thanks", "direct"]);

  await alice.type("/who");
  const { members } = await alice.until("who");
  assertEquals(members.map(({ peer }: { peer: string }) => peer).sort(), ["alice", "bob", "carol"]);
  // What went directly the tracker never saw, and what went both ways is there once.
  const stored = await tracker.get("/get-messages?channel=general");
  assertEquals(stored.body.messages.map(({ message }: { message: string }) => message), ["hello all"]);
  const atEnd = await bob.end();
  assertEquals(atEnd.code, 0);
  assertEquals(atEnd.rest.filter(({ event }) => event === "message").map(({ text }) => text), ["psst"]);
});

Deno.test("a message to somebody who is away waits at the tracker", async () => {
  await using dir = await tempDir();
  await using tracker = await testTracker();
  await tracker.post("/submit-info", { peer_id: "page", ip: "0.0.0.0", port: 9 });
  await using alice = startChat(flags(tracker.url, dir.path, "alice"));
  await alice.type("/msg page see you");
  assertEquals((await alice.until("sent")).tracker, true);
  await alice.type("/msg nobody hi");
  assertStringIncludes((await alice.until("sent")).failed, "no such peer");
  await alice.type("/nonsense");
  assertStringIncludes((await alice.until("error")).error, "/nonsense");
  // Nobody connects to oneself.
  await alice.type("/msg alice a note");
  const { rest } = await alice.end();
  assertEquals(rest.map(({ event, to, direct, tracker }) => [event, to, direct, tracker]), [
    ["sent", "alice", [], true],
  ]);
});

Deno.test("a name that another key has is refused", async () => {
  await using dir = await tempDir();
  await using tracker = await testTracker();
  await using alice = startChat(flags(tracker.url, dir.path, "alice"));
  await alice.until("ready");
  const impostor = startChat(["--tracker", tracker.url, "--name", "alice", "--key", `${dir.path}/other.pem`]);
  const { code, stderr } = await impostor.end();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "bound to somebody else");
});

Deno.test("what was said before is shown, and a new channel is entered", async () => {
  await using dir = await tempDir();
  await using tracker = await testTracker();
  await tracker.post("/submit-info", { peer_id: "page", ip: "0.0.0.0", port: 9 });
  await tracker.post("/broadcast-peer", { peer_id: "page", channel: "general", message: "before\u001b[2J" });
  await using alice = startChat(flags(tracker.url, dir.path, "alice"));
  const past = await alice.until("message");
  assertEquals([past.text, past.past], ["before\u001b[2J", true]);
  await alice.type("/join dev");
  assertEquals((await alice.until("joined")).channel, "dev");
  await alice.type("first");
  const sent = await alice.until("sent");
  assertEquals([sent.channel, sent.direct, sent.tracker], ["dev", [], true]);
  await tracker.post("/broadcast-peer", { peer_id: "page", channel: "dev", message: "seen" });
  assertEquals((await alice.until("message")).text, "seen");
});

Deno.test("a tracker with TLS, users and a token lets in by --ca and either of the others", async () => {
  await using dir = await tempDir();
  const authority = await certificates(dir.path);
  const users = new Map([["ann", await hashPassword("correct horse")]]);
  const tls = await authority.issue("DNS:localhost,IP:127.0.0.1");
  await using tracker = await testTracker({ tls, users, token: "let-me-in" });
  const ca = ["--ca", authority.ca];
  await using ann = startChat(flags(tracker.url, dir.path, "ann", ...ca, "--user", "ann:correct horse"));
  await ann.until("ready");
  await using bob = startChat(flags(tracker.url, dir.path, "bob", ...ca, "--token", "let-me-in"));
  await bob.until("ready");
  await bob.type("hello");
  const { from, text, via } = await ann.until("message");
  assertEquals([from, text, via], ["bob", "hello", "direct"]);
  const cases = [
    [["--user", "ann:wrong", ...ca], "User or password is wrong"],
    [["--token", "wrong", ...ca], "Log in, or present the token"],
    [ca, "Log in, or present the token"],
    [["--token", "let-me-in"], "certificate"],
  ] as const;
  for (const [wrong, message] of cases) {
    const { code, stderr } = await startChat(flags(tracker.url, dir.path, "eve", ...wrong)).end();
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, message);
  }
  const plain = await startChat(flags(`http://127.0.0.1:${tracker.port}`, dir.path, "eve")).end();
  assertEquals(plain.code, 1);
  assertStringIncludes(plain.stderr, "is its URL https://");
});

Deno.test("what is wrong with the flags of a chat is told, and --channel takes the sign of a channel", async () => {
  await using dir = await tempDir();
  await using tracker = await testTracker();
  const cases = [
    [["--advertise", "nonsense"], "--advertise: expected an address with a port"],
    [["--advertise", "home.example:9000"], "--advertise: expected an address with a port"],
    [["--channel", "two\nlines"], "--channel: expected letters"],
    [["--bogus"], "See: transfer tracker chat --help"],
  ] as const;
  for (const [wrong, message] of cases) {
    const { code, stderr } = await startChat(flags(tracker.url, dir.path, "eve", ...wrong)).end();
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, message);
  }
  const args = ["--channel", "#dev", "--advertise", "[2001:db8::1]:9000"];
  await using ann = startChat(flags(tracker.url, dir.path, "ann", ...args));
  const { channel, address } = await ann.until("ready");
  assertEquals([channel, address], ["dev", "[2001:db8::1]:9000"]);
});

Deno.test("a chat logs in again when the tracker has forgotten its session", async () => {
  await using dir = await tempDir();
  const users = new Map([["ann", await hashPassword("correct horse")]]);
  const before = await testTracker({ users });
  await using ann = startChat(flags(before.url, dir.path, "ann", "--user", "ann:correct horse"));
  await ann.until("ready");
  await before.server.close();
  assertEquals((await ann.until("tracker")).connected, false);
  await using _after = await testTracker({ users, port: before.port });
  assertEquals((await ann.until("tracker")).connected, true);
  await ann.type("still here");
  assertEquals((await ann.until("sent")).tracker, true);
});
