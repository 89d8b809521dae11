import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { BlockQueue } from "../../../protocols/tcp_file/block_queue.ts";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { VirtualFetch, type VirtualLink } from "../../support/virtual_fetch.ts";

const MIB = BLOCK_BYTES;
/** 100 MB/s. */
const FAST = { bytesPerMs: 100_000, roundTripMs: 1 };

function queueOf(size: number, finished: readonly { from: number; to: number }[] = []): BlockQueue {
  return new BlockQueue({ version: { size, mtimeMs: 5 }, finished });
}

function offsets(size: number): number[] {
  return Array.from({ length: Math.ceil(size / MIB) }, (_, i) => i * MIB);
}

function ordered(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** What a connection answers that does what it was asked. */
function good(queue: BlockQueue, offset: number) {
  const length = Math.min(MIB, queue.version.size - offset);
  return { offset, length, version: queue.version, isIntact: true };
}

const link: fc.Arbitrary<VirtualLink> = fc.record({
  bytesPerMs: fc.constantFrom(10, 1_000, 100_000),
  roundTripMs: fc.constantFrom(0.1, 10, 200),
  stallsAtMs: fc.oneof(fc.constant(Infinity), fc.nat(20_000)),
  lostAfterMs: fc.nat(5_000),
  isBad: fc.constantFrom(() => false, (answer: number) => answer % 7 === 2),
});

Deno.test("whatever becomes of the connections, every block is stored once", () => {
  const size = fc.oneof(fc.nat(60 * MIB), fc.nat(60).map((blocks) => blocks * MIB));
  fc.assert(
    fc.property(size, fc.array(link, { minLength: 1, maxLength: 6 }), fc.nat(30), (size, links, kept) => {
      const finished = [{ from: 3 * MIB, to: Math.min(size, (3 + kept) * MIB) }].filter(({ from, to }) =>
        from < to
      );
      const fetch = new VirtualFetch(queueOf(size, finished));
      fetch.run(links);
      assertEquals(fetch.queue.state, { kind: "done" });
      const missing = offsets(size).filter((at) => !finished.some(({ from, to }) => at >= from && at < to));
      assertEquals(ordered(fetch.stored), missing);
      assertEquals([...fetch.queue.finished], size === 0 ? [] : [{ from: 0, to: size }]);
    }),
    { numRuns: 300 },
  );
});

Deno.test("connections of one speed share a file, and ask for no block twice", () => {
  const fetch = new VirtualFetch(queueOf(400 * MIB));
  const tookMs = fetch.run([FAST, FAST, FAST, FAST]);
  assertEquals(ordered(fetch.asked), offsets(400 * MIB));
  assertLess(tookMs, 1.02 * 100 * MIB / FAST.bytesPerMs);
});

Deno.test("a slow connection holds up nobody: the file takes what all of them can bring together", () => {
  for (const bytesPerMs of [10, 100, 1_000, 10_000]) {
    const fetch = new VirtualFetch(queueOf(400 * MIB));
    const tookMs = fetch.run([FAST, FAST, FAST, { bytesPerMs, roundTripMs: 50 }]);
    const idealMs = 400 * MIB / (3 * FAST.bytesPerMs + bytesPerMs);
    // Whatever the slow one brings at the end is waited for 200 ms before it is asked for again.
    assertLess(tookMs, 1.05 * idealMs + 300);
    assertLess(fetch.asked.length, 400 + 8);
  }
});

Deno.test("a connection that stalls is not waited for, though nobody notices that it is lost", () => {
  const fetch = new VirtualFetch(queueOf(100 * MIB));
  const tookMs = fetch.run([FAST, { ...FAST, stallsAtMs: 300 }]);
  assertEquals([fetch.queue.state.kind, fetch.lost], ["done", 0]);
  assertLess(tookMs, 100 * MIB / FAST.bytesPerMs + 1_000);
});

Deno.test("a connection has under way what fits into its round trip twice, within its bounds", () => {
  const most = (link: VirtualLink) => {
    const fetch = new VirtualFetch(queueOf(400 * MIB));
    fetch.run([link]);
    return (fetch.mostUnderWay[0] ?? 0) / MIB;
  };
  assertEquals(most({ bytesPerMs: 100_000, roundTripMs: 0.1 }), 2);
  assertEquals(most({ bytesPerMs: 100_000, roundTripMs: 200 }), 16);
  const between = most({ bytesPerMs: 100_000, roundTripMs: 40 });
  assert(between >= 6 && between <= 8, `${between}`);
});

Deno.test("a long link is filled although nothing is known of it at first", () => {
  const fetch = new VirtualFetch(queueOf(400 * MIB));
  const tookMs = fetch.run([{ bytesPerMs: 50_000, roundTripMs: 100 }]);
  assertLess(tookMs, 1.1 * 400 * MIB / 50_000);
});

Deno.test("nobody takes more than a fair share of what is left", () => {
  const queue = queueOf(6 * MIB);
  for (const connection of [1, 2, 3, 4]) queue.join(connection, { roundTripMs: 1, nowMs: 0 });
  const pulled = [1, 2, 3, 4].map((connection) =>
    queue.pull(connection, 0).map(({ offset }) => offset / MIB)
  );
  assertEquals(pulled, [[0], [1], [2], [3]]);
});

Deno.test("what a lost connection did not bring is given to the next that asks, in order", () => {
  const queue = queueOf(10 * MIB);
  queue.join(1, { roundTripMs: 1, nowMs: 0 });
  assertEquals(queue.pull(1, 0).map(({ offset }) => offset), [0, MIB]);
  queue.leave(1);
  queue.join(2, { roundTripMs: 1, nowMs: 1 });
  assertEquals(queue.pull(2, 1).map(({ offset }) => offset), [0, MIB]);
  assertEquals([queue.pull(1, 2), queue.received(1, good(queue, 0))], [[], "unasked"]);
});

Deno.test("the last block is asked for twice after a while, and the first to come wins", () => {
  const queue = queueOf(MIB);
  queue.join(1, { roundTripMs: 1, nowMs: 0 });
  queue.join(2, { roundTripMs: 1, nowMs: 0 });
  assertEquals([queue.pull(1, 0).length, queue.pull(2, 0).length], [1, 0]);
  const wakeAtMs = queue.wakeAtMs ?? NaN;
  assertEquals(queue.pull(2, wakeAtMs), [{ offset: 0, length: MIB }]);
  queue.join(3, { roundTripMs: 1, nowMs: wakeAtMs });
  assertEquals(queue.pull(3, 10 * wakeAtMs), []);
  assertEquals([queue.received(2, good(queue, 0)), queue.state.kind], ["store", "done"]);
  assertEquals([queue.received(1, good(queue, 0)), queue.state.kind, queue.wakeAtMs], [
    "drop",
    "done",
    undefined,
  ]);
});

/** A queue with one connection, which has been asked for the first two blocks. */
function begun(size: number): { readonly queue: BlockQueue; readonly pull: () => number[] } {
  const queue = queueOf(size);
  queue.join(1, { roundTripMs: 1, nowMs: 0 });
  const pull = () => queue.pull(1, 0).map(({ offset }) => offset / MIB);
  assertEquals(pull(), [0, 1]);
  return { queue, pull };
}

Deno.test("of two connections with one block the other goes on when one brings it spoilt", () => {
  const queue = queueOf(MIB);
  for (const connection of [1, 2, 3]) queue.join(connection, { roundTripMs: 1, nowMs: 0 });
  queue.pull(1, 0);
  assertEquals(queue.pull(2, 1_000).length, 1);
  assertEquals(queue.received(2, { ...good(queue, 0), isIntact: false }), "bad");
  assertEquals([queue.pull(2, 1_000).length, queue.pull(3, 1_000).length], [1, 0]);
  assertEquals(queue.received(1, good(queue, 0)), "store");
});

Deno.test("a bad block is asked for again alone", () => {
  const { queue, pull } = begun(3 * MIB - 5);
  assertEquals(queue.received(1, { ...good(queue, 0), isIntact: false }), "bad");
  assertEquals([pull(), queue.received(1, good(queue, MIB))], [[0], "store"]);
  assertEquals([pull(), queue.received(1, good(queue, 0))], [[2], "store"]);
  assertEquals([queue.received(1, good(queue, 2 * MIB)), queue.badBlocks], ["store", 1]);
  assertEquals(queue.state, { kind: "done" });
});

Deno.test("a block that stays bad fails the file", () => {
  const queue = queueOf(MIB);
  queue.join(1, { roundTripMs: 1, nowMs: 0 });
  const seen = Array.from({ length: 4 }, () => {
    assertEquals(queue.pull(1, 0).length, 1);
    return queue.received(1, { ...good(queue, 0), isIntact: false });
  });
  assertEquals(seen, ["bad", "bad", "bad", "over"]);
  assert(queue.state.kind === "failed" && queue.state.cause === "integrity");
  queue.restart(queue.version);
  assertEquals([queue.state.kind, queue.pull(1, 0)], ["failed", []]);
});

Deno.test("an answer that is not what was asked for is told, and its block given out again", () => {
  const wrong = [{ offset: MIB }, { length: MIB - 1 }, { length: 0 }, { offset: 1 }];
  for (const other of wrong) {
    const { queue } = begun(2 * MIB);
    assertEquals(queue.received(1, { ...good(queue, 0), ...other }), "unasked");
    queue.leave(1);
    queue.join(2, { roundTripMs: 1, nowMs: 0 });
    assertEquals(queue.pull(2, 0).map(({ offset }) => offset), [0, MIB]);
  }
});

Deno.test("a file that changes is started over, and nothing of the old version is kept", () => {
  const { queue, pull } = begun(8 * MIB);
  const old = good(queue, MIB);
  assertEquals(queue.received(1, good(queue, 0)), "store");
  assertEquals(pull(), [2]);
  const version = { size: MIB + 1, mtimeMs: 9 };
  assertEquals(queue.received(1, { ...old, version }), "over");
  assertEquals([queue.state, pull()], [{ kind: "changed", version }, []]);
  queue.restart(version);
  assertEquals([queue.finished.bytes, pull()], [0, [0, 1]]);
  // Block 2 was asked for before: what comes for it is none of the new version, whatever it says.
  assertEquals(queue.received(1, { ...old, offset: 2 * MIB }), "drop");
  assertEquals([queue.received(1, good(queue, 0)), queue.received(1, good(queue, MIB))], ["store", "store"]);
  assertEquals([queue.state.kind, [...queue.finished]], ["done", [{ from: 0, to: MIB + 1 }]]);
});

Deno.test("a time of the last change alone makes another version", () => {
  const { queue } = begun(2 * MIB);
  assertEquals(queue.received(1, { ...good(queue, 0), version: { size: 2 * MIB, mtimeMs: 6 } }), "over");
  assertEquals(queue.state.kind, "changed");
});

Deno.test("a file that changes all the time fails", () => {
  const { queue } = begun(2 * MIB);
  for (let i = 1; i <= 3; i++) {
    queue.changed();
    assertEquals(queue.state, { kind: "changed", version: undefined });
    queue.restart({ size: 2 * MIB, mtimeMs: i });
    assertEquals(queue.state.kind, "running");
  }
  queue.changed();
  queue.restart({ size: 2 * MIB, mtimeMs: 4 });
  assert(queue.state.kind === "failed" && queue.state.cause === "changing");
  queue.restart({ size: 2 * MIB, mtimeMs: 5 });
  assertEquals(queue.state.kind, "failed");
});

Deno.test("files that change while they come are there in one version, stored once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(2_000), { maxLength: 3 }),
      fc.array(link, { minLength: 1 }),
      (times, links) => {
        const fetch = new VirtualFetch(queueOf(40 * MIB));
        times.toSorted((a, b) => a - b).forEach((atMs, i) => {
          const change = () => fetch.version = { size: (30 - i) * MIB + i, mtimeMs: 10 + i };
          fetch.clock.at(atMs, change);
        });
        fetch.run(links);
        assertEquals(fetch.queue.state.kind, "done");
        assertEquals([...fetch.storedVersions], [fetch.queue.version]);
        assertEquals(ordered(fetch.stored), offsets(fetch.queue.version.size));
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("a block that a connection is refused is given out again", () => {
  const { queue, pull } = begun(2 * MIB);
  queue.refused(1);
  assertEquals([pull(), queue.received(1, good(queue, MIB)), queue.received(1, good(queue, 0))], [
    [0],
    "store",
    "store",
  ]);
});

Deno.test("of what an earlier run left whole blocks count, and the last one to the end of the file", () => {
  const size = 4 * MIB + 7;
  const kept = (...finished: { from: number; to: number }[]) => [...queueOf(size, finished).finished];
  assertEquals(kept({ from: 1, to: 3 * MIB - 1 }), [{ from: MIB, to: 2 * MIB }]);
  assertEquals(kept({ from: 3 * MIB, to: size }), [{ from: 3 * MIB, to: size }]);
  assertEquals(kept({ from: 4 * MIB, to: size - 1 }, { from: 0, to: 5 }), []);
  assertEquals(kept({ from: 9 * MIB, to: 10 * MIB }), []);
  assertEquals(queueOf(size, [{ from: 0, to: size }]).state, { kind: "done" });
  assertEquals(queueOf(0).state, { kind: "done" });
});
