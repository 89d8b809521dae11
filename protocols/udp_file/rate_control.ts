import { AckHeaps } from "./ack_heaps.ts";
import { BANDWIDTH_ROUNDS, BandwidthFilter } from "./bandwidth_filter.ts";
import { KeptRate } from "./kept_rate.ts";
import { PathLoss } from "./path_loss.ts";
import { Cubic } from "./cubic.ts";
import { ProbeAnswers } from "./probe_answers.ts";
import { StartupGrowth } from "./startup_growth.ts";
import { BACK_OFF, WindowCeiling } from "./window_ceiling.ts";
import { PathDelay } from "./path_delay.ts";
import { RoundTally } from "./round_tally.ts";
import { type CongestionControl, INITIAL_PACKETS, LEAST_PACKETS, type PathSample } from "./congestion.ts";

/** Doubles what is under way each round: 4 ln 2 (BBR, section 4.2.2). */
const STARTUP_GAIN = 2.77;
/** What may be under way, in products of bandwidth and delay: some for ACKs that are late or come in heaps. */
const WINDOW_GAIN = 2;
/** Asks for more, gives back what queued, then keeps to what was found (BBR version 1, section 4.3.4.3). */
const CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
/** The highest of many measurements is a little too high, which would let a queue grow until it drops. */
const QUEUED_GAIN = 0.93;
/** How long it takes to see the shortest round trip, and how much is under way meanwhile. */
const DRAINED_US = 100_000;
const DRAINED_SHARE = 0.5;
/** Starting up, so many are lost before a queue counts as full within a round. */
const OVERFLOW_PACKETS = 16;
/** A queue that drops again so soon is filled by others, too; for how long that is believed. */
const SHARED_WITHIN_US = 10_000_000;
const SHARED_US = 20_000_000;
/** Who shares a queue sees it full from time to time, and hardly ever empty. */
const QUIET_US = 6_000_000;
const EMPTY_US = 1_000_000;
/** What a back-off leaves at least: what was seen to arrive, and the time that ACKs take to tell. */
const LEAST_CEILING = 1.15;
/** Paths nearer than a turn of both ends' event loops, and what a receiving socket's buffer takes of them. */
const TURN_US = 1000;
/** In less, event loops and delayed ACKs would be measured, and a pause would make the bandwidth forgotten. */
const LEAST_ROUND_US = 5000;
const NEAR_BYTES = 96 * 1024;

type Phase =
  | { readonly kind: "startup" }
  | { readonly kind: "drain" }
  | { readonly kind: "cycle"; readonly step: number; readonly sinceUs: number }
  /** Little is under way, so that the queue of this connection is empty. */
  | { readonly kind: "look"; readonly untilUs: number }
  /** Others fill the queue: what they would do is done. */
  | { readonly kind: "shared"; readonly cubic: Cubic; readonly untilUs: number };

/**
 * Sends at the rate at which bytes are seen to arrive, after BBR (draft-cardwell-iccrg-bbr-congestion-control).
 *
 * Loss alone does not slow it down: what the path loses by itself, with no queue and at whatever rate, is made
 * up for. Loss that comes with a longer round trip is a queue that is full, and takes a third of what is under
 * way; when that happens again soon, others share the link, and get what they would get from CUBIC. Two timeouts
 * in a row take all but a few packets.
 */
export class RateControl implements CongestionControl {
  #phase: Phase = { kind: "startup" };
  #datagramBytes: number;
  readonly #bandwidths = new BandwidthFilter();
  readonly #delay = new PathDelay();
  #smoothedUs = 0;
  readonly #growth = new StartupGrowth();
  #roundFromUs = 0;
  readonly #round = new RoundTally();
  readonly #loss = new PathLoss();
  readonly #ceiling = new WindowCeiling();
  #droppedUs = -Infinity;
  /** When the last way down of a cycle began, and when it ended. */
  #downFromUs = Infinity;
  #downToUs = Infinity;
  readonly #kept = new KeptRate();
  readonly #answers = new ProbeAnswers();
  readonly #heaps = new AckHeaps(BANDWIDTH_ROUNDS);
  /** No ACK since the timers have run out. */
  #isCutOff = false;

  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
  }

  /** The highest of the last rounds, in bytes a microsecond; 0: none was measured. */
  get #bandwidth(): number {
    return this.#bandwidths.most;
  }

  get bytesPerUs(): number {
    const { kind } = this.#phase;
    if (this.#phase.kind === "shared") {
      return Math.max(this.#phase.cubic.bytesPerUs, this.#kept.bytesPerUs);
    }
    if (this.#bandwidth === 0) return this.#firstBytesPerUs;
    if (kind === "startup") {
      return Math.max(this.#firstBytesPerUs, STARTUP_GAIN * this.#bandwidth / (1 - this.#loss.share));
    }
    let gain = 1;
    if (kind === "drain") gain = 1 / STARTUP_GAIN;
    else if (this.#phase.kind === "cycle") gain = CYCLE[this.#phase.step] ?? 1;
    if (kind === "cycle" && gain === 1 && this.#delay.isQueued(this.#smoothedUs)) gain = QUEUED_GAIN;
    // Down there it is seen what the path loses by itself, and nothing must be added for that.
    return kind === "cycle" && gain < 1
      ? gain * this.#bandwidth
      : gain * this.#bandwidth / (1 - this.#loss.share);
  }

  /** The first packets leave at it, and no later ones of startup more slowly: ACKs of the first few tell nothing yet (BBR, section 4.6.2). */
  get #firstBytesPerUs(): number {
    const initial = INITIAL_PACKETS * this.#datagramBytes;
    return this.#smoothedUs === 0 ? Infinity : STARTUP_GAIN * initial / this.#smoothedUs;
  }

  get windowBytes(): number {
    const least = LEAST_PACKETS * this.#datagramBytes;
    if (this.#isCutOff) return least;
    if (this.#bandwidth === 0) return INITIAL_PACKETS * this.#datagramBytes;
    if (this.#phase.kind === "shared") {
      return Math.max(this.#phase.cubic.windowBytes, this.#kept.bytesPerUs * this.#smoothedUs);
    }
    if (this.#phase.kind === "look") return Math.max(least, DRAINED_SHARE * this.#product());
    const gain = this.#phase.kind === "startup" ? STARTUP_GAIN : WINDOW_GAIN;
    // Near paths: the pace is the bound, and what the receiver's socket takes.
    if (this.#delay.leastUs < TURN_US) return Math.max(least, NEAR_BYTES);
    const first = this.#phase.kind === "startup" ? INITIAL_PACKETS * this.#datagramBytes : least;
    return Math.max(
      least,
      Math.min(this.#ceiling.bytes, Math.max(first, gain * this.#product() + this.#heaps.bytes)),
    );
  }

  observed(sample: PathSample): void {
    this.#datagramBytes = sample.datagramBytes;
    this.#smoothedUs = sample.smoothedUs;
    this.#round.observed(sample);
    if (sample.ackedSentUs !== -Infinity) this.#isCutOff = false;
    if (this.#isEasy(sample)) this.#loss.judge(sample.ackedPackets, sample.lostPackets);
    this.#heaps.acked(sample, this.#bandwidth, this.#product());
    this.#findBandwidth(sample);
    this.#findLeast(sample);
    if (sample.isRoundEnd && sample.nowUs >= this.#roundFromUs + LEAST_ROUND_US) this.#endRound(sample);
    this.#advance(sample);
  }

  timedOut(times: number): void {
    if (times < 2) return;
    this.#isCutOff = true;
    // Whatever the path was, it is to be found again.
    this.#bandwidths.halve();
    this.#growth.forget();
    this.#ceiling.lift();
    this.#kept.forget();
    this.#phase = { kind: "startup" };
  }

  /** What fits on the path, in bytes, with what it loses. */
  #product(): number {
    return this.#delay.leastUs === Infinity
      ? 0
      : this.#bandwidth * this.#delay.leastUs / (1 - this.#loss.share);
  }

  #findBandwidth({ bytesPerUs, isStarved }: PathSample): void {
    if (bytesPerUs === 0 || (isStarved && bytesPerUs < this.#bandwidth)) return;
    this.#bandwidths.measured(bytesPerUs);
    this.#kept.measured(this.#bandwidth);
  }

  #findLeast({ roundTripUs, nowUs }: PathSample): void {
    if (roundTripUs === 0) return;
    const isDrained = this.#phase.kind === "look";
    // Until now the queue was never seen empty: what was lost in it is no loss of the path.
    if (this.#delay.measured(roundTripUs, nowUs, isDrained)) this.#forgetLoss();
  }

  #endRound(sample: PathSample): void {
    const isQueued = this.#delay.isQueued(this.#round.roundTripUs);
    if (!isQueued && !this.#delay.isBlind) this.#loss.note(this.#round.acked, this.#round.lost);
    else if (this.#delay.isFull && this.#loss.isMore(this.#round.acked, this.#round.lost)) {
      this.#dropped(sample);
    }
    if (this.#phase.kind === "startup" && !sample.isStarved && this.#growth.endRound(this.#bandwidth)) {
      this.#phase = { kind: "drain" };
    }
    if (this.#phase.kind === "shared") {
      this.#kept.endRound(this.#round.acked, this.#round.lost, this.#loss.share);
    }
    this.#roundFromUs = sample.nowUs;
    this.#round.clear();
    if (sample.isStarved) return;
    this.#bandwidths.nextRound();
    this.#heaps.nextRound();
  }

  #forgetLoss(): void {
    this.#loss.forget();
    this.#delay.isBlind = false;
  }

  /** Starting up, a queue fills within a round: what it drops then is not waited for to the end of it. */
  get #isOverflowing(): boolean {
    return this.#delay.isFull && this.#round.lost >= OVERFLOW_PACKETS &&
      this.#loss.isMore(this.#round.acked, this.#round.lost);
  }

  /** A queue was full. What it dropped is still found for a round. */
  #dropped(sample: PathSample): void {
    const { nowUs } = sample;
    const sinceUs = nowUs - this.#droppedUs;
    if (sinceUs < 2 * this.#smoothedUs) return;
    this.#droppedUs = nowUs;
    if (this.#phase.kind === "shared") this.#phase.cubic.backOff(nowUs);
    else if (this.#phase.kind === "startup" || sinceUs > SHARED_WITHIN_US) this.#backOff(sample);
    else this.#share(sample);
  }

  /** From now on, what others would do is done. */
  #share({ nowUs, priorBytes }: PathSample): void {
    const cubic = new Cubic(this.#datagramBytes, BACK_OFF * priorBytes);
    this.#loss.forget();
    this.#phase = { kind: "shared", cubic, untilUs: nowUs + SHARED_US };
  }

  #backOff({ priorBytes }: PathSample): void {
    const least = LEAST_CEILING * this.#product() + this.#heaps.bytes;
    this.#ceiling.lower(priorBytes, least);
    if (this.#phase.kind === "startup") this.#phase = { kind: "drain" };
  }

  /** Whether a sample is of a time when less was sent than the path carries. */
  #isEasy({ ackedSentUs, roundTripUs }: PathSample): boolean {
    const isDown = ackedSentUs >= this.#downFromUs && ackedSentUs < this.#downToUs;
    const isRising = this.#phase.kind === "startup" && this.#growth.isGrowing;
    return (isDown || isRising) && !this.#delay.isQueued(roundTripUs);
  }

  #advance(sample: PathSample): void {
    const { nowUs, flightBytes } = sample;
    const isLong = this.#delay.isOld(nowUs);
    switch (this.#phase.kind) {
      case "startup":
        if (this.#isOverflowing) this.#dropped(sample);
        return;
      case "drain":
        if (flightBytes <= LEAST_CEILING * this.#product()) {
          this.#phase = { kind: "cycle", step: 2, sinceUs: nowUs };
        }
        return;
      case "cycle":
        if (isLong) this.#phase = { kind: "look", untilUs: nowUs + DRAINED_US + this.#smoothedUs };
        else this.#advanceCycle(this.#phase, sample);
        return;
      case "look":
        if (nowUs < this.#phase.untilUs) return;
        this.#delay.confirm(nowUs);
        this.#phase = { kind: "cycle", step: 0, sinceUs: nowUs };
        return;
      case "shared":
        this.#phase.cubic.grow(sample);
        if (
          nowUs < this.#phase.untilUs && nowUs < this.#droppedUs + QUIET_US &&
          this.#delay.hasQueuedSince(nowUs - EMPTY_US)
        ) {
          return;
        }
        this.#delay.isBlind = false;
        this.#kept.release();
        // One drop more is enough to go back.
        this.#droppedUs = nowUs;
        this.#phase = { kind: "cycle", step: 1, sinceUs: nowUs };
    }
  }

  #advanceCycle({ step, sinceUs }: Extract<Phase, { kind: "cycle" }>, sample: PathSample): void {
    const { nowUs, flightBytes, lostPackets } = sample;
    const isTime = nowUs > sinceUs + Math.max(this.#delay.leastUs, LEAST_ROUND_US);
    const gain = CYCLE[step] ?? 1;
    this.#answers.observed(sample.roundTripUs, sample.ackedPackets, lostPackets);
    if (gain > 1) this.#answers.reached(flightBytes / Math.max(1, this.#product()));
    // Up until there is so much under way, down until nothing queues.
    const isFilled = flightBytes >= gain * this.#product() || lostPackets > 0 || sample.isStarved;
    const isOver = gain > 1 ? isTime && isFilled : isTime || (gain < 1 && flightBytes <= this.#product());
    if (!isOver) return;
    if (gain > 1) {
      this.#ceiling.endRise(WINDOW_GAIN * this.#product());
      this.#downFromUs = nowUs;
      this.#downToUs = Infinity;
    } else if (gain < 1) this.#downToUs = nowUs;
    const next = (step + 1) % CYCLE.length;
    this.#phase = { kind: "cycle", step: next, sinceUs: nowUs };
    if (next === 0) this.#answers.begin(this.#bandwidth);
    if (gain < 1 && this.#answers.end(this.#bandwidth, this.#delay.leastUs)) {
      this.#forgetLoss();
      this.#delay.isBlind = true;
      this.#droppedUs = nowUs;
      this.#share(sample);
    }
  }
}
