import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { clientProof, serverProof } from "../../../protocols/tcp_file/auth.ts";
import { FRAME } from "../../../protocols/tcp_file/frames.ts";
import { encodeListRequest, encodeRootRequest, ERROR_CODE } from "../../../protocols/tcp_file/messages.ts";
import { SERVING_LIMITS } from "../../../protocols/tcp_file/serving_action.ts";
import { concat } from "../../support/client_frames.ts";
import { Connection, frame, get, greeted, HELLO, LIST, NONCES, text } from "../../support/virtual_serving.ts";

const SENT_LIST = `send ${JSON.stringify(new TextDecoder().decode(LIST))}`;

Deno.test("a plain client gets the list at once, and what it asks for, until it ends", () => {
  const connection = new Connection();
  assertEquals(connection.told(), [SENT_LIST]);
  assertEquals(connection.send(text("a.txt")), ['plain {"kind":"size","name":"a.txt"}']);
  assertEquals(connection.send(text("a.txt|0-9")), [
    'plain {"kind":"range","name":"a.txt","range":{"offset":0,"length":9}}',
  ]);
  assertEquals(connection.send(text("a.txt|x")), ['send "Invalid range format."']);
  assertEquals(connection.send(text("a|b|c")), ['send "Invalid request format."']);
  assertEquals([connection.session.client, connection.end()], ["plain", ["close done"]]);
  assertEquals([connection.told(), connection.session.wakeAtMs], [[], undefined]);
});

Deno.test("a client of ours is greeted and served in the order of its requests", () => {
  const connection = greeted();
  const requests = concat([
    frame(FRAME.list, 1, encodeListRequest({ path: "" })),
    get(2, "d/a"),
    frame(FRAME.root, 3, encodeRootRequest({ path: "a", digest: true })),
    frame(FRAME.ping, 4, Uint8Array.of(0xfe)),
    frame(FRAME.bye, 0),
    get(5, "late"),
  ]);
  assertEquals(connection.send(requests), [
    'list 1 ""',
    "get 2 d/a 1+2",
    "root 3 a true",
    "send ping 4 true fe",
    "close done",
  ]);
  assertEquals(connection.session.client, "extension");
});

Deno.test("requests may come with the hello, and in any pieces", () => {
  const bytes = concat([HELLO, get(1, "a"), get(2, "b"), frame(FRAME.bye, 0)]);
  fc.assert(fc.property(fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (cuts) => {
    const connection = new Connection();
    const seen = connection.told();
    for (let at = 0; at < bytes.length;) {
      const to = at + (cuts.next().value ?? 1);
      seen.push(...connection.send(bytes.subarray(at, to)));
      connection.nowMs += 1;
      at = to;
    }
    assertEquals(seen, [SENT_LIST, "send greeting", "get 1 a 1+2", "get 2 b 1+2", "close done"]);
  }));
});

Deno.test("what could be a hello is waited for, and then is the name of a file", () => {
  const connection = new Connection();
  connection.told();
  connection.nowMs = 500;
  assertEquals(connection.send(text("x")), []);
  connection.nowMs = 600;
  assertEquals(connection.send(text("fer")), []);
  assertEquals(connection.wake(), ['plain {"kind":"size","name":"xfer"}']);
  assertEquals(connection.nowMs, 500 + SERVING_LIMITS.restOfHelloMs);
  const ended = new Connection();
  ended.told();
  ended.send(text("x"));
  assertEquals(ended.end(), ['plain {"kind":"size","name":"x"}', "close done"]);
});

Deno.test("with a token a plain client gets no list and no file", () => {
  const connection = new Connection("secret");
  assertEquals(connection.told(), []);
  assertEquals(connection.send(text("a.txt")), ['send "Token required."', "close refused"]);
});

Deno.test("with a token both ends prove that they know it", () => {
  const connection = greeted("secret");
  const auth = frame(FRAME.auth, 7, clientProof("secret", NONCES));
  assertEquals(connection.session.isAdmitted, false);
  assertEquals(connection.send(concat([auth, get(8, "a")])), [
    `send auth 7 true ${serverProof("secret", NONCES).toHex()}`,
    "get 8 a 1+2",
  ]);
});

const UNPROVEN: readonly (readonly [string, Uint8Array])[] = [
  ["another token", frame(FRAME.auth, 1, clientProof("other", NONCES))],
  ["the server's proof", frame(FRAME.auth, 1, serverProof("secret", NONCES))],
  ["half a proof", frame(FRAME.auth, 1, clientProof("secret", NONCES).subarray(16))],
  ["a request", get(1, "a")],
  ["a ping", frame(FRAME.ping, 1)],
];
for (const [what, bytes] of UNPROVEN) {
  Deno.test(`${what} instead of the token ends the connection, and nothing behind it is served`, () => {
    const code = ERROR_CODE.notAuthenticated;
    assertEquals(greeted("secret").send(concat([bytes, get(2, "a")])), [
      `send error 0 ${code}`,
      "close refused",
    ]);
  });
}

Deno.test("a request that can't be is refused alone", () => {
  const requests = [get(1, "../a"), frame(FRAME.list, 2, text("{")), frame(FRAME.auth, 3), get(4, "a")];
  assertEquals(greeted().send(concat(requests)), [
    "send error 1 1",
    "send error 2 1",
    "send error 3 1",
    "get 4 a 1+2",
  ]);
});

const BROKEN: readonly (readonly [string, Uint8Array])[] = [
  ["a plain request behind the hello", text("a.txt|0-100")],
  ["bytes of a file", frame(FRAME.data, 1, new Uint8Array(60))],
  ["a request without a number", get(0, "a")],
];
for (const [what, bytes] of BROKEN) {
  Deno.test(`${what} ends the connection of a client of ours`, () => {
    const padded = concat([bytes, new Uint8Array(12)]);
    assertEquals(greeted().send(padded), ["send error 0 1", "close broken"]);
  });
}

Deno.test("a plain request that is too long ends the connection", () => {
  const connection = new Connection();
  connection.told();
  assertEquals(connection.send(text("y".repeat(10_000))), ['send "Invalid request format."', "close broken"]);
});

Deno.test("a client that ends within a frame is told from one that is done", () => {
  const connection = greeted();
  connection.send(get(1, "a").subarray(0, 5));
  assertEquals(connection.end(), ["close broken"]);
  assertEquals(greeted().end(), ["close done"]);
});

Deno.test("who says nothing, or only half of what is needed, is gone after a while", () => {
  const silent = new Connection();
  silent.told();
  assertEquals([silent.wake(), silent.nowMs], [["close silent"], SERVING_LIMITS.silentMs]);
  const unproven = greeted("secret");
  unproven.nowMs = 9_000;
  unproven.send(frame(FRAME.auth, 1, new Uint8Array(32)).subarray(0, 20));
  assertEquals([unproven.wake(), unproven.nowMs], [["close silent"], SERVING_LIMITS.handshakeMs]);
});

Deno.test("who is silent after an answer is gone after the idle limit, bytes now and then or not", () => {
  const connection = greeted();
  connection.nowMs = 5_000;
  connection.send(get(1, "a"));
  const request = get(2, "a");
  for (let i = 0; i < 5; i++) {
    connection.nowMs += 10_000;
    assertEquals(connection.send(request.subarray(i, i + 1)), []);
  }
  assertEquals([connection.wake(), connection.nowMs], [["close silent"], 5_000 + SERVING_LIMITS.idleMs]);
  const plain = new Connection();
  plain.told();
  plain.nowMs = 1_000;
  plain.send(text("a"));
  assertEquals([plain.wake(), plain.nowMs], [["close silent"], 1_000 + SERVING_LIMITS.plainIdleMs]);
});

Deno.test("the time that an answer takes to be sent is not the client's", () => {
  const connection = greeted();
  const request = get(1, "a");
  connection.session.space().set(request);
  connection.session.filled(request.length, 0);
  assertEquals(connection.next()?.type, "get");
  connection.nowMs = 10 * SERVING_LIMITS.idleMs;
  assertEquals(connection.told(), []);
  assertEquals(connection.session.wakeAtMs, 11 * SERVING_LIMITS.idleMs);
});

Deno.test("a server that goes down tells clients of ours, and serves nothing more", () => {
  const connection = greeted();
  const requests = concat([get(1, "a"), get(2, "b")]);
  connection.session.space().set(requests);
  connection.session.filled(requests.length, 0);
  assertEquals(connection.next()?.type, "get");
  connection.session.leave();
  assertEquals(connection.told(), ["send bye 0 true ", "close leaving"]);
  const plain = new Connection();
  plain.told();
  plain.session.leave();
  plain.session.leave();
  assertEquals(plain.told(), ["close leaving"]);
});

Deno.test("whatever a client sends, each session ends once, and serves nobody without the token", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.constantFrom(HELLO, get(1, "a"), frame(FRAME.auth, 1, new Uint8Array(32)), text("a|0-1"), text("x")),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, hasToken) => {
      const connection = new Connection(hasToken ? "secret" : undefined);
      const seen = connection.told();
      for (const bytes of pieces) seen.push(...connection.send(bytes));
      seen.push(...connection.end());
      const closes = seen.filter((each) => each.startsWith("close"));
      assertEquals(closes.length, 1);
      assert(seen.at(-1)?.startsWith("close"));
      if (hasToken) assert(!seen.some((each) => /^(list|get|root|plain) |auth/.test(each)), seen.join("\n"));
    }),
    { numRuns: 2000 },
  );
});
