/** How a client finds out whether a server speaks XUDP/1, and opens a connection. A core: times are microseconds. */

import {
  clientProof,
  decodeAccept,
  decodeRetry,
  encodeHello,
  encodeOpen,
  isProof,
  nonceTag,
  type Open,
  serverProof,
} from "./handshake.ts";
import { PACKET, PacketHead, readClose, readPacket } from "./packets.ts";
import { isText, MISSING_TEXT } from "./plain.ts";

/**
 * How long to wait for an answer at least: a good deal of paths are quicker, and one in three datagrams may be lost. At
 * most twice as long: of many clients that begin together a server's socket takes less than a hundred datagrams, and
 * those in step would lose the same ones again.
 */
const INTERVALS_US = [300_000, 300_000, 500_000];
const LATER_INTERVAL_US = 1_000_000;
/** OPEN waits for as many round trips as RFC 9002 section 6.2 lets a first packet wait, if that is sooner; and so long. */
const OPEN_ROUND_TRIPS = 3;
const LEAST_OPEN_US = 50_000;
/** How often HELLO is sent at most: for about twelve seconds. */
const MAX_HELLOS = 10;
/** The same of OPEN, as a server that has answered is there: for half a minute, as long as its cookie is good. */
const MAX_OPENS = 20;

/** Options of {@linkcode Opening}. */
export interface OpeningOptions {
  readonly nowUs: number;
  /** 16 random bytes, new for every connection. */
  readonly nonce: Uint8Array;
  /** With one, the server has to know it, too. */
  readonly token?: string | undefined;
  /** How many bytes of files this end can take for a start. */
  readonly creditBytes: number;
  /** What the server is asked for, as in `Open`. Default: `rate`, and no bound. */
  readonly congestion?: Open["congestion"] | undefined;
  readonly maxBytesPerSecond?: number | undefined;
  /** As in `Open`. Default: none. */
  readonly firstLine?: string | undefined;
}

/** Where it stands. */
export type OpeningState =
  | { readonly kind: "asking" }
  | {
    readonly kind: "opened";
    readonly connection: number;
    /** Of the server. */
    readonly creditBytes: number;
    /** `undefined`: not measured, as something had to be sent again. */
    readonly roundTripUs: number | undefined;
  }
  /** The server speaks the plain protocol alone. */
  | { readonly kind: "plain" }
  /** Nothing came. */
  | { readonly kind: "silent" }
  /** One of {@linkcode CLOSE_CODE}, and a reason of the server's: to be escaped before it is shown. */
  | { readonly kind: "refused"; readonly code: number; readonly reason: string }
  /** The server does not know the token. It has opened a connection. */
  | { readonly kind: "untrusted"; readonly connection: number };

/**
 * Opens a connection.
 *
 * @example
 * ```ts
 * while (opening.state.kind === "asking") {
 *   const datagram = opening.next(nowUs());
 *   if (datagram !== undefined) send(datagram);
 *   const received = await receiveUntil(opening.wakeAtUs);
 *   if (received !== undefined) opening.receive(received, nowUs());
 * }
 * ```
 */
export class Opening {
  readonly #options: OpeningOptions;
  readonly #head = new PacketHead();
  #state: OpeningState = { kind: "asking" };
  #message: Uint8Array<ArrayBuffer>;
  #cookie: Uint8Array | undefined;
  #copies = 0;
  #sentUs: number;
  #wakeAtUs: number;
  #roundTripUs: number | undefined;

  constructor(options: OpeningOptions) {
    this.#options = options;
    this.#message = encodeHello(options.nonce);
    this.#sentUs = options.nowUs;
    this.#wakeAtUs = options.nowUs;
  }

  get state(): OpeningState {
    return this.#state;
  }

  /** When to call {@linkcode next} although nothing has come; `Infinity`: never. */
  get wakeAtUs(): number {
    return this.#state.kind === "asking" ? this.#wakeAtUs : Infinity;
  }

  /** What to send now; `undefined`: nothing yet. The same bytes may come again. */
  next(nowUs: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#state.kind !== "asking" || nowUs < this.#wakeAtUs) return undefined;
    if (this.#copies === (this.#cookie === undefined ? MAX_HELLOS : MAX_OPENS)) {
      this.#state = { kind: "silent" };
      return undefined;
    }
    this.#wakeAtUs = nowUs + this.#leastWaitUs * (1 + this.#chance());
    this.#copies++;
    this.#sentUs = nowUs;
    return this.#message;
  }

  /** Takes a datagram of the server's address. */
  receive(datagram: Uint8Array, nowUs: number): void {
    if (this.#state.kind !== "asking") return;
    if (!readPacket(datagram, this.#head)) {
      const isPlain = this.#cookie === undefined && isText(datagram, MISSING_TEXT);
      if (isPlain) this.#state = { kind: "plain" };
      return;
    }
    if (this.#head.connection !== nonceTag(this.#options.nonce)) return;
    if (this.#head.type === PACKET.retry) this.#takeRetry(datagram, nowUs);
    else if (this.#head.type === PACKET.accept) this.#takeAccept(datagram, nowUs);
    else if (this.#head.type === PACKET.close && this.#cookie !== undefined) this.#takeRefusal(datagram);
  }

  get #leastWaitUs(): number {
    const waitUs = INTERVALS_US[this.#copies] ?? LATER_INTERVAL_US;
    if (this.#roundTripUs === undefined) return waitUs;
    const backedOffUs = OPEN_ROUND_TRIPS * this.#roundTripUs * 2 ** this.#copies;
    return Math.min(waitUs, Math.max(LEAST_OPEN_US, backedOffUs));
  }

  /** From 0 to 1, another one for each copy: the nonce is random. */
  #chance(): number {
    const { nonce } = this.#options;
    return (nonce[(this.#copies + (this.#cookie === undefined ? 0 : 8)) % nonce.length] ?? 0) / 256;
  }

  #takeRetry(packet: Uint8Array, nowUs: number): void {
    const { nonce, token, creditBytes: credit, congestion = "rate", maxBytesPerSecond } = this.#options;
    const { firstLine = "" } = this.#options;
    const cookie = decodeRetry(packet, nonce)?.slice();
    if (cookie === undefined || this.#cookie !== undefined) return;
    this.#measure(nowUs);
    this.#cookie = cookie;
    const proof = clientProof(token, { nonce, cookie });
    this.#message = encodeOpen({
      nonce,
      cookie,
      proof,
      credit,
      congestion,
      maxBytesPerSecond,
      roundTripUs: this.#roundTripUs,
      firstLine,
    });
    this.#copies = 0;
    this.#wakeAtUs = nowUs;
  }

  #takeAccept(packet: Uint8Array, nowUs: number): void {
    const accept = decodeAccept(packet);
    if (accept === undefined || this.#cookie === undefined) return;
    const { nonce, token } = this.#options;
    const opened = { nonce, cookie: this.#cookie };
    if (token !== undefined && !isProof(accept.proof, serverProof(token, opened))) {
      this.#state = { kind: "untrusted", connection: accept.connection };
      return;
    }
    this.#measure(nowUs);
    const { connection, credit: creditBytes } = accept;
    this.#state = { kind: "opened", connection, creditBytes, roundTripUs: this.#roundTripUs };
  }

  #takeRefusal(packet: Uint8Array): void {
    const refusal = readClose(packet);
    if (refusal !== undefined) this.#state = { kind: "refused", ...refusal };
  }

  /** Of what was sent twice it is not known which one was answered (RFC 6298 section 3). */
  #measure(nowUs: number): void {
    if (this.#copies === 1) this.#roundTripUs = nowUs - this.#sentUs;
  }
}
