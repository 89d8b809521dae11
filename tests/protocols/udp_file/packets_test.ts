import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ReceivedNumbers } from "../../../protocols/udp_file/acks.ts";
import { ControlReceiving, ControlSending } from "../../../protocols/udp_file/control_stream.ts";
import {
  Ack,
  PACKET,
  PACKET_HEADER_BYTES,
  PacketHead,
  readAck,
  readClose,
  readPacket,
  sealPacket,
  wireTime,
  writeAck,
  writeClose,
} from "../../../protocols/udp_file/packets.ts";
import { Violation } from "../../../protocols/udp_file/violation.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { seededChance } from "../../support/virtual_network.ts";

function headOf(fields: Partial<PacketHead>): PacketHead {
  return Object.assign(new PacketHead(), fields);
}

Deno.test("a packet is what the specification says, byte for byte", () => {
  const packet = new Uint8Array(PACKET_HEADER_BYTES + 2);
  packet.set([0xaa, 0xbb], PACKET_HEADER_BYTES);
  const head = headOf({
    type: PACKET.data,
    file: 0x0102,
    connection: 0x03040506,
    number: 0x0708090a,
    offset: 2 ** 40 + 5,
    sentUs: 0xfffffffe,
  });
  assertEquals(sealPacket(packet, head, 2), 30);
  assertEquals(
    packet.toHex(),
    "d7040102" + "03040506" + "0708090a" + "0000010000000005" + "fffffffe" + "72c8e07c" + "aabb",
  );
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

Deno.test("what is sealed is read as it was, and not when a bit of it is different", () => {
  fc.assert(fc.property(
    fc.record({
      type: fc.constantFrom(...Object.values(PACKET)),
      file: fc.integer({ min: 0, max: 65_535 }),
      connection: u32,
      number: u32,
      offset: fc.nat(Number.MAX_SAFE_INTEGER),
      sentUs: u32,
    }),
    fc.uint8Array({ maxLength: 100 }),
    fc.nat(),
    (fields, payload, flip) => {
      const packet = new Uint8Array(PACKET_HEADER_BYTES + payload.length);
      packet.set(payload, PACKET_HEADER_BYTES);
      sealPacket(packet, headOf(fields), payload.length);
      const head = new PacketHead();
      assert(readPacket(packet, head));
      assertEquals({ ...head }, fields);
      const at = flip % packet.length;
      packet[at] = (packet[at] ?? 0) ^ (1 << (flip % 8));
      assert(!readPacket(packet, head));
      assert(!readPacket(packet.subarray(0, at), head));
    },
  ));
});

Deno.test("an ACK is read as it was written, as far as it fits", () => {
  const numbers = new ReceivedNumbers();
  for (let number = 1; number <= 100; number += 3) numbers.add(number);
  const ack = new Ack();
  numbers.describe(ack);
  assertEquals(ack.rangeCount, 32);
  Object.assign(ack, { delayUs: 7, echoedUs: 8, credit: 2 ** 45 });
  const packet = new Uint8Array(400);
  for (const [maxBytes, count] of [[undefined, 32], [28 + 25 + 20, 2]] as const) {
    const length = writeAck(packet, ack, maxBytes);
    const read = new Ack();
    assert(readAck(packet.subarray(0, PACKET_HEADER_BYTES + length), read));
    assertEquals([read.largest, read.delayUs, read.echoedUs, read.received, read.credit], [
      100,
      7,
      8,
      34,
      2 ** 45,
    ]);
    assertEquals(read.rangeCount, count);
    assertEquals([...read.ranges.subarray(0, 4)], [100, 100, 97, 97]);
  }
});

Deno.test("an ACK whose ranges overlap, touch, go up or begin at 0 is none", () => {
  const packet = new Uint8Array(400);
  for (const ranges of [[5, 9, 5, 6], [5, 9, 3, 4], [5, 9, 10, 11], [9, 5], [0, 5], [5, 9, 5, 9]]) {
    const ack = new Ack();
    ack.ranges.set(ranges);
    ack.rangeCount = ranges.length / 2;
    ack.largest = ranges[1] ?? 0;
    assert(!readAck(packet.subarray(0, PACKET_HEADER_BYTES + writeAck(packet, ack)), new Ack()), `${ranges}`);
  }
});

Deno.test("received numbers are kept as a set would", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 }), (given) => {
    const numbers = new ReceivedNumbers();
    const seen = new Set<number>();
    for (const number of given) {
      assertEquals(numbers.add(number), !seen.has(number));
      seen.add(number);
    }
    const ack = new Ack();
    numbers.describe(ack);
    const told: number[] = [];
    for (let r = 0; r < ack.rangeCount; r++) {
      for (let n = ack.ranges[2 * r] ?? 0; n <= (ack.ranges[2 * r + 1] ?? 0); n++) told.push(n);
    }
    assertEquals(told.sort((a, b) => a - b), [...seen].sort((a, b) => a - b));
    assertEquals(ack.received, seen.size);
  }));
});

Deno.test("received numbers with ever more gaps take no more memory, and what is forgotten is not new", () => {
  const numbers = new ReceivedNumbers();
  for (let number = 1; number < 100_000; number += 2) assert(numbers.add(number));
  assert(!numbers.add(2));
  assert(numbers.add(99_998));
});

Deno.test("the reason of a CLOSE is cut", () => {
  const packet = new Uint8Array(1000);
  const length = writeClose(packet, 3, "é".repeat(1000));
  const read = readClose(packet.subarray(0, PACKET_HEADER_BYTES + length));
  assertEquals(read, { code: 3, reason: "é".repeat(200) });
  assertEquals(readClose(packet.subarray(0, PACKET_HEADER_BYTES + 1)), undefined);
});

Deno.test("a send time wraps", () => assertEquals(wireTime(2 ** 32 + 5.7), 5));

Deno.test("random bytes and truncated packets are no packets, whatever their first byte", () => {
  const chance = seededChance(9);
  const [head, ack] = [new PacketHead(), new Ack()];
  for (let i = 1; i < 20_000; i++) {
    const bytes = pseudoRandomBytes(Math.floor(chance() * 120), i);
    bytes[0] = 0xd7;
    bytes[1] = i % 9;
    assert(!readPacket(bytes, head));
    readAck(bytes, ack);
    readClose(bytes);
  }
});

Deno.test("lines get across in order, whatever is lost, repeated or late", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ maxLength: 300 }).map((line) => line.replaceAll("\n", " ")), { maxLength: 30 }),
    fc.integer({ min: 1, max: 1000 }),
    (lines, seed) => {
      const chance = seededChance(seed);
      const [sending, receiving] = [new ControlSending(), new ControlReceiving()];
      const got: string[] = [];
      for (const line of lines) sending.add(line);
      const flying: { offset: number; bytes: Uint8Array }[] = [];
      while (sending.backlogBytes > 0) {
        if (sending.hasMore) {
          const target = new Uint8Array(1 + Math.floor(100 * chance()));
          const offset = sending.nextOffset;
          flying.push({ offset, bytes: target.subarray(0, sending.fill(target)) });
        }
        if (flying.length === 0 || (sending.hasMore && chance() < 0.5)) continue;
        const [sent] = flying.splice(Math.floor(chance() * flying.length), 1);
        if (sent === undefined) continue;
        const isLost = chance() < 0.3;
        if (!isLost) receiving.add(sent.offset, sent.bytes, (line) => got.push(line));
        // What came may count as lost all the same.
        if (isLost || chance() < 0.1) sending.lost(sent.offset, sent.bytes.length);
        else sending.acked(sent.offset, sent.bytes.length);
      }
      assertEquals(got, lines.map((line) => new TextDecoder().decode(new TextEncoder().encode(line))));
    },
  ));
});

Deno.test("a line that is too long, or beyond the window, breaks the protocol", () => {
  assertThrows(() => new ControlSending().add("x".repeat(32 * 1024)), RangeError);
  assertThrows(() => new ControlSending().add("a\nb"), RangeError);
  const zeros = new Uint8Array(1000);
  const fill = () => {
    const receiving = new ControlReceiving();
    for (let at = 0; at < 40_000; at += zeros.length) receiving.add(at, zeros, () => {});
  };
  assertThrows(fill, Violation);
  assertThrows(() => new ControlReceiving().add(2 ** 50, zeros, () => {}), Violation);
});
