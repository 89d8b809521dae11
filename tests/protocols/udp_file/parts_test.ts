import { assert, assertEquals } from "@std/assert";
import { AckHeaps } from "../../../protocols/udp_file/ack_heaps.ts";
import { AckTiming } from "../../../protocols/udp_file/acks.ts";
import { PathSample } from "../../../protocols/udp_file/congestion.ts";
import { Cubic } from "../../../protocols/udp_file/cubic.ts";
import { KeptRate } from "../../../protocols/udp_file/kept_rate.ts";
import { LoopbackWindow } from "../../../protocols/udp_file/loopback_window.ts";
import { Outgoing } from "../../../protocols/udp_file/outgoing.ts";
import { Pacer } from "../../../protocols/udp_file/pacer.ts";
import { PacketHead } from "../../../protocols/udp_file/packets.ts";
import { ProbeAnswers } from "../../../protocols/udp_file/probe_answers.ts";
import { RateControl } from "../../../protocols/udp_file/rate_control.ts";
import { StandingQueue } from "../../../protocols/udp_file/standing_queue.ts";
import { RoundTrip } from "../../../protocols/udp_file/rtt.ts";

Deno.test("a round trip is smoothed as RFC 9002 section 5 says", () => {
  const roundTrip = new RoundTrip();
  assertEquals(roundTrip.timeoutUs, 333_000 + 4 * 166_500);
  roundTrip.measured(100_000, 0);
  assertEquals([roundTrip.smoothedUs, roundTrip.timeoutUs], [100_000, 300_000]);
  // The peer's delay counts, as far as that leaves what the path takes at least.
  roundTrip.measured(140_000, 20_000);
  assertEquals([roundTrip.smoothedUs, roundTrip.recentUs], [102_500, 120_000]);
  roundTrip.measured(110_000, 20_000);
  assertEquals([roundTrip.recentUs, roundTrip.leastUs], [110_000, 100_000]);
});

Deno.test("a pacer lets go what the rate allows, and a burst of 48 KiB after a rest", () => {
  const pacer = new Pacer(0);
  pacer.setRate(1, 0);
  let left = 0;
  const drain = (nowUs: number) => {
    for (; pacer.mayLeave(nowUs); left += 1000) pacer.left(1000);
  };
  drain(0);
  assertEquals(left, 50_000);
  drain(100_000);
  assertEquals(left, 100_000);
  assert(pacer.readyUs > 100_000 && pacer.readyUs <= 102_000);
});

/** Files of 3000 bytes, offered to a peer with a credit. */
function offered(creditBytes: number) {
  const delivered: number[] = [];
  const outgoing = new Outgoing({
    source: { fill: (_file, _offset, target) => target.length },
    creditBytes,
    delivered: (file) => delivered.push(file),
  });
  for (const file of [1, 2]) outgoing.offer(file, [{ from: 0, to: 3000 }]);
  const next = () => {
    const head = new PacketHead();
    const length = outgoing.fill(new Uint8Array(1000), head);
    return length === 0 ? undefined : [head.file, head.offset, length];
  };
  return { outgoing, delivered, next };
}

Deno.test("control goes first, then what is lost, then new bytes in order, as far as there is credit", () => {
  const { outgoing, next } = offered(3500);
  assertEquals(next(), [1, 0, 1000]);
  assertEquals(next(), [1, 1000, 1000]);
  outgoing.lost(1, 0, 1000);
  outgoing.control.add("hello");
  assertEquals([next(), next(), next(), next()], [[0, 0, 6], [1, 0, 1000], [1, 2000, 1000], [2, 0, 500]]);
  assertEquals([next(), outgoing.hasMore, outgoing.lacksCredit], [undefined, false, true]);
  outgoing.lost(2, 0, 500);
  assertEquals([next(), next()], [[2, 0, 500], undefined]);
  outgoing.credit(4000);
  assertEquals(next(), [2, 500, 500]);
});

Deno.test("what was lost and came after all is not sent again, and the file is delivered", () => {
  const { outgoing, delivered, next } = offered(3000);
  for (let i = 0; i < 3; i++) next();
  for (const offset of [0, 1000]) outgoing.acked(1, offset, 1000);
  outgoing.lost(1, 2000, 1000);
  assertEquals([outgoing.hasMore, delivered], [true, []]);
  outgoing.arrivedLate(1, 2000, 1000);
  assertEquals([outgoing.hasMore, delivered], [false, [1]]);
});

/** What an ACK tells after a round trip of 50 ms. */
function sampleAt(nowUs: number, fields: Partial<PathSample>): PathSample {
  const fixed = {
    nowUs,
    smoothedUs: 50_000,
    roundTripUs: 50_000,
    ackedSentUs: nowUs - 50_000,
    datagramBytes: 1000,
  };
  return Object.assign(new PathSample(), fixed, { priorBytes: 1e9 }, fields);
}

Deno.test("CUBIC falls to 0.7 for a loss, once a round trip, and is back when its curve says so", () => {
  const cubic = new Cubic(1000, 1_000_000);
  cubic.observed(sampleAt(1_000_000, { lostPackets: 1, lostBytes: 1000, lostSentUs: 940_000 }));
  assertEquals(cubic.windowBytes, 700_000);
  cubic.observed(sampleAt(1_010_000, { lostPackets: 1, lostBytes: 1000, lostSentUs: 950_000 }));
  assertEquals(cubic.windowBytes, 700_000);
  const grow = (fromUs: number, toUs: number) => {
    for (let nowUs = fromUs; nowUs < toUs; nowUs += 50_000) {
      cubic.observed(sampleAt(nowUs, { ackedBytes: cubic.windowBytes }));
    }
    return cubic.windowBytes / 1000;
  };
  // K = cbrt(300 / 0.4) = 9.1 s.
  const early = grow(1_100_000, 4_100_000);
  assert(early > 890 && early < 920, `${early}`);
  const late = grow(4_100_000, 10_200_000);
  assert(late > 990 && late < 1005, `${late}`);
});

Deno.test("two timeouts in a row leave both kinds four packets, one leaves all", () => {
  for (const control of [new RateControl(1000), new Cubic(1000)]) {
    const before = control.windowBytes;
    control.timedOut(1);
    assertEquals(control.windowBytes, before);
    control.timedOut(2);
    assertEquals(control.windowBytes, 4000);
    control.observed(sampleAt(1_000_000, { ackedBytes: 1000, ackedPackets: 1 }));
    assert(control.windowBytes > 4000);
  }
});

Deno.test("starting up, what the first ACKs tell makes nothing slower", () => {
  const control = new RateControl(1000);
  const sample = new PathSample();
  Object.assign(sample, { nowUs: 50_000, smoothedUs: 50_000, roundTripUs: 50_000, datagramBytes: 1000 });
  control.observed(sample);
  const first = control.bytesPerUs;
  assert(first > 32 * 1000 / 50_000 && first < Infinity);
  // Two packets a round trip.
  Object.assign(sample, { ackedBytes: 2000, ackedPackets: 2, ackedSentUs: 0, bytesPerUs: 2000 / 50_000 });
  control.observed(sample);
  assertEquals(control.bytesPerUs, first);
});

Deno.test("two packets wait 4 ms for others at most, whatever the receiver takes the round trip for", () => {
  const timing = new AckTiming({ isLoopback: false });
  const arrive = (nowUs: number) =>
    timing.arrived({ bytes: 1000, isGap: false, roundTripUs: 200_000, nowUs });
  for (let i = 0; i < 64; i++) arrive(0);
  timing.sent(0);
  arrive(1000);
  assertEquals(timing.dueUs, 26_000);
  arrive(1000);
  assertEquals(timing.dueUs, 4000);
  timing.sent(4000);
  assertEquals(timing.dueUs, Infinity);
});

Deno.test("within a machine an ACK waits for what is there already, not for a timer", () => {
  const timing = new AckTiming({ isLoopback: true });
  const arrive = (nowUs: number) =>
    timing.arrived({ bytes: 1472, isGap: false, roundTripUs: 200_000, nowUs });
  for (let i = 0; i < 64; i++) arrive(0);
  timing.sent(0);
  arrive(1000);
  assertEquals(timing.dueUs, 1020);
  for (let i = 1; i < 17; i++) arrive(1000);
  assertEquals(timing.dueUs, 1000);
});

/** Round trips of a path of 50 ms, one each ms: what a queue adds to them. */
function queueOf(addedUs: readonly number[], queue = new StandingQueue(), fromUs = 0) {
  addedUs.forEach((added, i) => queue.measured(50_000 + added, 50_000, fromUs + 1000 * i));
  return queue;
}

Deno.test("packets that wait for a busy machine are no queue of the path", () => {
  const pause = Array.from({ length: 12 }, (_, i) => 1000 * (30 - 2 * i));
  const queue = queueOf([0, ...pause, 0, ...pause, 0]);
  assertEquals([queue.isFull(50_000), queue.lastUs], [false, -Infinity]);
  assertEquals(queueOf(pause, queue, 40_000).isFull(50_000), false, "not half of a round trip");
});

Deno.test("a queue is full when it is about as long as it ever was", () => {
  const rise = Array.from({ length: 40 }, (_, i) => 8000 + 1000 * i);
  const queue = queueOf(rise);
  assertEquals([queue.isFull(50_000), queue.lastUs], [true, 39_000]);
  queueOf([0], queue, 40_000);
  assertEquals(queue.isFull(50_000), false);
  const low = Array.from({ length: 40 }, () => 15_000);
  assertEquals(queueOf(low, queue, 41_000).isFull(50_000), false);
  queueOf([0], queue, 100_000);
  // What it was is forgotten with time.
  assertEquals(queueOf(low, queue, 9_000_000).isFull(50_000), true);
});

Deno.test("loss over loopback leaves three quarters under way, which grows again to what a buffer holds", () => {
  const control = new LoopbackWindow(1472);
  control.observed(sampleAt(0, { datagramBytes: 1472, ackedBytes: 1472 }));
  assertEquals([control.windowBytes, control.bytesPerUs], [80 * 1472, Infinity]);
  control.observed(sampleAt(1000, { datagramBytes: 1472, lostPackets: 2, lostSentUs: 900 }));
  assertEquals(control.windowBytes, 60 * 1472);
  control.observed(sampleAt(1100, { datagramBytes: 1472, lostPackets: 2, lostSentUs: 950 }));
  assertEquals(control.windowBytes, 60 * 1472, "they were sent before");
  for (let window = 0; window < 2000; window++) {
    control.observed(sampleAt(2000, { datagramBytes: 1472, ackedBytes: control.windowBytes }));
  }
  assertEquals(control.windowBytes, 80 * 1472);
  control.timedOut(2);
  assertEquals(control.windowBytes, 4 * 1472);
  control.observed(sampleAt(3000, { datagramBytes: 49_152, ackedBytes: 1472 }));
  assertEquals(control.windowBytes, 4 * 49_152);
});

Deno.test("a rate is kept beside who does not slow down for loss, and given up when there is too much of it", () => {
  const kept = new KeptRate();
  kept.measured(20);
  const rounds = (count: number, lost: number, ownShare = 0) => {
    for (let i = 0; i < count; i++) kept.endRound(1000 - lost, lost, ownShare);
    return kept.bytesPerUs;
  };
  assertEquals(rounds(200, 10), 0, "who slows down for loss loses that much");
  assertEquals(rounds(200, 50), 10, "half of what there was");
  assertEquals(rounds(200, 0), 10, "nobody says that it is too much");
  assert(rounds(200, 150) < 0.1, "more than there is room for");
  assertEquals(rounds(200, 50), 10);
  kept.release();
  assertEquals(rounds(200, 50, 0.05), 0, "what the path loses by itself says nothing");
});

/** A round up on a path of 50 ms, with what came of it. */
function roundUp(
  answers: ProbeAnswers,
  { peakUs = 50_000, lost = 0, reached = 1.2, after = 10 }: {
    readonly peakUs?: number;
    readonly lost?: number;
    readonly reached?: number;
    readonly after?: number;
  },
) {
  answers.begin(10);
  answers.observed(50_000, 100 - lost, lost);
  answers.reached(reached);
  answers.observed(peakUs, 0, 0);
  return answers.end(after, 50_000);
}

Deno.test("a path that loses much and does not answer to more being sent is full of others", () => {
  const answers = new ProbeAnswers();
  assertEquals([roundUp(answers, { lost: 10 }), roundUp(answers, { lost: 10 })], [false, true]);
  for (
    const answer of [
      { lost: 10, peakUs: 58_000 },
      { lost: 10, after: 12 },
      { lost: 10, reached: 1 },
      { lost: 2 },
    ]
  ) {
    const fresh = new ProbeAnswers();
    roundUp(fresh, answer);
    assertEquals(roundUp(fresh, answer), false, JSON.stringify(answer));
  }
  assertEquals(answers.end(10, 50_000), false, "no round up was begun");
});

Deno.test("ACKs that each tell of all that was under way count as heaps, for ten rounds", () => {
  const heaps = new AckHeaps(10);
  for (let nowUs = 4000; nowUs < 40_000; nowUs += 4000) {
    heaps.acked(sampleAt(nowUs, { ackedBytes: 8000 }), 2, 100);
    assertEquals(heaps.bytes, 8000);
  }
  for (let round = 0; round < 10; round++) heaps.nextRound();
  assertEquals(heaps.bytes, 0);
});
