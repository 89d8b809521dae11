import { assert, assertEquals, assertLess } from "@std/assert";
import { Connection, type ConnectionEvents } from "../../../protocols/udp_file/connection.ts";
import {
  Ack,
  CLOSE_CODE,
  PACKET,
  PACKET_HEADER_BYTES,
  PacketHead,
  readAck,
  readPacket,
  sealPacket,
  writeAck,
} from "../../../protocols/udp_file/packets.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { seededChance } from "../../support/virtual_network.ts";
import { CONNECTION, NO_EVENTS } from "../../support/virtual_transfer.ts";

/** One end, and a peer that says whatever the test makes it say. */
class Faced {
  nowUs = 0;
  readonly connection: Connection;
  readonly #buffer = new Uint8Array(2000);
  #number = 0;

  constructor(
    events: Partial<ConnectionEvents> = {},
    more: { windowBytes?: number; keepsAlive?: boolean } = {},
  ) {
    this.connection = new Connection({
      nowUs: 0,
      connection: CONNECTION,
      events: { ...NO_EVENTS, ...events },
      source: { fill: (_file, _offset, target) => target.length },
      peerCreditBytes: 1_000_000,
      windowBytes: 100_000,
      ...more,
    });
  }

  /** The peer sends a packet. */
  say(fields: Partial<PacketHead>, payload: Uint8Array = new Uint8Array(0)): void {
    const packet = new Uint8Array(PACKET_HEADER_BYTES + payload.length);
    packet.set(payload, PACKET_HEADER_BYTES);
    const head = Object.assign(new PacketHead(), {
      connection: CONNECTION,
      number: ++this.#number,
      ...fields,
    });
    sealPacket(packet, head, payload.length);
    this.give(packet);
  }

  give(packet: Uint8Array): void {
    const head = new PacketHead();
    if (readPacket(packet, head)) this.connection.receive(packet, head, this.nowUs);
  }

  acknowledge(fields: Partial<Ack>, ...ranges: number[]): void {
    const ack = Object.assign(new Ack(), {
      largest: ranges[1] ?? 0,
      rangeCount: ranges.length / 2,
      ...fields,
    });
    ack.ranges.set(ranges);
    const packet = new Uint8Array(400);
    const length = writeAck(packet, ack);
    this.say(
      { type: PACKET.ack, number: 0 },
      packet.slice(PACKET_HEADER_BYTES, PACKET_HEADER_BYTES + length),
    );
  }

  /** All that is due, as copies. */
  sent(): { readonly head: PacketHead; readonly packet: Uint8Array }[] {
    const sent = [];
    for (let n = 0; n < 1000; n++) {
      const length = this.connection.send(this.#buffer, this.nowUs);
      if (length === 0) return sent;
      const [head, packet] = [new PacketHead(), this.#buffer.slice(0, length)];
      assert(readPacket(packet, head));
      sent.push({ head, packet });
    }
    throw new Error("it never stops");
  }

  get violation(): string | undefined {
    const { state } = this.connection;
    return state.kind === "closed" && state.code === CLOSE_CODE.violation ? state.reason : undefined;
  }
}

const BYTES = pseudoRandomBytes(1000);

for (
  const [name, act] of [
    ["an ACK of a packet that was never sent", (peer) => peer.acknowledge({}, 1, 1)],
    ["an ACK by somebody who has not seen the packet", (peer) => {
      peer.connection.sendControl("x");
      peer.nowUs = 1000;
      peer.sent();
      peer.acknowledge({ echoedUs: 7 }, 1, 1);
    }],
    ["an ACK that can't be read", (peer) => peer.say({ type: PACKET.ack, number: 0 }, BYTES)],
    ["DATA without a number", (peer) => peer.say({ type: PACKET.data, number: 0 })],
    ["bytes of a file that was not asked for", (peer) => peer.say({ type: PACKET.data, file: 9 }, BYTES)],
    ["bytes before the range", (peer) => peer.say({ type: PACKET.data, file: 1, offset: 0 }, BYTES)],
    ["bytes beyond the range", (peer) => peer.say({ type: PACKET.data, file: 1, offset: 200_000 }, BYTES)],
    ["an absurd offset", (peer) => peer.say({ type: PACKET.data, file: 1, offset: 2 ** 63 }, BYTES)],
    ["more than the credit", (peer) => {
      for (let i = 1; i <= 101; i++) peer.say({ type: PACKET.data, file: 1, offset: 1000 * i }, BYTES);
    }],
    ["a control line that never ends", (peer) => {
      for (let i = 0; i <= 33; i++) peer.say({ type: PACKET.data, offset: 1000 * i }, new Uint8Array(1000));
    }],
  ] satisfies [string, (peer: Faced) => void][]
) {
  Deno.test(`${name} closes the connection`, () => {
    let got = 0;
    const peer = new Faced({ content: (_file, _offset, bytes) => got += bytes.length });
    peer.connection.expect(1, [{ from: 1000, to: 200_000 }]);
    act(peer);
    assert(peer.violation !== undefined);
    assert(got <= 100_000);
    const closes = peer.sent();
    assertEquals(closes.map(({ head }) => head.type), [PACKET.close, PACKET.close]);
    // To a peer that goes on, it is said again, but not for ever.
    let repeated = 0;
    for (let i = 0; i < 50; i++) {
      peer.say({ type: PACKET.probe });
      repeated += peer.sent().length;
    }
    assertEquals(repeated, 8);
  });
}

Deno.test("packets of another connection, damaged ones and those of the handshake change nothing", () => {
  const peer = new Faced();
  const wakeUs = peer.connection.wakeAtUs;
  peer.nowUs = 1_000_000;
  peer.say({ connection: 1, type: PACKET.close, number: 0 }, BYTES);
  peer.say({ connection: 1, type: PACKET.data, file: 9 }, BYTES);
  assertEquals(peer.connection.wakeAtUs, wakeUs);
  for (const type of [PACKET.retry, PACKET.open, PACKET.accept]) peer.say({ type, number: 0 }, BYTES);
  assertEquals(peer.connection.state, { kind: "open" });
});

Deno.test("nothing that is well-formed and senseless makes a connection throw or send without end", () => {
  const chance = seededChance(4);
  const below = (most: number) => Math.floor(chance() * most);
  for (let round = 0; round < 3000; round++) {
    let got = 0;
    const peer = new Faced({
      content: (_file, offset, bytes) => {
        assert(offset >= 1000 && offset + bytes.length <= 5000);
        got += bytes.length;
      },
    });
    peer.connection.expect(1, [{ from: 1000, to: 5000 }]);
    peer.connection.offer(3, [{ from: 0, to: 50_000 }]);
    peer.connection.sendControl("hello");
    for (let i = 0; i < 8; i++) {
      peer.nowUs += below(3_000_000);
      peer.sent();
      if (chance() < 0.3) {
        const last = 1 + below(12);
        peer.acknowledge({ delayUs: below(2 ** 31), credit: 2 ** below(64) }, 1 + below(last), last);
      } else {
        const payload = pseudoRandomBytes(below(1300), round + 1);
        const offset = chance() < 0.1 ? 2 ** below(64) : below(6000);
        const type = 1 + below(7) as PacketHead["type"];
        peer.say({ type, file: below(3), offset, number: chance() < 0.2 ? below(2 ** 32) : i + 1 }, payload);
      }
    }
    assertLess(peer.sent().length, 200);
    assert(got <= 4000);
  }
});

Deno.test("two packets are acknowledged at once, one within 25 ms, and none without need", () => {
  const peer = new Faced();
  peer.say({ type: PACKET.probe });
  assertEquals(peer.sent(), []);
  peer.nowUs = peer.connection.wakeAtUs;
  assert(peer.nowUs <= 25_000);
  assertEquals(peer.sent().length, 1);
  peer.say({ type: PACKET.probe });
  peer.say({ type: PACKET.probe });
  const [sent] = peer.sent();
  const ack = new Ack();
  assert(sent !== undefined && readAck(sent.packet, ack));
  assertEquals([ack.largest, ack.received, ack.credit, ...ack.ranges.subarray(0, 2)], [3, 3, 100_000, 1, 3]);
  // A gap.
  peer.say({ type: PACKET.probe, number: 9 });
  assertEquals(peer.sent().length, 1);
});

Deno.test("a client that waits keeps its connection; one that does not lets it go without a packet", () => {
  const client = new Faced({}, { keepsAlive: true });
  client.nowUs = client.connection.wakeAtUs;
  assertEquals(client.nowUs, 3_000_000);
  assertEquals(client.sent().map(({ head }) => head.type), [PACKET.probe]);
  const server = new Faced();
  server.nowUs = server.connection.wakeAtUs;
  assertEquals(server.nowUs, 30_000_000);
  assertEquals(server.sent(), []);
  assertEquals(server.connection.state.kind, "closed");
});

Deno.test("what is withdrawn and settled gives its credit back", () => {
  const server = new Faced();
  server.connection.offer(1, [{ from: 0, to: 50_000 }]);
  const sent = server.sent().filter(({ head }) => head.type === PACKET.data);
  const bytes = sent.reduce((sum, { packet }) => sum + packet.length - PACKET_HEADER_BYTES, 0);
  assert(bytes > 0);
  assertEquals(server.connection.withdraw(1), bytes);
  assertEquals(server.connection.withdraw(1), 0);

  const client = new Faced();
  client.connection.expect(1, [{ from: 0, to: 100_000 }]);
  client.say({ type: PACKET.data, file: 1, offset: 0 }, BYTES);
  client.connection.discard(1);
  client.say({ type: PACKET.data, file: 1, offset: 1000 }, BYTES);
  client.connection.settle(1, 90_000);
  client.connection.consumed(1000);
  const ack = new Ack();
  const acks = client.sent();
  assert(readAck(acks.at(-1)?.packet ?? new Uint8Array(0), ack));
  assertEquals(ack.credit, 190_000);
  // What is still on its way of it is passed over.
  client.say({ type: PACKET.data, file: 1, offset: 5000 }, BYTES);
  assertEquals(client.connection.state, { kind: "open" });
});

Deno.test("a CLOSE of the peer ends the connection, with its reason", () => {
  const one = new Faced();
  one.connection.close(CLOSE_CODE.done, "no more");
  const other = new Faced();
  for (const { packet } of one.sent()) other.give(packet);
  assertEquals(other.connection.state, {
    kind: "closed",
    by: "peer",
    code: CLOSE_CODE.done,
    reason: "no more",
  });
  assertEquals(other.sent(), []);
});
