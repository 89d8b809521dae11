import { type CongestionControl, INITIAL_PACKETS, LEAST_PACKETS, type PathSample } from "./congestion.ts";

/** Doubles what is under way each round: 4 ln 2 (BBR, section 4.2.2). */
const STARTUP_GAIN = 2.77;
/** The path is full when so many rounds brought less than a quarter more (section 4.3.1.2). */
const FULL_ROUNDS = 3;
const FULL_GROWTH = 1.25;
/** What may be under way, in products of bandwidth and delay: some for ACKs that are late or come in heaps. */
const WINDOW_GAIN = 2;
/** Asks for more, gives back what queued, then keeps to what was found (BBR version 1, section 4.3.4.3). */
const CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
/** For how many rounds a bandwidth is believed, for how long a shortest round trip, and how long it takes to see it. */
const BANDWIDTH_ROUNDS = 10;
const LEAST_RTT_US = 10_000_000;
const DRAINED_US = 100_000;
const DRAINED_SHARE = 0.5;
/** Loss is judged over so many packets; the least of so many judgements is what the path loses by itself. */
const JUDGED_PACKETS = 64;
const JUDGEMENTS = 8;
const MOST_LOSS = 0.5;
/** A queue holds packets back for more than this, and when it is full it drops more than the path does by itself. */
const QUEUE_SHARE = 0.25;
const QUEUE_US = 1000;
const DROP_SHARE = 0.02;
/** What is left under way by a queue that drops (BBR version 3: Beta). */
const BACK_OFF = 0.7;
/** Near paths: what one turn of both ends' event loops takes. */
const TURN_US = 1000;
const MOST_TURN_BYTES = 96 * 1024;

type Phase =
  | { readonly kind: "startup" }
  | { readonly kind: "drain" }
  | { readonly kind: "cycle"; readonly step: number; readonly sinceUs: number }
  /** Little is under way, so that the queue of this connection is empty. */
  | { readonly kind: "look"; readonly untilUs: number };

/**
 * Sends at the rate at which bytes are seen to arrive, after BBR (draft-cardwell-iccrg-bbr-congestion-control).
 *
 * Loss alone does not slow it down: what the path loses by itself, with no queue and at whatever rate, is made
 * up for. Loss that comes with a longer round trip is a queue that is full, and takes a third of what is under
 * way; two timeouts in a row take all but a few packets.
 */
export class RateControl implements CongestionControl {
  #phase: Phase = { kind: "startup" };
  #datagramBytes: number;
  /** The highest of each of the last rounds, in bytes a microsecond. */
  readonly #bandwidths = new Float64Array(BANDWIDTH_ROUNDS);
  #round = 0;
  #bandwidth = 0;
  #leastUs = Infinity;
  #leastAtUs = 0;
  #smoothedUs = 0;
  #fullBandwidth = 0;
  #fullRounds = 0;
  /** Shortest round trip, and fates, of this round. */
  #roundLeastUs = Infinity;
  #roundAcked = 0;
  #roundLost = 0;
  #judgedAcked = 0;
  #judgedLost = 0;
  readonly #losses = new Float64Array(JUDGEMENTS);
  #judged = 0;
  #loss = 0;
  /** Bytes that may be under way after a queue was seen to drop. */
  #ceiling = Infinity;
  #hasDropped = false;
  readonly #heaps = new Float64Array(BANDWIDTH_ROUNDS);
  #heapSinceUs = 0;
  #heapBytes = 0;
  /** No ACK since the timers have run out. */
  #isCutOff = false;

  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
  }

  get bytesPerUs(): number {
    const { kind } = this.#phase;
    if (this.#bandwidth === 0) {
      const initial = INITIAL_PACKETS * this.#datagramBytes;
      return this.#smoothedUs === 0 ? Infinity : STARTUP_GAIN * initial / this.#smoothedUs;
    }
    const gain = kind === "startup"
      ? STARTUP_GAIN
      : kind === "drain"
      ? 1 / STARTUP_GAIN
      : this.#phase.kind === "cycle"
      ? CYCLE[this.#phase.step] ?? 1
      : 1;
    return gain * this.#bandwidth / (1 - this.#loss);
  }

  get windowBytes(): number {
    const least = LEAST_PACKETS * this.#datagramBytes;
    if (this.#isCutOff) return least;
    if (this.#bandwidth === 0) return INITIAL_PACKETS * this.#datagramBytes;
    if (this.#phase.kind === "look") return Math.max(least, DRAINED_SHARE * this.#product());
    const turn = Math.min(MOST_TURN_BYTES, 2 * TURN_US * this.#bandwidth);
    const wanted = Math.max(WINDOW_GAIN * this.#product() + Math.max(...this.#heaps), turn);
    const first = this.#phase.kind === "startup" ? INITIAL_PACKETS * this.#datagramBytes : least;
    return Math.max(least, Math.min(this.#ceiling, Math.max(first, wanted)));
  }

  observed(sample: PathSample): void {
    this.#datagramBytes = sample.datagramBytes;
    this.#smoothedUs = sample.smoothedUs;
    this.#roundAcked += sample.ackedPackets;
    this.#roundLost += sample.lostPackets;
    if (sample.ackedPackets > 0) this.#isCutOff = false;
    if (sample.roundTripUs > 0) this.#roundLeastUs = Math.min(this.#roundLeastUs, sample.roundTripUs);
    this.#findHeaps(sample);
    this.#findBandwidth(sample);
    this.#findLeast(sample);
    if (sample.isRoundEnd) this.#endRound(sample);
    this.#advance(sample);
  }

  timedOut(times: number): void {
    if (times < 2) return;
    this.#isCutOff = true;
    // Whatever the path was, it is to be found again.
    for (let i = 0; i < BANDWIDTH_ROUNDS; i++) this.#bandwidths[i] = (this.#bandwidths[i] ?? 0) / 2;
    this.#bandwidth /= 2;
    this.#fullBandwidth = 0;
    this.#fullRounds = 0;
    this.#ceiling = Infinity;
    this.#phase = { kind: "startup" };
  }

  /** What fits on the path, in bytes, with what it loses. */
  #product(): number {
    return this.#leastUs === Infinity ? 0 : this.#bandwidth * this.#leastUs / (1 - this.#loss);
  }

  #findBandwidth({ bytesPerUs, isStarved }: PathSample): void {
    if (bytesPerUs === 0 || (isStarved && bytesPerUs < this.#bandwidth)) return;
    const i = this.#round % BANDWIDTH_ROUNDS;
    this.#bandwidths[i] = Math.max(this.#bandwidths[i] ?? 0, bytesPerUs);
    this.#bandwidth = Math.max(...this.#bandwidths);
  }

  #findLeast({ roundTripUs, nowUs }: PathSample): void {
    if (roundTripUs === 0) return;
    const isOver = nowUs > this.#leastAtUs + LEAST_RTT_US;
    if (roundTripUs <= this.#leastUs || (isOver && this.#phase.kind === "look")) {
      this.#leastUs = roundTripUs;
      this.#leastAtUs = nowUs;
    }
  }

  /** ACKs that come in heaps would leave the path empty in between (Linux: `bbr_update_ack_aggregation`). */
  #findHeaps({ ackedBytes, nowUs }: PathSample): void {
    const expected = this.#bandwidth * (nowUs - this.#heapSinceUs);
    if (this.#heapBytes <= expected) {
      this.#heapSinceUs = nowUs;
      this.#heapBytes = 0;
      this.#heapBytes += ackedBytes;
      return;
    }
    this.#heapBytes += ackedBytes;
    const extra = Math.min(this.#heapBytes - expected, this.#product());
    const i = this.#round % BANDWIDTH_ROUNDS;
    this.#heaps[i] = Math.max(this.#heaps[i] ?? 0, extra);
  }

  #endRound(sample: PathSample): void {
    const isQueued = this.#roundLeastUs > (1 + QUEUE_SHARE) * this.#leastUs + QUEUE_US;
    const loss = this.#roundLost / Math.max(1, this.#roundLost + this.#roundAcked);
    const isDropping = isQueued && this.#roundLost > 1 && loss > 1.5 * this.#loss + DROP_SHARE;
    if (isDropping) this.#backOff(sample);
    else this.#judge(isQueued);
    if (this.#phase.kind === "startup" && !sample.isStarved) this.#lookIfFull();
    this.#roundLeastUs = Infinity;
    this.#roundAcked = 0;
    this.#roundLost = 0;
    if (sample.isStarved) return;
    this.#round++;
    this.#bandwidths[this.#round % BANDWIDTH_ROUNDS] = 0;
    this.#heaps[this.#round % BANDWIDTH_ROUNDS] = 0;
    this.#bandwidth = Math.max(...this.#bandwidths);
  }

  #backOff({ priorBytes }: PathSample): void {
    this.#ceiling = Math.max(this.#product(), BACK_OFF * Math.min(this.#ceiling, priorBytes));
    this.#hasDropped = true;
    if (this.#phase.kind === "startup") this.#phase = { kind: "drain" };
  }

  /**
   * What the path loses by itself: the least of several judgements, some of which are of times when less was
   * sent than arrives. A queue, or a policer, loses nothing then.
   */
  #judge(isQueued: boolean): void {
    if (isQueued) return;
    this.#judgedAcked += this.#roundAcked;
    this.#judgedLost += this.#roundLost;
    const packets = this.#judgedAcked + this.#judgedLost;
    if (packets < JUDGED_PACKETS) return;
    this.#losses[this.#judged++ % JUDGEMENTS] = this.#judgedLost / packets;
    this.#judgedAcked = 0;
    this.#judgedLost = 0;
    const known = this.#losses.subarray(0, Math.min(this.#judged, JUDGEMENTS));
    this.#loss = Math.min(MOST_LOSS, ...known);
  }

  #lookIfFull(): void {
    if (this.#bandwidth >= FULL_GROWTH * this.#fullBandwidth) {
      this.#fullBandwidth = this.#bandwidth;
      this.#fullRounds = 0;
    } else if (++this.#fullRounds >= FULL_ROUNDS) this.#phase = { kind: "drain" };
  }

  #advance(sample: PathSample): void {
    const { nowUs, flightBytes } = sample;
    const isLong = nowUs > this.#leastAtUs + LEAST_RTT_US;
    switch (this.#phase.kind) {
      case "startup":
        return;
      case "drain":
        if (flightBytes <= this.#product()) this.#phase = { kind: "cycle", step: 2, sinceUs: nowUs };
        return;
      case "cycle":
        if (isLong) this.#phase = { kind: "look", untilUs: nowUs + DRAINED_US + this.#smoothedUs };
        else this.#advanceCycle(this.#phase, sample);
        return;
      case "look":
        if (nowUs < this.#phase.untilUs) return;
        this.#leastAtUs = nowUs;
        this.#phase = { kind: "cycle", step: 0, sinceUs: nowUs };
    }
  }

  #advanceCycle({ step, sinceUs }: Extract<Phase, { kind: "cycle" }>, sample: PathSample): void {
    const { nowUs, flightBytes, lostPackets } = sample;
    const isTime = nowUs > sinceUs + this.#leastUs;
    const gain = CYCLE[step] ?? 1;
    // Up until there is so much under way, down until nothing queues.
    const isFilled = flightBytes >= gain * this.#product() || lostPackets > 0 || sample.isStarved;
    const isOver = gain > 1 ? isTime && isFilled : isTime || (gain < 1 && flightBytes <= this.#product());
    if (!isOver) return;
    if (gain > 1) {
      // A round up without drops: the ceiling is too low.
      if (!this.#hasDropped) this.#ceiling *= CYCLE[0] ?? 1;
      if (this.#ceiling > WINDOW_GAIN * this.#product()) this.#ceiling = Infinity;
      this.#hasDropped = false;
    }
    this.#phase = { kind: "cycle", step: (step + 1) % CYCLE.length, sinceUs: nowUs };
  }
}
