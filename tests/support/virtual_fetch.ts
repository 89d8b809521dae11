import { BlockQueue } from "../../protocols/tcp_file/block_queue.ts";
import type { FileVersion } from "../../store/file_version.ts";
import type { Piece } from "../../protocols/tcp_file/blocks.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Bytes that come at a time. */
const STEP_BYTES = 128 * 1024;

/** A connection to a server that exists in virtual time only. */
export interface VirtualLink {
  readonly bytesPerMs: number;
  readonly roundTripMs: number;
  /** Brings nothing more from then on, and is lost `lostAfterMs` later, if ever. */
  readonly stallsAtMs?: number;
  readonly lostAfterMs?: number;
  /** Spoils some answers, by their number on this connection. */
  readonly isBad?: (answer: number) => boolean;
}

interface Served {
  readonly piece: Piece;
  readonly version: FileVersion;
  readonly readyAtMs: number;
}

/** One file fetched over several virtual connections; another one joins when one is lost. */
export class VirtualFetch {
  readonly clock = new VirtualClock();
  readonly queue: BlockQueue;
  /** Offsets of the blocks that were stored, of the version that counts, in order. */
  readonly stored: number[] = [];
  /** Which versions they are of. */
  readonly storedVersions = new Set<FileVersion>();
  /** Offsets of all that was asked for, in order. */
  readonly asked: number[] = [];
  /** The most that a connection had under way at a time, in bytes. */
  readonly mostUnderWay: number[] = [];
  /** How many connections were lost. */
  lost = 0;
  /** What the file is on the server. */
  version: FileVersion;
  #lastConnection = 0;
  readonly #links = new Map<
    number,
    { readonly link: VirtualLink; readonly served: Served[]; answers: number }
  >();

  constructor(queue: BlockQueue) {
    this.queue = queue;
    this.version = queue.version;
  }

  /** Runs until the file is there or can't be had. @returns How long that took in milliseconds. */
  run(links: readonly VirtualLink[]): number {
    for (const link of links) this.#join(link);
    this.#wake();
    while (this.#isRunning && this.clock.nowMs < 1e8 && this.clock.step());
    return this.clock.nowMs;
  }

  get #isRunning(): boolean {
    const { kind } = this.queue.state;
    return kind === "running" || kind === "changed";
  }

  #join(link: VirtualLink): void {
    const connection = ++this.#lastConnection;
    this.#links.set(connection, { link, served: [], answers: 0 });
    this.queue.join(connection, { roundTripMs: link.roundTripMs, nowMs: this.clock.nowMs });
    if (link.stallsAtMs !== undefined && link.lostAfterMs !== undefined) {
      this.clock.at(link.stallsAtMs + link.lostAfterMs, () => this.#lose(connection));
    }
    this.#pull(connection);
  }

  #lose(connection: number): void {
    const { link } = this.#links.get(connection) ?? {};
    this.#links.delete(connection);
    this.queue.leave(connection);
    // What comes instead of it works, so that every run comes to an end.
    if (link !== undefined) this.#join({ bytesPerMs: link.bytesPerMs, roundTripMs: link.roundTripMs });
    this.lost++;
  }

  #wake(): void {
    const atMs = Math.max(this.queue.wakeAtMs ?? 0, this.clock.nowMs + 50);
    this.clock.at(atMs, () => {
      for (const connection of this.#links.keys()) this.#pull(connection);
      if (this.#isRunning) this.#wake();
    });
  }

  #pull(connection: number): void {
    const state = this.#links.get(connection);
    if (state === undefined) return;
    const wasIdle = state.served.length === 0;
    for (const piece of this.queue.pull(connection, this.clock.nowMs)) {
      this.asked.push(piece.offset);
      const readyAtMs = this.clock.nowMs + state.link.roundTripMs;
      state.served.push({ piece, version: this.version, readyAtMs });
    }
    const underWay = state.served.reduce((sum, { piece }) => sum + piece.length, 0);
    this.mostUnderWay[connection - 1] = Math.max(this.mostUnderWay[connection - 1] ?? 0, underWay);
    if (wasIdle) this.#serve(connection, 0);
  }

  /** Brings the next bytes of what a connection was asked for first. */
  #serve(connection: number, done: number): void {
    const state = this.#links.get(connection);
    const [first] = state?.served ?? [];
    if (state === undefined || first === undefined) return;
    const { bytesPerMs, stallsAtMs = Infinity } = state.link;
    const bytes = Math.min(STEP_BYTES, first.piece.length - done);
    const atMs = Math.max(this.clock.nowMs, first.readyAtMs) + bytes / bytesPerMs;
    if (atMs >= stallsAtMs) return;
    this.clock.at(atMs, () => {
      if (!this.#links.has(connection)) return;
      this.queue.arrived(connection, bytes, this.clock.nowMs);
      if (done + bytes < first.piece.length) return this.#serve(connection, done + bytes);
      state.served.shift();
      this.#receive(connection, first, !(state.link.isBad?.(++state.answers) ?? false));
      const isIdle = state.served.length === 0;
      this.#pull(connection);
      if (!isIdle) this.#serve(connection, 0);
    });
  }

  #receive(connection: number, { piece, version }: Served, isIntact: boolean): void {
    const verdict = this.queue.received(connection, { ...piece, version, isIntact });
    if (verdict === "store") {
      this.stored.push(piece.offset);
      this.storedVersions.add(version);
    }
    if (verdict === "unasked") throw new Error(`${piece.offset} was not asked for`);
    if (this.queue.state.kind !== "changed") return;
    this.stored.length = 0;
    this.storedVersions.clear();
    this.queue.restart(this.version);
  }
}
