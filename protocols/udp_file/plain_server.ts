import { setTimeout as delay } from "node:timers/promises";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import { MissingError } from "../../store/fetched_file.ts";
import type { Answered } from "./connect.ts";
import { encodeListRequest, isText, MISSING_TEXT, parsePlainList, type PlainFile } from "./plain.ts";
import { PlainFetching, type PlainFetchOptions } from "./plain_fetching.ts";
import { UdpSocket } from "./udp_socket.ts";

/** How often the list is asked for, and how long each time it is waited for, in milliseconds. */
const LIST_TRIES = 5;
const LIST_MS = 1_000;

/** Options of {@linkcode PlainServer.fetch}. */
export interface PlainRequest extends Omit<PlainFetchOptions, "nowMs"> {
  /** Waited for before an ACK asks for more. */
  readonly ready: () => Promise<void>;
}

/**
 * A server of the plain protocol. Each request has a socket of its own: nothing in its datagrams tells what they
 * belong to.
 */
export class PlainServer implements Disposable {
  readonly kind = "plain";
  readonly #to: Deno.NetAddr;
  readonly #signal: AbortSignal;
  #isOpen = true;

  /** Takes over a server that has answered. @param signal Ends what is under way. */
  constructor({ socket, to }: Answered, signal: AbortSignal) {
    socket[Symbol.dispose]();
    this.#to = to;
    this.#signal = signal;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What it has, as far as its list goes. @throws {ConnectionProblem} It does not answer. */
  async list(): Promise<PlainFile[]> {
    let answer: Uint8Array | undefined;
    const exchange = this.#exchange((datagram) => answer ??= datagram.slice());
    using socket = exchange.socket;
    for (let tries = 0; tries < LIST_TRIES && answer === undefined; tries++) {
      socket.sendCopy(encodeListRequest(), this.#to);
      await exchange.until(performance.now() + LIST_MS);
    }
    if (answer === undefined) throw new ConnectionProblem("The server does not answer for its list");
    // Of a server that knows no lists it is the name of a file.
    return isText(answer, MISSING_TEXT) ? [] : parsePlainList(answer);
  }

  /**
   * Fetches bytes of a file, in order.
   *
   * @returns The size of the whole file.
   * @throws {MissingError} It is not there.
   * @throws {ConnectionProblem} The server does not answer any more, or not as it should.
   */
  async fetch({ ready, ...options }: PlainRequest): Promise<number> {
    const fetching = new PlainFetching({ ...options, nowMs: performance.now() });
    const exchange = this.#exchange((datagram) => fetching.receive(datagram, performance.now()));
    using socket = exchange.socket;
    for (let wakeAtMs = fetching.wakeAtMs; wakeAtMs !== undefined; wakeAtMs = fetching.wakeAtMs) {
      await ready();
      this.#signal.throwIfAborted();
      for (
        let bytes = fetching.next(performance.now());
        bytes !== undefined;
        bytes = fetching.next(performance.now())
      ) socket.sendCopy(bytes, this.#to);
      if (fetching.wakeAtMs !== undefined) await exchange.until(fetching.wakeAtMs);
    }
    const { state, size } = fetching;
    if (state.kind === "missing") throw new MissingError("It is not on the server");
    if (state.kind !== "done" || size === undefined) {
      throw new ConnectionProblem(state.kind === "failed" ? state.reason : "It did not come whole");
    }
    return size;
  }

  /** Asks nothing more. */
  [Symbol.dispose](): void {
    this.#isOpen = false;
  }

  /** A socket that hears the server alone. `until` waits for a datagram of it, or a time. */
  #exchange(take: (datagram: Uint8Array) => void) {
    let hasNews = false;
    let wake = () => {};
    const socket = new UdpSocket({
      hostname: this.#to.hostname.includes(":") ? "::" : "0.0.0.0",
      port: 0,
      onDatagram: (datagram, from) => {
        if (from.port !== this.#to.port || from.hostname !== this.#to.hostname) return;
        take(datagram);
        hasNews = true;
        wake();
      },
    });
    const until = async (atMs: number) => {
      if (!hasNews) await this.#wait(atMs, (call) => wake = call);
      hasNews = false;
    };
    return { socket, until };
  }

  async #wait(atMs: number, onWake: (wake: () => void) => void): Promise<void> {
    const stop = new AbortController();
    onWake(() => stop.abort());
    const signal = AbortSignal.any([stop.signal, this.#signal]);
    await delay(Math.max(0, atMs - performance.now()), undefined, { signal }).catch(() => {});
    this.#signal.throwIfAborted();
  }
}
