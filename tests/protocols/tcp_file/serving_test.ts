import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { clientProof, serverProof } from "../../../protocols/tcp_file/auth.ts";
import { FrameReader } from "../../../protocols/tcp_file/frame_reader.ts";
import { encodeFrame, FRAME, type FrameType } from "../../../protocols/tcp_file/frames.ts";
import { encodeHello, GreetingReader } from "../../../protocols/tcp_file/hello.ts";
import {
  decodeError,
  encodeGet,
  encodeListRequest,
  encodeRootRequest,
  ERROR_CODE,
} from "../../../protocols/tcp_file/messages.ts";
import { ServingSession } from "../../../protocols/tcp_file/serving.ts";
import { SERVING_LIMITS, type ServingAction } from "../../../protocols/tcp_file/serving_action.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { concat } from "../../support/client_frames.ts";

const text = (value: string) => new TextEncoder().encode(value);
const NONCES = { client: pseudoRandomBytes(16, 3), server: pseudoRandomBytes(16, 4) };
const LIST = text("a.txt 1.000KB\n");
const HELLO = encodeHello(NONCES.client);

/** A connection in virtual time, and all that its core has answered. */
class Connection {
  readonly session: ServingSession;
  nowMs = 0;

  constructor(token?: string) {
    this.session = new ServingSession({ nowMs: 0, nonce: NONCES.server, token, plainList: LIST });
  }

  /** What the core has to say now, as text that can be compared. */
  told(): string[] {
    return this.actions().map(told);
  }

  actions(): ServingAction[] {
    const seen: ServingAction[] = [];
    for (let action = this.next(); action !== undefined; action = this.next()) seen.push(action);
    this.session.answered(this.nowMs);
    return seen;
  }

  next(): ServingAction | undefined {
    return this.session.next(this.nowMs);
  }

  /** Gives it bytes, as many at a time as it has room for. */
  send(bytes: Uint8Array): string[] {
    const seen: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const space = this.session.space();
      const count = Math.min(space.length, bytes.length - at);
      if (count === 0) break;
      space.set(bytes.subarray(at, at + count));
      this.session.filled(count, this.nowMs);
      at += count;
      seen.push(...this.told());
    }
    return seen;
  }

  end(): string[] {
    this.session.ended();
    return this.told();
  }

  /** Goes to when the core wants to be woken. */
  wake(): string[] {
    this.nowMs = this.session.wakeAtMs ?? Infinity;
    return this.told();
  }
}

function told(action: ServingAction): string {
  switch (action.type) {
    case "send":
      return `send ${describe(action.bytes)}`;
    case "list":
      return `list ${action.request} "${action.path}"`;
    case "get":
      return `get ${action.request} ${action.path} ${action.offset}+${action.length}`;
    case "root":
      return `root ${action.request} ${action.path} ${action.digest}`;
    case "plain":
      return `plain ${JSON.stringify(action.asked)}`;
    case "close":
      return `close ${action.cause}`;
  }
}

/** Bytes that are sent: a greeting, frames, or a plain text. */
function describe(bytes: Uint8Array): string {
  if (new GreetingReader(NONCES.client).add(bytes)?.kind === "xfer") return "greeting";
  const shown = new TextDecoder().decode(bytes);
  if (/^[ -~\n]*$/.test(shown)) return JSON.stringify(shown);
  const frame = new FrameReader({ sender: "server", first: bytes }).next();
  if (frame?.type === FRAME.error) return `error ${frame.request} ${decodeError(frame.payload).code}`;
  const [name] = Object.entries(FRAME).find(([, type]) => type === frame?.type) ?? [];
  return `${name} ${frame?.request} ${frame?.isEnd} ${frame?.payload.toHex()}`;
}

const frame = (type: FrameType, request: number, payload?: Uint8Array) => {
  return encodeFrame({ type, request, isEnd: false }, payload);
};
const get = (request: number, path: string) => {
  return frame(FRAME.get, request, encodeGet({ path, offset: 1, length: 2 }));
};
const SENT_LIST = `send ${JSON.stringify(new TextDecoder().decode(LIST))}`;

/** A connection whose client has said hello. */
function greeted(token?: string): Connection {
  const connection = new Connection(token);
  connection.told();
  assertEquals(connection.send(HELLO), ["send greeting"]);
  return connection;
}

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

Deno.test("who says nothing, or only half of what is needed, is gone after the handshake limit", () => {
  const silent = new Connection();
  silent.told();
  assertEquals([silent.wake(), silent.nowMs], [["close silent"], SERVING_LIMITS.handshakeMs]);
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
