import { assertEquals, assertRejects } from "@std/assert";
import { newKeyPem, type SigningKey, signingKey } from "../../../protocols/tracker/ed25519.ts";
import { PeerLinks } from "../../../protocols/tracker/peer_links.ts";
import {
  type ChatMessage,
  encodePeerMessage,
  parsePeerMessage,
} from "../../../protocols/tracker/peer_messages.ts";
import { PeerSession } from "../../../protocols/tracker/peer_session.ts";

const keys: Readonly<Record<string, SigningKey>> = {
  alice: signingKey(newKeyPem()),
  bob: signingKey(newKeyPem()),
};
const message: ChatMessage = { type: "message", id: "1", text: "hi", ts: 1 };

/** A peer that listens on loopback, and what it is told. */
function peer(id: string, key = keys[id] ?? signingKey(newKeyPem()), acknowledgeMs = 5_000) {
  const heard: string[] = [];
  const refusals: string[] = [];
  const { promise: refused, resolve } = Promise.withResolvers<void>();
  const links = new PeerLinks({
    id,
    key,
    host: "127.0.0.1",
    port: 0,
    acknowledgeMs,
    keyOf: (name) => Promise.resolve(keys[name]?.key),
    onMessage: (from, { text }) => void heard.push(`${from}: ${text}`),
    onEnded: () => {},
    onRefused: ({ reason }) => {
      refusals.push(reason);
      resolve();
    },
  });
  const at = (owner: string) => ({ ip: "127.0.0.1", port: links.port, key: keys[owner]?.key ?? "" });
  return { links, heard, refusals, refused, at, [Symbol.dispose]: () => links[Symbol.dispose]() };
}

Deno.test("messages go over one connection, both ways", async () => {
  using alice = peer("alice");
  using bob = peer("bob");
  await Promise.all(
    [1, 2, 3].map((n) => alice.links.send("bob", bob.at("bob"), { ...message, id: String(n) })),
  );
  await bob.links.send("alice", undefined, message);
  assertEquals([bob.heard, alice.heard], [["alice: hi", "alice: hi", "alice: hi"], ["bob: hi"]]);
});

Deno.test("who connects under another's name is refused", async () => {
  using impostor = peer("alice", signingKey(newKeyPem()));
  using bob = peer("bob");
  await assertRejects(
    () => impostor.links.send("bob", bob.at("bob"), message),
    Error,
    "bound to another key",
  );
  await bob.refused;
  assertEquals([bob.heard, bob.refusals], [[], ["This peer_id is bound to another key"]]);
});

Deno.test("who answers under another's name is told nothing", async () => {
  using alice = peer("alice");
  using impostor = peer("bob", signingKey(newKeyPem()));
  await assertRejects(() => alice.links.send("bob", impostor.at("bob"), message), Error, "not bob");
  assertEquals(impostor.heard, []);
});

Deno.test("what is no message ends the connection, with the reason", async () => {
  using bob = peer("bob");
  for (const line of ["GET / HTTP/1.1\r\n", "[]\n", `${"x".repeat(70_000)}\n`]) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: bob.links.port });
    await conn.write(new TextEncoder().encode(line));
    const buffer = new Uint8Array(1000);
    const count = await conn.read(buffer);
    assertEquals(JSON.parse(new TextDecoder().decode(buffer.subarray(0, count ?? 0))).type, "error");
  }
});

Deno.test("who connects over and over is told of ten times a minute, and who says nothing not at all", async () => {
  using bob = peer("bob");
  const knock = async (line: string) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: bob.links.port });
    await conn.write(new TextEncoder().encode(line));
    await conn.closeWrite();
    const buffer = new Uint8Array(1000);
    while (await conn.read(buffer) !== null);
  };
  for (let i = 0; i < 3; i++) await knock("");
  assertEquals(bob.refusals, []);
  for (let i = 0; i < 30; i++) await knock("[]\n");
  assertEquals(bob.refusals.length, 10);
});

Deno.test("a peer that acknowledges nothing is waited for once", async () => {
  using alice = peer("alice", keys.alice, 50);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hung = answerOnce(listener);
  const at = { ...alice.at("bob"), port: listener.addr.port };
  const error = await assertRejects(() => alice.links.send("bob", at, message), Error);
  assertEquals(error.message, "The peer did not answer");
  using _conn = await hung;
  assertEquals(alice.links.isLinked("bob"), false);
});

/** Is bob up to the handshake, and reads nothing after it. */
async function answerOnce(listener: Deno.TcpListener): Promise<Deno.TcpConn> {
  const conn = await listener.accept();
  const { alice, bob } = keys;
  if (alice === undefined || bob === undefined) throw new Error("There are no keys");
  const session = PeerSession.answering({ id: "bob", key: bob, nonce: "A".repeat(22) });
  const buffer = new Uint8Array(4096);
  const count = await conn.read(buffer) ?? 0;
  session.received(parsePeerMessage(buffer.subarray(0, count - 1)));
  for (const action of session.identified(alice.key)) {
    if (action.type === "send") await conn.write(encodePeerMessage(action.message));
  }
  return conn;
}

Deno.test("a peer that nobody listens for is out of reach", async () => {
  using alice = peer("alice");
  const gone = peer("bob");
  const address = gone.at("bob");
  gone[Symbol.dispose]();
  await assertRejects(() => alice.links.send("bob", address, message), Error, "Can't connect");
});
