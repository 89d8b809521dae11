/**
 * The core of a plain client that fetches a file, or the list: told what comes and when, it answers with
 * datagrams and when it wants to be called again. Times are milliseconds.
 */

import {
  ACK_TEXT,
  encodeDownload,
  EOF_TEXT,
  isSameBytes,
  isText,
  MISSING_TEXT,
  parsePlainSize,
} from "./plain.ts";

/** After so much silence it asks again, and half as long again each time. */
const SILENCE_MS = 2000;
const MOST_SILENCE_MS = 8000;
const MAX_ASKS_IN_ROW = 6;
/**
 * What comes so long after an ACK may be a repetition: servers repeat after a second. It can't be told from new
 * bytes, as a file may repeat itself; so it is thrown away and asked for anew.
 */
const DOUBTFUL_MS = 900;
/** The bytes are all there; for how long EOF is waited for, so that it is not taken for something later. */
const LINGER_MS = 500;
/** A server that answers so many requests with bytes instead of the size takes them for ACKs. */
const ANSWERS_WITHOUT_SIZE = 2;

const ACK = new TextEncoder().encode(ACK_TEXT);

/** Where a fetch stands. */
export type FetchState =
  /** Asked, and no size came yet. `isDraining`: the server is brought to the end of what it sends first. */
  | { readonly kind: "asking"; readonly isDraining: boolean }
  | { readonly kind: "fetching" }
  /** All bytes are there. */
  | { readonly kind: "ending" }
  | { readonly kind: "done" }
  | { readonly kind: "missing" }
  | { readonly kind: "failed"; readonly cause: "silent" | "changed" | "broken"; readonly reason: string };

/** Options of {@linkcode PlainFetching}. */
export interface PlainFetchOptions {
  readonly nowMs: number;
  readonly name: string;
  /** Where to begin. Default: 0. */
  readonly offset?: number | undefined;
  /** How many bytes; 0: to the end. Default: 0. */
  readonly length?: number | undefined;
  /** Takes bytes of the file, in order, each once. They are part of the datagram. */
  readonly store: (offset: number, bytes: Uint8Array) => void;
}

/**
 * Fetches one file. With a server that repeats what is not acknowledged, or that takes a new request in the
 * middle, all bytes are the right ones also when datagrams get lost. Of those that the network itself repeats
 * or brings late nobody can be sure: plain datagrams have no numbers.
 *
 * @example
 * ```ts
 * for (let bytes = fetching.next(nowMs()); bytes !== undefined; bytes = fetching.next(nowMs())) send(bytes);
 * const datagram = await receiveUntil(fetching.wakeAtMs);
 * if (datagram !== undefined) fetching.receive(datagram, nowMs());
 * ```
 */
export class PlainFetching {
  readonly #options: PlainFetchOptions;
  #state: FetchState = { kind: "asking", isDraining: false };
  /** Of the whole file; -1: not known. */
  #size = -1;
  #offset: number;
  #end = Infinity;
  #wakeAtMs: number;
  #silenceMs = SILENCE_MS;
  #asksInRow = 0;
  #answersWithoutSize = 0;
  #owesAck = false;
  /** When the last ACK of this request was sent; before the first: nothing can be a repetition. */
  #ackedAtMs = Infinity;
  #before: Uint8Array = new Uint8Array(0);
  #leastMs = Infinity;
  #mostMs = 0;

  constructor(options: PlainFetchOptions) {
    this.#options = options;
    this.#offset = options.offset ?? 0;
    this.#wakeAtMs = options.nowMs;
  }

  get state(): FetchState {
    return this.#state;
  }

  /** Of the whole file, in bytes; `undefined`: the server has not said it yet. */
  get size(): number | undefined {
    return this.#size < 0 ? undefined : this.#size;
  }

  /** When to call {@linkcode next} although nothing has come; `undefined`: never, it is over. */
  get wakeAtMs(): number | undefined {
    return this.#isOver ? undefined : this.#owesAck ? -Infinity : this.#wakeAtMs;
  }

  /** What to send now; `undefined`: nothing. */
  next(nowMs: number): Uint8Array | undefined {
    if (this.#owesAck) {
      this.#owesAck = false;
      this.#ackedAtMs = nowMs;
      return ACK;
    }
    if (this.#isOver || nowMs < this.#wakeAtMs) return undefined;
    if (this.#state.kind === "ending") {
      this.#state = { kind: "done" };
      return undefined;
    }
    if (this.#asksInRow === MAX_ASKS_IN_ROW) {
      this.#fail("silent", "the server does not answer");
      return undefined;
    }
    return this.#ask(nowMs);
  }

  /** Takes a datagram of the server. */
  receive(datagram: Uint8Array, nowMs: number): void {
    if (datagram.length === 0) return;
    switch (this.#state.kind) {
      case "asking":
        return this.#takeSize(datagram, this.#state.isDraining, nowMs);
      case "fetching":
        return this.#takeData(datagram, nowMs);
      case "ending":
        if (isText(datagram, EOF_TEXT)) this.#state = { kind: "done" };
        // Else the last ACK was lost.
        else this.#owesAck = true;
    }
  }

  get #isOver(): boolean {
    const { kind } = this.#state;
    return kind === "done" || kind === "missing" || kind === "failed";
  }

  #ask(nowMs: number): Uint8Array {
    const { name } = this.#options;
    this.#asksInRow++;
    this.#wakeAtMs = nowMs + this.#silenceMs;
    this.#silenceMs = Math.min(MOST_SILENCE_MS, 1.5 * this.#silenceMs);
    this.#ackedAtMs = Infinity;
    const isDraining = this.#answersWithoutSize >= ANSWERS_WITHOUT_SIZE;
    this.#state = { kind: "asking", isDraining };
    const { length = 0 } = this.#options;
    const rest = this.#end === Infinity ? length : this.#end - this.#offset;
    return encodeDownload({ name, offset: this.#offset, length: length === 0 ? 0 : rest });
  }

  #askAgain(nowMs: number): void {
    this.#wakeAtMs = nowMs;
    this.#silenceMs = SILENCE_MS;
  }

  #takeSize(datagram: Uint8Array, isDraining: boolean, nowMs: number): void {
    const isFirst = this.#size < 0;
    const size = parsePlainSize(datagram);
    if (isDraining && isText(datagram, EOF_TEXT)) {
      this.#answersWithoutSize = 0;
      return this.#askAgain(nowMs);
    }
    if (isFirst && isText(datagram, MISSING_TEXT)) this.#state = { kind: "missing" };
    else if (size !== undefined && (isFirst || size === this.#size)) this.#begin(size, nowMs);
    else if (size !== undefined) this.#fail("changed", `its size was ${this.#size} and is ${size} bytes`);
    else if (isDraining) {
      this.#owesAck = true;
      this.#asksInRow = 1;
      this.#wakeAtMs = nowMs + SILENCE_MS;
    } else if (this.#asksInRow > 0) {
      // Once for each request: a second one may be on its way.
      this.#answersWithoutSize = Math.max(this.#answersWithoutSize, this.#asksInRow);
    }
  }

  #begin(size: number, nowMs: number): void {
    const { offset = 0, length = 0 } = this.#options;
    this.#size = size;
    this.#end = length === 0 ? size : Math.min(size, offset + length);
    this.#answersWithoutSize = 0;
    this.#wakeAtMs = nowMs + SILENCE_MS;
    if (this.#offset < this.#end) this.#state = { kind: "fetching" };
    else this.#linger(nowMs);
  }

  #takeData(datagram: Uint8Array, nowMs: number): void {
    const left = this.#end - this.#offset;
    const sinceAckMs = nowMs - this.#ackedAtMs;
    if (isText(datagram, EOF_TEXT) && left !== EOF_TEXT.length) {
      return this.#fail("broken", `it ended ${left} bytes too soon`);
    }
    if (sinceAckMs > Math.max(DOUBTFUL_MS, 1.5 * this.#mostMs)) return this.#askAgain(nowMs);
    // Sooner than an answer can be here: what the network has repeated.
    if (sinceAckMs >= 0 && sinceAckMs < this.#leastMs / 2 && isSameBytes(datagram, this.#before)) return;
    if (datagram.length > left) {
      return this.#fail("broken", `${datagram.length} bytes came where ${left} were left`);
    }
    if (sinceAckMs >= 0) {
      this.#leastMs = Math.min(this.#leastMs, sinceAckMs);
      this.#mostMs = Math.max(this.#mostMs, sinceAckMs);
    }
    this.#before = datagram.slice();
    this.#options.store(this.#offset, datagram);
    this.#offset += datagram.length;
    this.#owesAck = true;
    this.#heard(nowMs);
    if (this.#offset === this.#end) this.#linger(nowMs);
  }

  #heard(nowMs: number): void {
    this.#asksInRow = 0;
    this.#silenceMs = SILENCE_MS;
    this.#wakeAtMs = nowMs + SILENCE_MS;
  }

  #linger(nowMs: number): void {
    this.#state = { kind: "ending" };
    this.#wakeAtMs = nowMs + LINGER_MS;
  }

  #fail(cause: "silent" | "changed" | "broken", reason: string): void {
    this.#state = { kind: "failed", cause, reason };
    this.#owesAck = false;
  }
}
