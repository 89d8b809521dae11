import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import type { LinkOptions } from "../../support/virtual_network.ts";
import { ENDLESS, LONG, path } from "../../support/virtual_paths.ts";
import { type TransferOptions, VirtualTransfer } from "../../support/virtual_transfer.ts";

const MIB = 1024 * 1024;
const SMALL = pseudoRandomBytes(2 * MIB);

function transfer(options: LinkOptions, more: Partial<TransferOptions> & { readonly content: Uint8Array }) {
  return new VirtualTransfer({
    ...path(options),
    roundTripUs: 2000 * (options.delayMs ?? 0),
    ...more,
  });
}

// What the link allows is 192 Mbit/s of content less what it loses; a file of 64 MiB also has a beginning.
for (const [loss, megabits] of [[0, 172], [0.01, 167], [0.05, 156], [0.1, 145], [0.3, 97]] as const) {
  Deno.test(`64 MiB over a long link that loses ${100 * loss} % come at ${megabits} Mbit/s`, () => {
    const content = pseudoRandomBytes(64 * MIB);
    const run = transfer({ ...LONG, loss }, { content }).run();
    run.assertExact(content);
    assertGreater(8 * content.length / run.seconds / 1_000_000, megabits);
  });
}

Deno.test("loss in bursts costs no more than its share", () => {
  const content = pseudoRandomBytes(32 * MIB);
  const run = transfer({ ...LONG, loss: 0.05, lossBurstMs: 2 }, { content }).run();
  run.assertExact(content);
  assertGreater(8 * content.length / run.seconds / 1_000_000, 140);
});

Deno.test("jitter and reordering are not taken for loss", () => {
  const content = pseudoRandomBytes(16 * MIB);
  const options = { ...LONG, queueBytes: 5_000_000, jitterMs: 3, reorder: 0.1, reorderMs: 5 };
  const run = transfer(options, { content }).run();
  run.assertExact(content);
  const { sentPackets } = run.sender.connection.path;
  assertLess(sentPackets, 1.1 * content.length / 1444);
});

Deno.test("CUBIC slows down for loss, and is exact", () => {
  const clean = transfer(LONG, { content: SMALL, congestion: "cubic" }).run();
  const lossy = transfer({ ...LONG, loss: 0.02 }, { content: SMALL, congestion: "cubic" }).run();
  clean.assertExact(SMALL);
  lossy.assertExact(SMALL);
  assertGreater(lossy.seconds, 2 * clean.seconds);
});

Deno.test("a link that queues little is not flooded", () => {
  const { time, forth, back } = path({ ...LONG, bytesPerSecond: 12_500_000, queueBytes: 60_000 });
  const run = new VirtualTransfer({ time, forth, back, ...ENDLESS });
  time.run({ untilUs: 10_000_000 });
  const before = { sent: forth.sentDatagrams, dropped: forth.droppedByQueue, received: run.receivedBytes };
  time.run({ untilUs: 30_000_000 });
  const dropped = (forth.droppedByQueue - before.dropped) / (forth.sentDatagrams - before.sent);
  assertLess(dropped, 0.1);
  assertGreater(run.receivedBytes - before.received, 0.8 * 20 * 12_500_000);
});

Deno.test("a path that is cut for 5 s goes on within 3 s", () => {
  const { time, forth, back } = path(LONG);
  const run = new VirtualTransfer({ time, forth, back, ...ENDLESS });
  time.run({ untilUs: 2_000_000 });
  forth.isCut = back.isCut = true;
  time.run({ untilUs: 7_000_000 });
  const before = run.receivedBytes;
  forth.isCut = back.isCut = false;
  time.run({ untilUs: 10_000_000 });
  assertGreater(run.receivedBytes, before + MIB);
  const later = run.receivedBytes;
  time.run({ untilUs: 11_000_000 });
  assertGreater(run.receivedBytes - later, 0.8 * 25_000_000, "and as fast as before");
});

Deno.test("a peer that vanishes is noticed after 30 s, by both, with few packets", () => {
  const { time, forth, back } = path(LONG);
  const run = new VirtualTransfer({ time, forth, back, ...ENDLESS });
  time.run({ untilUs: 1_000_000 });
  forth.isCut = back.isCut = true;
  const sent = forth.sentDatagrams;
  time.run({ untilUs: 40_000_000 });
  for (const { connection } of [run.sender, run.receiver]) {
    assertEquals(connection.state.kind === "closed" && connection.state.by, "silence");
    assertEquals(connection.wakeAtUs, Infinity);
  }
  assertLess(forth.sentDatagrams - sent, 2000);
});

Deno.test("datagrams grow as far as the path carries them, and shrink when it carries less", () => {
  const { time, forth, back } = path({ ...LONG, mtu: 1452 + 28 });
  const run = new VirtualTransfer({ time, forth, back, ...ENDLESS });
  time.run({ untilUs: 2_000_000 });
  assertEquals(run.sender.connection.path.datagramBytes, 1452);
  forth.options = { ...LONG, mtu: 1300 };
  time.run({ untilUs: 6_000_000 });
  const before = run.receivedBytes;
  time.run({ untilUs: 8_000_000 });
  assertEquals(run.sender.connection.path.datagramBytes, 1200);
  assertGreater(run.receivedBytes - before, 0.8 * 2 * 25_000_000);
  time.run({ untilUs: 20_000_000 });
  assertEquals(run.sender.connection.path.datagramBytes, 1200, "1280 and 28 are more than 1300");
});

for (const [maxDatagramBytes, queueBytes] of [[49_152, 200_000], [1472, 120_000]] as const) {
  Deno.test(`over loopback datagrams grow to ${maxDatagramBytes} bytes, and a buffer takes all of them`, () => {
    const content = pseudoRandomBytes(8 * MIB);
    const link = { delayMs: 0.01, bytesPerSecond: 1e9, queueBytes };
    const run = transfer(link, { content, isLoopback: true, maxDatagramBytes }).run();
    run.assertExact(content);
    const { datagramBytes, lostPackets } = run.sender.connection.path;
    assertEquals([datagramBytes, lostPackets], [maxDatagramBytes, 0]);
    assertGreater(content.length / run.seconds, 0.5e9);
  });
}

Deno.test("over loopback a small buffer is found out", () => {
  const content = pseudoRandomBytes(32 * MIB);
  const link = { delayMs: 0.01, bytesPerSecond: 1e9, queueBytes: 60_000 };
  const run = transfer(link, { content, isLoopback: true, maxDatagramBytes: 1472 }).run();
  run.assertExact(content);
  const { sentPackets, lostPackets } = run.sender.connection.path;
  assertLess(lostPackets / sentPackets, 0.02);
});

// Ends that have other things to do for 5 ms, ten times a second: what comes then overflows the socket's buffer.
for (const [loss, megabits] of [[0, 145], [0.01, 145], [0.05, 140], [0.1, 130]] as const) {
  Deno.test(`busy machines are not taken for a full queue, at ${100 * loss} % loss`, () => {
    const rates = [1, 2, 3].map((seed) => {
      const busy = { everyMs: 100, forMs: 5, bufferPackets: 92, tickMs: 2, seed };
      const content = pseudoRandomBytes(64 * MIB);
      const run = transfer({ ...LONG, loss }, { content, busy }).run();
      run.assertExact(content);
      assertGreater(run.receiver.overflowed, 0);
      return 8 * content.length / run.seconds / 1_000_000;
    });
    assertGreater(Math.min(...rates), megabits);
  });
}

Deno.test("a bound of the rate is kept to", () => {
  const run = transfer(LONG, { content: SMALL, maxBytesPerSecond: 1_000_000 }).run();
  run.assertExact(SMALL);
  assertGreater(run.seconds, 2);
  assertLess(run.seconds, 2.6);
});

Deno.test("a receiver that has no room stops the sender, and starts it again", () => {
  const { time, forth, back } = path(LONG);
  const options = { time, forth, back, content: SMALL, windowBytes: 300_000, isConsumed: false };
  const run = new VirtualTransfer(options);
  time.run({ untilUs: 20_000_000 });
  assertEquals(run.receivedBytes, 300_000);
  const { receiver } = run;
  // The news of credit gets lost: the sender asks.
  back.isCut = true;
  receiver.connection.consumed(300_000);
  receiver.turn();
  time.run({ untilUs: 20_100_000 });
  back.isCut = false;
  for (let consumed = 300_000; !run.isDone && time.nowUs < 60_000_000; consumed = run.receivedBytes) {
    time.run({ untilUs: time.nowUs + 100_000, isOver: () => run.isDone });
    receiver.connection.consumed(run.receivedBytes - consumed);
    receiver.turn();
  }
  run.assertExact(SMALL);
});

Deno.test("ranges come, and nothing else", () => {
  const ranges = [{ from: 10, to: 100_000 }, { from: 500_000, to: 500_001 }, {
    from: 900_000,
    to: 1_000_000,
  }];
  const run = transfer({ ...LONG, loss: 0.1 }, { content: SMALL, ranges }).run();
  assertEquals(run.isDone, true);
  const expected = new Uint8Array(SMALL.length);
  for (const { from, to } of ranges) expected.set(SMALL.subarray(from, to), from);
  run.assertExact(expected);
});

Deno.test("a source that has only a piece at a time is asked again when it says so", () => {
  const { time, forth, back } = path({ ...LONG, loss: 0.05 });
  let [from, to] = [0, 0];
  let isReading = false;
  const run: VirtualTransfer = new VirtualTransfer({
    time,
    forth,
    back,
    content: SMALL,
    fill: (offset, target) => {
      if (offset >= from && offset < to) {
        const bytes = SMALL.subarray(offset, Math.min(to, offset + target.length));
        target.set(bytes);
        return bytes.length;
      }
      if (!isReading) {
        isReading = true;
        time.at(time.nowUs + 3000, () => {
          isReading = false;
          [from, to] = [offset, offset + 100_000];
          run.sender.connection.wake();
          run.sender.turn();
        });
      }
      return 0;
    },
  });
  run.run().assertExact(SMALL);
});

Deno.test("a near path is used again after its ends have paused, though the receiver takes it for a far one", () => {
  const near = { delayMs: 0.15, bytesPerSecond: 1e8, queueBytes: 130_000, mtu: 1500 };
  const { time, forth, back } = path(near);
  const run = new VirtualTransfer({ time, forth, back, roundTripUs: 200_000, ...ENDLESS });
  for (let pause = 1; pause <= 5; pause++) {
    time.run({ untilUs: pause * 50_000 });
    forth.options = back.options = { ...near, delayMs: 8, bytesPerSecond: 1e6 };
    time.run({ untilUs: pause * 50_000 + 20_000 });
    forth.options = back.options = near;
  }
  time.run({ untilUs: 600_000 });
  const before = run.receivedBytes;
  time.run({ untilUs: 1_000_000 });
  assertGreater(run.receivedBytes - before, 0.5 * 0.4 * 1e8);
});
