import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { Cookies } from "../../../protocols/udp_file/cookie.ts";
import {
  clientProof,
  decodeHello,
  decodeOpen,
  encodeAccept,
  encodeHello,
  encodeRefusal,
  encodeRetry,
  isProof,
  serverProof,
} from "../../../protocols/udp_file/handshake.ts";
import { Opening, type OpeningState } from "../../../protocols/udp_file/opening.ts";
import { CLOSE_CODE, PACKET, PacketHead, readPacket } from "../../../protocols/udp_file/packets.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { VirtualLink } from "../../support/virtual_network.ts";
import { VirtualTime } from "../../support/virtual_time.ts";

const NONCE = pseudoRandomBytes(16, 3);
const HOLDER = { address: "192.0.2.7", port: 1234, nonce: NONCE };

Deno.test("a cookie is good for its client alone, for 30 to 60 s", () => {
  const cookies = new Cookies(pseudoRandomBytes(32));
  const cookie = cookies.make(HOLDER, 29_000);
  for (const [atMs, isGood] of [[29_000, true], [59_999, true], [60_000, false]] as const) {
    assertEquals(cookies.isGood(cookie, HOLDER, atMs), isGood, `${atMs}`);
  }
  assert(!cookies.isGood(cookie, { ...HOLDER, address: "192.0.2.8" }, 29_000));
  assert(!cookies.isGood(cookie, { ...HOLDER, port: 1235 }, 29_000));
  assert(!cookies.isGood(cookie, { ...HOLDER, nonce: pseudoRandomBytes(16, 4) }, 29_000));
  assert(!cookies.isGood(cookie.subarray(1), HOLDER, 29_000));
  assert(!new Cookies(pseudoRandomBytes(32, 2)).isGood(cookie, HOLDER, 29_000));
  assert(!cookies.isGood(new Uint8Array(24), HOLDER, 0));
});

Deno.test("a HELLO is text of 1000 bytes, and nothing shorter is one", () => {
  const hello = encodeHello(NONCE);
  assertEquals(hello.length, 1000);
  assertEquals(new TextDecoder().decode(hello).trimEnd(), `XUDP/1 ${NONCE.toHex()}`);
  assertEquals(decodeHello(hello), new Uint8Array(NONCE));
  assertEquals(decodeHello(hello.subarray(0, 999)), undefined);
  hello[10] = "G".charCodeAt(0);
  assertEquals(decodeHello(hello), undefined);
});

/** A server's side of it, as the shell does it: nothing is kept before the cookie is back. */
class Accepting {
  readonly cookies = new Cookies(pseudoRandomBytes(32));
  readonly #head = new PacketHead();
  accepted = 0;

  constructor(readonly token?: string) {}

  answer(datagram: Uint8Array, nowMs: number): Uint8Array | undefined {
    const hello = decodeHello(datagram);
    const holder = { ...HOLDER, nonce: hello ?? NONCE };
    if (hello !== undefined) return encodeRetry({ nonce: hello, cookie: this.cookies.make(holder, nowMs) });
    if (!readPacket(datagram, this.#head) || this.#head.type !== PACKET.open) return undefined;
    const open = decodeOpen(datagram);
    if (open === undefined || !this.cookies.isGood(open.cookie, { ...HOLDER, nonce: open.nonce }, nowMs)) {
      return;
    }
    if (this.token !== undefined && !isProof(open.proof, clientProof(this.token, open))) {
      return encodeRefusal(CLOSE_CODE.notAuthenticated, "not the right token", open.nonce);
    }
    this.accepted = 99;
    return encodeAccept({ connection: 99, credit: 0, proof: serverProof(this.token, open) }, open.nonce);
  }
}

function opened(
  { token, serverToken, loss = 0, corrupt = 0, seed = 1, answer }: {
    readonly token?: string;
    readonly serverToken?: string;
    readonly loss?: number;
    readonly corrupt?: number;
    readonly seed?: number;
    readonly answer?: (datagram: Uint8Array) => Uint8Array | undefined;
  },
): OpeningState {
  const time = new VirtualTime();
  const options = { delayMs: 20, loss, corrupt, duplicate: 0.1 };
  const [forth, back] = [new VirtualLink(time, options, seed), new VirtualLink(time, options, seed + 50)];
  const server = new Accepting(serverToken);
  const opening = new Opening({ nowUs: 0, nonce: NONCE, token, creditBytes: 5000 });
  const turn = () => {
    const bytes = opening.next(time.nowUs);
    if (bytes !== undefined) {
      forth.send(bytes, (datagram) => {
        const reply = answer?.(datagram) ?? server.answer(datagram, time.nowUs / 1000);
        if (reply === undefined) return;
        assertLessOrEqual(reply.length, datagram.length, "an answer is never longer than what was asked");
        back.send(reply, (received) => {
          opening.receive(received, time.nowUs);
          turn();
        });
      });
    }
    if (opening.wakeAtUs !== Infinity) time.at(Math.max(opening.wakeAtUs, time.nowUs + 1), turn);
  };
  turn();
  time.run({ isOver: () => opening.state.kind !== "asking" });
  return opening.state;
}

Deno.test("a connection opens in two round trips, and the second is measured", () => {
  assertEquals(opened({}), { kind: "opened", connection: 99, creditBytes: 0, roundTripUs: 40_000 });
});

Deno.test("a connection opens though datagrams get lost, damaged and repeated", () => {
  for (let seed = 1; seed <= 40; seed++) {
    assertEquals(opened({ loss: 0.25, corrupt: 0.05, seed }).kind, "opened", `seed ${seed}`);
  }
});

Deno.test("an OPEN that is lost is repeated after three round trips, at most six", () => {
  const opening = new Opening({ nowUs: 0, nonce: NONCE, creditBytes: 5000 });
  opening.next(0);
  opening.receive(encodeRetry({ nonce: NONCE, cookie: new Uint8Array(24) }), 40_000);
  const first = opening.next(40_000);
  const againUs = opening.wakeAtUs;
  assert(againUs >= 160_000 && againUs <= 280_000, `${againUs}`);
  assertEquals(opening.next(againUs), first);
  const thirdUs = opening.wakeAtUs - againUs;
  assert(thirdUs >= 240_000 && thirdUs <= 480_000, `${thirdUs}`);
});

Deno.test("both ends prove the token, or there is no connection", () => {
  assertEquals(opened({ token: "a", serverToken: "a" }).kind, "opened");
  assertEquals(opened({ token: "b", serverToken: "a" }).kind, "refused");
  assertEquals(opened({ serverToken: "a" }).kind, "refused");
  assertEquals(opened({ token: "a" }).kind, "untrusted");
});

Deno.test("a plain server is recognised, one that says nothing is given up", () => {
  assertEquals(opened({ answer: () => new TextEncoder().encode("File not found") }), { kind: "plain" });
  assertEquals(opened({ loss: 1 }), { kind: "silent" });
});

Deno.test("answers to somebody else's nonce are passed over", () => {
  const foreign = pseudoRandomBytes(16, 8);
  const retry = encodeRetry({ nonce: foreign, cookie: new Uint8Array(24) });
  const refusal = encodeRefusal(CLOSE_CODE.tooMany, "x", foreign);
  const accept = encodeAccept({ connection: 5, credit: 0, proof: new Uint8Array(32) }, foreign);
  assertEquals(opened({ answer: () => retry }), { kind: "silent" });
  for (const bytes of [refusal, accept]) {
    const state = opened({ answer: (datagram) => decodeHello(datagram) === undefined ? bytes : undefined });
    assertEquals(state, { kind: "silent" });
  }
});

Deno.test("a crowd of clients gets through to a socket that takes a few of their datagrams at a time", () => {
  const time = new VirtualTime();
  const servers = new Accepting(undefined);
  const waiting: (() => void)[] = [];
  const openings = Array.from({ length: 300 }, (_, index) => {
    const nonce = pseudoRandomBytes(16, index + 1).slice();
    return new Opening({ nowUs: 0, nonce, creditBytes: 5000 });
  });
  // What is more than that is lost, and each takes a while.
  const arrive = (take: () => void) => {
    if (waiting.length === 20) return;
    waiting.push(take);
    if (waiting.length === 1) time.at(time.nowUs + 2000, takeNext);
  };
  const takeNext = () => {
    waiting.shift()?.();
    if (waiting.length > 0) time.at(time.nowUs + 2000, takeNext);
  };
  for (const opening of openings) {
    const turn = () => {
      const datagram = opening.next(time.nowUs);
      if (datagram !== undefined) {
        arrive(() => {
          const answer = servers.answer(datagram, time.nowUs / 1000);
          if (answer !== undefined) opening.receive(answer, time.nowUs);
          turn();
        });
      }
      if (opening.wakeAtUs !== Infinity) time.at(Math.max(opening.wakeAtUs, time.nowUs + 1), turn);
    };
    turn();
  }
  time.run({ isOver: () => openings.every(({ state }) => state.kind !== "asking") });
  assertEquals(openings.filter(({ state }) => state.kind !== "opened").length, 0);
});
