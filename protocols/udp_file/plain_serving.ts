/**
 * The core of one plain client on the server: told its datagrams and the time, it answers with datagrams, with
 * what to read of which file, and when it wants to be called again.
 */

import { PlainTimer } from "./plain_timer.ts";
import {
  type Download,
  EOF_TEXT,
  isSameBytes,
  isText,
  MISSING_TEXT,
  parsePlainRequest,
  PLAIN_DATAGRAM_BYTES,
  type PlainRequest,
} from "./plain.ts";

/** The same request so soon after is a copy that the network made: answering it would spoil a plain client's file. */
const COPY_MS = 200;
/** How often a datagram is sent whose ACK does not come. */
const MAX_COPIES = 6;
/** After the last datagram, an ACK means that it was missed; so often it is sent again. */
const MAX_EOF_COPIES = 3;

const encoder = new TextEncoder();
const EOF = encoder.encode(EOF_TEXT);

/** What files a plain client may ask for. */
export interface PlainOffer {
  /** In bytes; `undefined`: there is no such file. */
  sizeOf(name: string): number | undefined;
  /** See {@linkcode plainList}. */
  list(): Uint8Array;
}

/** What the caller is to do, each before it asks for the next. */
export type PlainStep =
  /** To be sent as one datagram. The bytes stay as they are until the next call. */
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** To be read and given to {@linkcode PlainServing.provide}; {@linkcode PlainServing.next} has nothing until then. */
  | { readonly type: "read"; readonly name: string; readonly offset: number; readonly length: number };

/** Bytes of a file that are still to be sent. */
interface Rest {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "reading"; readonly rest: Rest; readonly isAsked: boolean }
  /** `bytes` was sent and is not acknowledged; `rest` begins behind it. */
  | { readonly kind: "waiting"; readonly bytes: Uint8Array; readonly rest: Rest; readonly copies: number }
  | { readonly kind: "ended"; readonly copies: number };

/**
 * One plain client.
 *
 * Each datagram of a file is sent after the ACK for the one before, and again when that does not come: after a
 * second at the soonest (RFC 6298 section 2.4), as a slower client would store both. A new request takes the
 * place of what is under way. It is for the caller to bound what is sent to an address that did not ask.
 *
 * @example
 * ```ts
 * client.receive(datagram, nowMs());
 * for (let step = client.next(nowMs()); step !== undefined; step = client.next(nowMs())) {
 *   if (step.type === "send") send(step.bytes);
 *   else client.provide(await read(step));
 * }
 * wakeAt(client.wakeAtMs);
 * ```
 */
export class PlainServing {
  readonly #offer: PlainOffer;
  readonly #timer = new PlainTimer();
  /** What to send before anything else. */
  readonly #answers: Uint8Array[] = [];
  #state: State = { kind: "idle" };
  #request: Uint8Array = new Uint8Array(0);
  #requestedAtMs = -Infinity;
  #isAcknowledged = false;

  constructor(offer: PlainOffer) {
    this.#offer = offer;
  }

  /** Whether nothing is under way: it can be forgotten after a while, and nothing is lost. */
  get isIdle(): boolean {
    return this.#answers.length === 0 && (this.#state.kind === "idle" || this.#state.kind === "ended");
  }

  /** Whether an ACK has come since the last request: who asks gets what is sent, or makes ACKs up as well. */
  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  /** When to call {@linkcode next} although nothing has come; `undefined`: never. */
  get wakeAtMs(): number | undefined {
    return this.#state.kind === "waiting" ? this.#timer.expiresAtMs : undefined;
  }

  /**
   * Takes what the client has sent. Its bytes may be used again afterwards.
   *
   * @returns Whether it has acknowledged something.
   */
  receive(datagram: Uint8Array, nowMs: number): boolean {
    // What servers say is not answered: two of them, or one and itself, would go on for ever.
    if (datagram.length === 0 || isText(datagram, MISSING_TEXT)) return false;
    const request = parsePlainRequest(datagram);
    if (request?.kind === "ack") return this.#acknowledge(nowMs);
    if (!this.#isCopy(datagram, nowMs)) this.#begin(request, datagram, nowMs);
    return false;
  }

  #begin(
    request: Exclude<PlainRequest, { readonly kind: "ack" }> | undefined,
    datagram: Uint8Array,
    nowMs: number,
  ): void {
    this.#isAcknowledged = false;
    this.#request = datagram.slice();
    this.#requestedAtMs = nowMs;
    this.#answers.length = 0;
    this.#state = { kind: "idle" };
    if (request?.kind === "list") this.#answers.push(this.#offer.list());
    else this.#download(request?.readings ?? []);
  }

  /** What to do next; `undefined`: to wait for a datagram, or for {@linkcode wakeAtMs}. */
  next(nowMs: number): PlainStep | undefined {
    const bytes = this.#answers.shift();
    if (bytes !== undefined) return { type: "send", bytes };
    const state = this.#state;
    switch (state.kind) {
      case "idle":
      case "ended":
        return undefined;
      case "reading":
        return this.#read(state);
      case "waiting":
        if (state.copies > 0 && nowMs < this.#timer.expiresAtMs) return undefined;
        return this.#sendData(state, nowMs);
    }
  }

  /** What a step "read" has found: less than was asked for, if the file has become shorter. */
  provide(bytes: Uint8Array): void {
    const state = this.#state;
    if (state.kind !== "reading" || !state.isAsked) return;
    const { name, from, to } = state.rest;
    if (bytes.length === 0) this.#end();
    else {
      const rest = { name, from: from + bytes.length, to };
      this.#state = { kind: "waiting", bytes, rest, copies: 0 };
    }
  }

  #isCopy(datagram: Uint8Array, nowMs: number): boolean {
    return !this.isIdle && nowMs < this.#requestedAtMs + COPY_MS && isSameBytes(datagram, this.#request);
  }

  #download(readings: readonly Download[]): void {
    for (const { name, offset, length } of readings) {
      const size = this.#offer.sizeOf(name);
      if (size === undefined) continue;
      this.#answers.push(encoder.encode(String(size)));
      const to = length === 0 ? size : Math.min(size, offset + length);
      this.#continue({ name, from: offset, to });
      return;
    }
    this.#answers.push(encoder.encode(MISSING_TEXT));
  }

  #continue(rest: Rest): void {
    if (rest.from < rest.to) this.#state = { kind: "reading", rest, isAsked: false };
    else this.#end();
  }

  #end(): void {
    this.#answers.push(EOF);
    this.#state = { kind: "ended", copies: 1 };
  }

  #acknowledge(nowMs: number): boolean {
    const state = this.#state;
    if (state.kind === "waiting" && state.copies > 0) {
      if (!this.#timer.acknowledged(nowMs)) return false;
      this.#isAcknowledged = true;
      this.#continue(state.rest);
      return true;
    }
    if (state.kind === "ended" && this.#answers.length === 0 && state.copies < MAX_EOF_COPIES) {
      this.#answers.push(EOF);
      this.#state = { kind: "ended", copies: state.copies + 1 };
    }
    return false;
  }

  #read({ rest, isAsked }: Extract<State, { kind: "reading" }>): PlainStep | undefined {
    if (isAsked) return undefined;
    this.#state = { kind: "reading", rest, isAsked: true };
    return {
      type: "read",
      name: rest.name,
      offset: rest.from,
      length: Math.min(rest.to - rest.from, PLAIN_DATAGRAM_BYTES),
    };
  }

  #sendData(state: Extract<State, { kind: "waiting" }>, nowMs: number): PlainStep | undefined {
    if (state.copies === MAX_COPIES) {
      this.#state = { kind: "idle" };
      return undefined;
    }
    this.#timer.sent(nowMs, state.copies === 0);
    this.#state = { ...state, copies: state.copies + 1 };
    // A piece that reads like the end would be taken for it: it goes in two.
    if (state.copies === 0 && isText(state.bytes, EOF_TEXT)) return this.#sendHalf(state);
    return { type: "send", bytes: state.bytes };
  }

  #sendHalf({ bytes, rest }: Extract<State, { kind: "waiting" }>): PlainStep {
    const half = bytes.subarray(0, 1);
    const from = rest.from - (bytes.length - half.length);
    this.#state = { kind: "waiting", bytes: half, rest: { ...rest, from }, copies: 1 };
    return { type: "send", bytes: half };
  }
}
