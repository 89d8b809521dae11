import { Speed } from "../../net/speed.ts";
import { BLOCK_BYTES, type Piece } from "./blocks.ts";

/** The least and the most that a connection has under way while there is enough, in bytes. */
const LEAST_BYTES = 2 * BLOCK_BYTES;
const MOST_BYTES = 16 * 1024 * 1024;

/** A block that a connection was asked for. */
export interface Ask extends Piece {
  readonly askedAtMs: number;
  /** It was asked for before the file changed: whatever comes for it is of no use. */
  isStale: boolean;
}

/** One connection that pulls blocks: what it has been asked for, in the order of the answers, and its speed. */
export class Puller {
  readonly #asks: Ask[] = [];
  readonly #speed: Speed;
  readonly #roundTripMs: number;
  #underWay = 0;
  /** Of the block that comes now. */
  #arrived = 0;
  #received = 0;
  #arrivedAtMs = -Infinity;

  constructor({ roundTripMs, nowMs }: { readonly roundTripMs: number; readonly nowMs: number }) {
    this.#roundTripMs = roundTripMs;
    this.#speed = new Speed(nowMs);
  }

  /** What it has been asked for, the next to come first. */
  get asks(): readonly Ask[] {
    return this.#asks;
  }

  /** Bytes that it has been asked for, and that are of use. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Bytes that it has brought. */
  get received(): number {
    return this.#received;
  }

  /** In bytes a millisecond; 0 when nothing is known. */
  bytesPerMs(nowMs: number): number {
    return this.#received === 0 ? 0 : this.#speed.at(nowMs);
  }

  /**
   * How many bytes it should have under way: twice what fits into a round trip, so that a connection held up
   * by too little of it gets faster each time.
   */
  windowBytes(nowMs: number): number {
    const wanted = 2 * this.bytesPerMs(nowMs) * this.#roundTripMs;
    return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, wanted));
  }

  ask({ offset, length }: Piece, nowMs: number): void {
    this.#asks.push({ offset, length, askedAtMs: nowMs, isStale: false });
    this.#underWay += length;
  }

  /** So many more bytes of what it was asked for have come. */
  arrived(bytes: number, nowMs: number): void {
    this.#arrived += bytes;
    this.#received += bytes;
    this.#arrivedAtMs = nowMs;
    this.#speed.add(bytes, nowMs);
  }

  /** What it was asked for first has been answered. @returns `undefined`: it was not asked for anything. */
  answered(): Ask | undefined {
    const ask = this.#asks.shift();
    if (ask === undefined) return undefined;
    if (!ask.isStale) this.#underWay -= ask.length;
    this.#arrived = Math.max(0, this.#arrived - ask.length);
    return ask;
  }

  /** How long a block would take that it is asked for now; 0 when nothing is known. */
  timeForMs(length: number, nowMs: number): number {
    const speed = this.bytesPerMs(nowMs);
    return speed === 0 ? 0 : this.#roundTripMs + length / speed;
  }

  /**
   * The last of its blocks that only it was asked for, and how long it will be until that is there: never less
   * than nothing has come for, as a connection that stalls does not tell.
   */
  lastAlone(
    isAlone: (ask: Ask) => boolean,
    nowMs: number,
  ): { readonly ask: Ask; readonly leftMs: number } | undefined {
    const at = this.#asks.findLastIndex((ask) => !ask.isStale && isAlone(ask));
    const ask = this.#asks[at];
    if (ask === undefined) return undefined;
    const ahead = this.#asks.slice(0, at + 1).reduce((sum, { length }) => sum + length, 0);
    const speed = this.bytesPerMs(nowMs);
    const quietMs = nowMs - Math.max(this.#arrivedAtMs, this.#asks[0]?.askedAtMs ?? nowMs);
    const leftMs = speed === 0 ? 0 : Math.max(0, ahead - this.#arrived) / speed;
    return { ask, leftMs: Math.max(quietMs, leftMs) };
  }

  /** Nothing that is under way is of use any more. */
  makeStale(): void {
    for (const ask of this.#asks) ask.isStale = true;
    this.#underWay = 0;
  }
}
