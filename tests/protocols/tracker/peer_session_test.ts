import { assertEquals } from "@std/assert";
import { newKeyPem, type SigningKey, signingKey } from "../../../protocols/tracker/ed25519.ts";
import type { PeerMessage } from "../../../protocols/tracker/peer_messages.ts";
import { type PeerAction, PeerSession } from "../../../protocols/tracker/peer_session.ts";

const keys = {
  alice: signingKey(newKeyPem()),
  bob: signingKey(newKeyPem()),
  mallory: signingKey(newKeyPem()),
};
const nonce = (digit: string) => digit.repeat(21) + "A";

function dialing(id: string, key: SigningKey, to: { readonly id: string; readonly key: string }) {
  return PeerSession.dialing({ id, key, nonce: nonce("1") }, to);
}

function answering(id: string, key: SigningKey) {
  return PeerSession.answering({ id, key, nonce: nonce("2") });
}

function sent(actions: readonly PeerAction[]): PeerMessage[] {
  return actions.flatMap((action) => action.type === "send" ? action.message : []);
}

/** The kinds of actions, and why a connection ends. */
function outline(actions: readonly PeerAction[]): string[] {
  return actions.map((action) => action.type === "close" ? `close: ${action.reason}` : action.type);
}

/** Both ends after the handshake. */
function connected() {
  const bob = { id: "bob", key: keys.bob.key };
  const { session: dialer, hello } = dialing("alice", keys.alice, bob);
  const listener = answering("bob", keys.bob);
  assertEquals(outline(listener.received(hello)), ["identify"]);
  const [ack] = sent(listener.identified(keys.alice.key));
  const greeted = ack === undefined ? [] : dialer.received(ack);
  const [auth] = sent(greeted);
  const opened = auth === undefined ? [] : listener.received(auth);
  return { dialer, listener, hello, ack, auth, greeted, opened };
}

Deno.test("two who are who they say they are come together, and messages are acknowledged each time", () => {
  const { dialer, listener, greeted, opened } = connected();
  assertEquals([outline(greeted), outline(opened)], [["send", "open"], ["open"]]);
  assertEquals([dialer.peer, listener.peer], ["bob", "alice"]);
  const message = { type: "message", id: "1", text: "hi", ts: 1 } as const;
  for (const actions of [listener.received(message), listener.received(message)]) {
    assertEquals(outline(actions), ["deliver", "send"]);
    assertEquals(sent(actions), [{ type: "ack", id: "1" }]);
  }
  assertEquals(dialer.received({ type: "ack", id: "1" }), [{ type: "acknowledged", id: "1" }]);
});

Deno.test("a name that is bound to another key, or to none, is refused before anything is signed", () => {
  for (const bound of [keys.alice.key, undefined]) {
    const { hello } = dialing("alice", keys.mallory, { id: "bob", key: keys.bob.key });
    const listener = answering("bob", keys.bob);
    listener.received(hello);
    const actions = listener.identified(bound);
    assertEquals(sent(actions).map(({ type }) => type), ["error"]);
    assertEquals(actions.at(-1)?.type, "close");
    assertEquals(listener.peer, undefined);
  }
});

Deno.test("who claims a key without having it is refused", () => {
  const listener = answering("bob", keys.bob);
  const { hello } = dialing("alice", keys.alice, { id: "bob", key: keys.bob.key });
  listener.received(hello);
  listener.identified(keys.alice.key);
  const forged = { type: "auth", sig: keys.mallory.sign("whatever") } as const;
  assertEquals(outline(listener.received(forged)), ["send", "close: The signature is wrong"]);
});

Deno.test("an impostor that answers at a peer's address is refused", () => {
  const { session, hello } = dialing("alice", keys.alice, { id: "bob", key: keys.bob.key });
  const impostor = answering("bob", keys.mallory);
  impostor.received(hello);
  const [ack] = sent(impostor.identified(keys.alice.key));
  const actions = ack === undefined ? [] : session.received(ack);
  assertEquals(outline(actions), ["send", "close: Who answers there is not bob: the signature is wrong"]);
});

Deno.test("what was signed for one connection is of no use on another", () => {
  const { hello, auth } = connected();
  const again = PeerSession.answering({ id: "bob", key: keys.bob, nonce: nonce("3") });
  again.received(hello);
  again.identified(keys.alice.key);
  assertEquals(auth === undefined ? [] : outline(again.received(auth)), [
    "send",
    "close: The signature is wrong",
  ]);
});

Deno.test("a proof sent back to its sender is none", () => {
  const { session, hello } = dialing("alice", keys.alice, { id: "alice2", key: keys.alice.key });
  const { ack } = connected();
  assertEquals(outline(session.received(hello)).at(-1)?.startsWith("close"), true);
  assertEquals(ack === undefined ? undefined : session.received(ack), []);
});

Deno.test("nothing may be said before the handshake is done, and nothing is heard after an end", () => {
  const message = { type: "message", id: "1", text: "hi", ts: 1 } as const;
  const { session } = dialing("alice", keys.alice, { id: "bob", key: keys.bob.key });
  for (const early of [answering("bob", keys.bob), session]) {
    assertEquals(outline(early.received(message)), ["send", 'close: "message" is not expected here']);
    assertEquals([early.received(message), early.failed("x"), early.identified(undefined)], [[], [], []]);
  }
});

Deno.test("another version and one's own name are refused, and a reason is passed on", () => {
  const { hello } = dialing("alice", keys.alice, { id: "bob", key: keys.bob.key });
  const reasonFor = (change: object) => {
    return outline(answering("bob", keys.bob).received({ ...hello, ...change } as typeof hello)).at(-1);
  };
  assertEquals(reasonFor({ v: 2 }), "close: Version 2 is not spoken here, but 1");
  assertEquals(reasonFor({ peer_id: "bob" }), "close: That is my own peer_id");
  const { listener } = connected();
  assertEquals(outline(listener.received({ type: "error", error: "going" })), [
    "close: The peer says: going",
  ]);
});
