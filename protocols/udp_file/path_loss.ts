/** A judgement is over so many packets; the median of so many is what the path loses by itself. */
const JUDGED_PACKETS = 64;
const JUDGEMENTS = 8;
const MOST_LOSS = 0.5;
/** How many packets are looked back at for what is usual. */
const USUAL_PACKETS = 8192;
/** More than usual is what chance brings once in a thousand rounds. */
const CHANCE_DEVIATIONS = 3;
const CHANCE_PACKETS = 4;
/** On so many rounds it is judged whether packets get lost in bursts. */
const DISPERSION_ROUNDS = 8;

/** How much a path loses by itself, as against what a full queue drops. */
export class PathLoss {
  readonly #judgements = new Float64Array(JUDGEMENTS);
  #count = 0;
  #judgedAcked = 0;
  #judgedLost = 0;
  #usualAcked = 0;
  #usualLost = 0;
  /** Variance of what is lost in a round, as a multiple of what it is when packets get lost one by one. */
  #dispersion = 1;
  #share = 0;

  /** Share of the packets that may be made up for. */
  get share(): number {
    return this.#share;
  }

  /** Fates of packets of a time when less was sent than the path carries: no queue drops then, nor a policer. */
  judge(acked: number, lost: number): void {
    this.#judgedAcked += acked;
    this.#judgedLost += lost;
    const packets = this.#judgedAcked + this.#judgedLost;
    if (packets < JUDGED_PACKETS) return;
    this.#judgements[this.#count++ % JUDGEMENTS] = this.#judgedLost / packets;
    this.#judgedAcked = 0;
    this.#judgedLost = 0;
    const sorted = this.#judgements.slice(0, Math.min(this.#count, JUDGEMENTS)).sort();
    this.#share = Math.min(MOST_LOSS, sorted[(sorted.length - 1) >> 1] ?? 0);
  }

  /** Fates of packets while no queue was seen: the older, the less they count. */
  note(acked: number, lost: number): void {
    const expected = this.#usual * (acked + lost);
    if (expected >= 1) {
      const found = (lost - expected) ** 2 / expected;
      this.#dispersion = Math.max(1, this.#dispersion + (found - this.#dispersion) / DISPERSION_ROUNDS);
    }
    this.#usualAcked += acked;
    this.#usualLost += lost;
    if (this.#usualAcked + this.#usualLost < USUAL_PACKETS) return;
    this.#usualAcked /= 2;
    this.#usualLost /= 2;
  }

  /** What was lost so far was no loss of the path. */
  forget(): void {
    this.#count = this.#judgedAcked = this.#judgedLost = 0;
    this.#usualAcked = this.#usualLost = 0;
    this.#dispersion = 1;
    this.#share = 0;
  }

  /** Whether so many are more than the path loses by itself. */
  isMore(acked: number, lost: number): boolean {
    const expected = Math.max(this.#usual, this.#share) * (acked + lost);
    const deviation = Math.sqrt(expected * this.#dispersion);
    return lost > expected + CHANCE_DEVIATIONS * deviation + CHANCE_PACKETS;
  }

  get #usual(): number {
    return this.#usualLost / Math.max(1, this.#usualLost + this.#usualAcked);
  }
}
