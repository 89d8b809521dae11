import { setImmediate } from "node:timers";
import { RateTurn } from "../../net/rate_turn.ts";
import type { TokenBucket } from "../../net/token_bucket.ts";
import type { Connection } from "./connection.ts";
import type { PacketHead } from "./packets.ts";
import { nowUs, type UdpSocket } from "./udp_socket.ts";

/** Datagrams that one connection sends before others have their turn. */
const TURN_DATAGRAMS = 64;

/** Within a machine, what comes sooner is waited for in turns of the event loop: a timer takes two milliseconds. */
const TURN_US = 100;

/** Options of {@linkcode Link}. */
export interface LinkOptions {
  readonly socket: UdpSocket;
  readonly connection: Connection;
  /** The peer. */
  readonly to: Deno.NetAddr;
  /** What several links share a rate by. */
  readonly bucket?: TokenBucket | undefined;
  /** Called when it has sent what was due: there may be room for more, or the connection may be over. */
  readonly onTurn: () => void;
}

/** Carries out what a connection's core decides: sends what is due, and asks again in time. */
export class Link implements Disposable {
  readonly #options: LinkOptions;
  readonly #turnUs: number;
  readonly #buckets: readonly TokenBucket[];
  readonly #rateTurn = new RateTurn();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAtUs = Infinity;
  /** Whether it has a turn coming anyhow. */
  #isQueued = false;
  #isOver = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#turnUs = options.connection.isLoopback ? TURN_US : 0;
    this.#buckets = options.bucket === undefined ? [] : [options.bucket];
  }

  /** Whether a datagram is from the peer. */
  isFrom({ hostname, port }: Deno.NetAddr): boolean {
    const { to } = this.#options;
    return port === to.port && hostname === to.hostname;
  }

  /** Takes a packet, and sends what follows from it. */
  receive(packet: Uint8Array, head: PacketHead): void {
    this.#options.connection.receive(packet, head, nowUs());
    this.turn();
  }

  /** Sends what is due. To be called when the connection was told something. */
  turn(): void {
    if (this.#isOver) return;
    const { socket, connection, to, onTurn } = this.#options;
    for (let sent = 0;; sent++) {
      const { next } = socket;
      if (next === undefined) return this.#queue((turn) => socket.whenFree(turn));
      if (sent === TURN_DATAGRAMS) return this.#queue(setImmediate);
      const timeUs = nowUs();
      const waitMs = this.#rateTurn.waitMs(this.#buckets, timeUs / 1000);
      if (waitMs > 0) return this.#wakeAt(timeUs + waitMs * 1000, timeUs);
      const length = connection.send(next, timeUs);
      if (length === 0) break;
      this.#rateTurn.spend(this.#buckets, length, timeUs / 1000);
      socket.send(length, to);
    }
    onTurn();
    if (!this.#isOver) this.#wakeAt(connection.wakeAtUs, nowUs());
  }

  /** Sends nothing any more. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #queue(later: (turn: () => void) => unknown): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    later(() => {
      this.#isQueued = false;
      this.turn();
    });
  }

  #wakeAt(atUs: number, timeUs: number): void {
    if (atUs <= timeUs + this.#turnUs) return this.#queue(setImmediate);
    // A timer that goes off too early costs less than a new one for each packet.
    if (this.#timerAtUs <= atUs && this.#timerAtUs > timeUs) return;
    clearTimeout(this.#timer);
    this.#timerAtUs = atUs;
    if (atUs === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timerAtUs = Infinity;
      this.turn();
    }, Math.ceil((atUs - timeUs) / 1000));
  }
}
