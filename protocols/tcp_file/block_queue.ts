/**
 * The core of one file that is fetched over several connections: which blocks are missing, who fetches which,
 * and what becomes of what comes.
 */

import { type ByteRange, ByteRanges } from "../../store/byte_ranges.ts";
import { type FileVersion, isSameVersion } from "../../store/file_version.ts";
import { BLOCK_BYTES, blockCount, type Piece } from "./blocks.ts";
import { type Ask, Puller } from "./puller.ts";

/** How often a block may come with the wrong digest. */
const MAX_BAD = 4;
/** How often a file may change while it is fetched. */
const MAX_RESTARTS = 3;
/** A block is asked for twice when its first connection needs longer for it than this and than another would. */
const WORTH_WAITING_MS = 200;

/** Where a file stands. */
export type QueueState =
  | { readonly kind: "running" }
  /** All blocks are there. What is under way was asked for twice, and is of no use. */
  | { readonly kind: "done" }
  /** The file is another one now, this one if it is known: {@linkcode BlockQueue.restart}. */
  | { readonly kind: "changed"; readonly version: FileVersion | undefined }
  | { readonly kind: "failed"; readonly cause: "integrity" | "changing"; readonly reason: string };

/** What has come for a block. */
export interface Answer {
  readonly offset: number;
  readonly length: number;
  readonly version: FileVersion;
  /** Whether the bytes have the digest that they came with. */
  readonly isIntact: boolean;
}

/**
 * What to do with what has come. `store`: write it. `drop`: nothing, it is there or not needed. `bad`: nothing,
 * the block is given out again. `unasked`: close the connection, the server does not answer what it was asked.
 * `over`: nothing, see {@linkcode BlockQueue.state}.
 */
export type Verdict = "store" | "drop" | "bad" | "unasked" | "over";

/** What a connection does, for whoever watches. Bytes, and bytes a millisecond. */
export interface PullerView {
  readonly connection: number;
  readonly underWay: number;
  readonly received: number;
  readonly bytesPerMs: number;
}

/**
 * Gives out the blocks of one file.
 *
 * Guarantees: every block that is missing is asked for; by two connections at most at a time, and by a second
 * one only when no other block is left; stored once; never two versions of the file mixed, as far as size and
 * time tell them apart. Memory is some bytes for each block under way, and for each gap.
 */
export class BlockQueue {
  #state: QueueState = { kind: "running" };
  #version: FileVersion;
  #finished: ByteRanges;
  #free: ByteRanges;
  readonly #pullers = new Map<number, Puller>();
  /** By how many connections a block is being fetched, by its offset. */
  readonly #askers = new Map<number, number>();
  readonly #bad = new Map<number, number>();
  #badBlocks = 0;
  #restarts = 0;
  #pulledAtMs = 0;

  /** @param finished What an earlier run left. Blocks of which something is missing are fetched whole. */
  constructor({ version, finished = [] }: {
    readonly version: FileVersion;
    readonly finished?: Iterable<ByteRange>;
  }) {
    this.#version = version;
    this.#finished = new ByteRanges();
    this.#free = new ByteRanges();
    this.#begin(version, new ByteRanges(finished));
  }

  get state(): QueueState {
    return this.#state;
  }

  get version(): FileVersion {
    return this.#version;
  }

  /** What has been told to be stored, and what was there. */
  get finished(): ByteRanges {
    return this.#finished;
  }

  /** How many answers had the wrong digest. */
  get badBlocks(): number {
    return this.#badBlocks;
  }

  /** When idle connections should {@linkcode pull} again although nothing has come; `undefined`: never. */
  get wakeAtMs(): number | undefined {
    if (this.#state.kind !== "running") return undefined;
    const isAnyIdle = [...this.#pullers.values()].some(({ underWay }) => underWay === 0);
    return isAnyIdle ? this.#pulledAtMs + WORTH_WAITING_MS : undefined;
  }

  connections(nowMs: number): PullerView[] {
    return [...this.#pullers].map(([connection, puller]) => ({
      connection,
      underWay: puller.underWay,
      received: puller.received,
      bytesPerMs: puller.bytesPerMs(nowMs),
    }));
  }

  /**
   * A connection is ready to fetch.
   *
   * @param options `roundTripMs` is the least time that an answer was seen to take, the hello's say.
   */
  join(connection: number, options: { readonly roundTripMs: number; readonly nowMs: number }): void {
    this.#pullers.set(connection, new Puller(options));
  }

  /** A connection is gone. What it did not bring is given out again. */
  leave(connection: number): void {
    const puller = this.#pullers.get(connection);
    if (puller === undefined) return;
    this.#pullers.delete(connection);
    for (const ask of puller.asks) this.#giveBack(ask);
  }

  /** What a connection is to be asked for now, one GET for each, in this order. */
  pull(connection: number, nowMs: number): Piece[] {
    const puller = this.#pullers.get(connection);
    this.#pulledAtMs = nowMs;
    if (puller === undefined || this.#state.kind !== "running") return [];
    const target = Math.min(puller.windowBytes(nowMs), this.#fairShare(puller, nowMs));
    const pieces: Piece[] = [];
    for (let free = this.#free.first; free !== undefined; free = this.#free.first) {
      const piece = this.#blockAt(free.from);
      if (puller.underWay > 0 && puller.underWay + piece.length > target) break;
      pieces.push(piece);
      this.#free.remove(rangeOf(piece));
      this.#ask(puller, piece, nowMs);
    }
    if (puller.underWay > 0) return pieces;
    const slowest = this.#slowest(puller, nowMs);
    if (slowest === undefined) return [];
    this.#ask(puller, slowest, nowMs);
    return [slowest];
  }

  /** So many more bytes have come on a connection, of blocks that are not complete yet or are. */
  arrived(connection: number, bytes: number, nowMs: number): void {
    this.#pullers.get(connection)?.arrived(bytes, nowMs);
  }

  /** A connection has brought what it was asked for first. @returns What to do with it. */
  received(connection: number, answer: Answer): Verdict {
    const ask = this.#pullers.get(connection)?.answered();
    if (ask === undefined) return "unasked";
    if (ask.isStale || this.#state.kind === "done") return this.#end(ask, "drop");
    if (this.#state.kind !== "running") return this.#end(ask, "over");
    if (!isSameVersion(answer.version, this.#version)) {
      this.#state = { kind: "changed", version: answer.version };
      return this.#end(ask, "over");
    }
    if (answer.offset !== ask.offset || answer.length !== ask.length) return this.#end(ask, "unasked");
    if (this.#finished.covers(rangeOf(ask))) return this.#end(ask, "drop");
    if (!answer.isIntact) return this.#countBad(ask);
    this.#finished.add(rangeOf(ask));
    this.#bad.delete(ask.offset);
    if (this.#finished.bytes === this.#version.size) this.#state = { kind: "done" };
    return this.#end(ask, "store");
  }

  /** A connection was refused what it was asked for first. It is given out again, as nobody has it. */
  refused(connection: number): void {
    const ask = this.#pullers.get(connection)?.answered();
    if (ask !== undefined) this.#giveBack(ask);
  }

  /** A server says that the file changes while it reads it. Nothing is given out before a restart. */
  changed(): void {
    if (this.#state.kind === "running") this.#state = { kind: "changed", version: undefined };
  }

  /** Starts over with another version of the file. Nothing that is under way counts. */
  restart(version: FileVersion): void {
    if (this.#state.kind === "failed") return;
    for (const puller of this.#pullers.values()) puller.makeStale();
    this.#askers.clear();
    this.#bad.clear();
    this.#begin(version, new ByteRanges());
    if (++this.#restarts > MAX_RESTARTS) {
      const reason = `The file has changed ${this.#restarts} times while it was fetched`;
      this.#state = { kind: "failed", cause: "changing", reason };
    }
  }

  #begin(version: FileVersion, kept: ByteRanges): void {
    this.#version = version;
    this.#finished = new ByteRanges();
    const all = { from: 0, to: version.size };
    this.#free = new ByteRanges([all]);
    for (const { from, to } of kept) {
      const whole = {
        from: Math.ceil(from / BLOCK_BYTES) * BLOCK_BYTES,
        to: to >= version.size ? version.size : Math.floor(to / BLOCK_BYTES) * BLOCK_BYTES,
      };
      this.#finished.add(whole);
      this.#free.remove(whole);
    }
    this.#state = { kind: this.#free.bytes === 0 ? "done" : "running" };
  }

  #blockAt(offset: number): Piece {
    return { offset, length: Math.min(BLOCK_BYTES, this.#version.size - offset) };
  }

  #ask(puller: Puller, piece: Piece, nowMs: number): void {
    this.#askers.set(piece.offset, (this.#askers.get(piece.offset) ?? 0) + 1);
    puller.ask(piece, nowMs);
  }

  /** One that fetched a block does not any more. */
  #end(ask: Ask, verdict: Verdict): Verdict {
    this.#giveBack(ask);
    return verdict;
  }

  #giveBack(ask: Ask): void {
    if (ask.isStale) return;
    const others = (this.#askers.get(ask.offset) ?? 1) - 1;
    if (others > 0) this.#askers.set(ask.offset, others);
    else {
      this.#askers.delete(ask.offset);
      if (!this.#finished.covers(rangeOf(ask))) this.#free.add(rangeOf(ask));
    }
  }

  #countBad(ask: Ask): Verdict {
    const count = (this.#bad.get(ask.offset) ?? 0) + 1;
    this.#bad.set(ask.offset, count);
    this.#badBlocks++;
    this.#giveBack(ask);
    if (count < MAX_BAD) return "bad";
    const block = `Block ${ask.offset / BLOCK_BYTES} of ${blockCount(this.#version.size)}`;
    this.#state = {
      kind: "failed",
      cause: "integrity",
      reason: `${block} came ${count} times with a digest that is not its own`,
    };
    return "over";
  }

  /** Of what is left, the part that a connection can fetch while the others fetch the rest. */
  #fairShare(puller: Puller, nowMs: number): number {
    const left = this.#version.size - this.#finished.bytes;
    const speeds = [...this.#pullers.values()].map((each) => each.bytesPerMs(nowMs));
    const total = speeds.reduce((sum, speed) => sum + speed, 0);
    const isKnown = speeds.every((speed) => speed > 0);
    return isKnown ? left * puller.bytesPerMs(nowMs) / total : left / speeds.length;
  }

  /** The block that will be there last, if another connection can hope to be sooner with it. */
  #slowest(seeker: Puller, nowMs: number): Piece | undefined {
    let slowest: Piece | undefined;
    let mostMs = Math.max(WORTH_WAITING_MS, seeker.timeForMs(BLOCK_BYTES, nowMs));
    const isAlone = (ask: Ask) => {
      return this.#askers.get(ask.offset) === 1 && !this.#finished.covers(rangeOf(ask));
    };
    for (const puller of this.#pullers.values()) {
      const last = puller.lastAlone(isAlone, nowMs);
      if (last === undefined || last.leftMs < mostMs) continue;
      mostMs = last.leftMs;
      slowest = this.#blockAt(last.ask.offset);
    }
    return slowest;
  }
}

function rangeOf({ offset, length }: Piece): ByteRange {
  return { from: offset, to: offset + length };
}
