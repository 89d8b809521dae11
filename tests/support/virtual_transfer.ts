import { Buffer } from "node:buffer";
import { assertEquals } from "@std/assert";
import {
  Connection,
  type ConnectionEvents,
  type ConnectionOptions,
} from "../../protocols/udp_file/connection.ts";
import { MAX_LOOPBACK_DATAGRAM_BYTES, PacketHead, readPacket } from "../../protocols/udp_file/packets.ts";
import { type ByteRange, ByteRanges } from "../../store/byte_ranges.ts";
import { seededChance, type VirtualLink } from "./virtual_network.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** The number of every connection here. */
export const CONNECTION = 0x1234_5678;

/** A machine that has other things to do: what comes meanwhile waits in the socket's buffer, as far as it fits. */
export interface BusyOptions {
  /** From one pause to the next, and how long one takes, each on average. */
  readonly everyMs: number;
  readonly forMs: number;
  /** Datagrams that the buffer holds. */
  readonly bufferPackets: number;
  /** Timers go off at multiples of it. */
  readonly tickMs: number;
  readonly seed: number;
}

/** One end of a connection in virtual time, as a shell would drive it. */
export class VirtualEnd {
  readonly connection: Connection;
  readonly time: VirtualTime;
  /** Datagrams that could not be read. */
  damaged = 0;
  /** Where to; set once both ends are there. */
  deliver: (datagram: Uint8Array) => void = () => {};
  readonly #link: VirtualLink;
  readonly #head = new PacketHead();
  readonly #buffer = new Uint8Array(MAX_LOOPBACK_DATAGRAM_BYTES);
  readonly #busy: BusyOptions | undefined;
  readonly #chance: () => number;
  readonly #waiting: Uint8Array[] = [];
  #isBusy = false;
  /** Datagrams that did not fit into the buffer. */
  overflowed = 0;
  /** When it is planned to be woken. */
  #wakeUs = Infinity;

  constructor(
    time: VirtualTime,
    link: VirtualLink,
    options: Omit<ConnectionOptions, "nowUs" | "connection">,
    busy?: BusyOptions,
  ) {
    this.time = time;
    this.#link = link;
    this.connection = new Connection({ nowUs: time.nowUs, connection: CONNECTION, ...options });
    this.#busy = busy;
    this.#chance = seededChance(busy?.seed ?? 1);
    this.#pauseLater();
  }

  receive(datagram: Uint8Array): void {
    if (this.#isBusy) {
      if (this.#waiting.length < (this.#busy?.bufferPackets ?? 0)) this.#waiting.push(datagram);
      else this.overflowed++;
      return;
    }
    if (!readPacket(datagram, this.#head)) {
      this.damaged++;
      return;
    }
    this.connection.receive(datagram, this.#head, this.time.nowUs);
    this.turn();
  }

  /** Sends what is due, and plans the next time. */
  turn(): void {
    if (this.#isBusy) return;
    const { nowUs } = this.time;
    for (let length = 1; length > 0;) {
      length = this.connection.send(this.#buffer, nowUs);
      if (length > 0) this.#link.send(this.#buffer.subarray(0, length), this.deliver);
    }
    const wakeUs = this.connection.wakeAtUs;
    if (wakeUs === Infinity || wakeUs >= this.#wakeUs) return;
    // A clock that is woken a little early must not keep it from getting on.
    const tickUs = 1000 * (this.#busy?.tickMs ?? 0);
    const atUs = Math.max(tickUs === 0 ? wakeUs : Math.ceil(wakeUs / tickUs) * tickUs, nowUs + 1);
    this.#wakeUs = atUs;
    this.time.at(atUs, () => {
      if (this.#wakeUs !== atUs) return;
      this.#wakeUs = Infinity;
      this.turn();
    });
  }

  #pauseLater(): void {
    const busy = this.#busy;
    if (busy === undefined) return;
    const inMs = (meanMs: number) => this.time.nowUs - Math.log(1 - this.#chance()) * 1000 * meanMs;
    this.time.at(inMs(busy.everyMs), () => {
      this.#isBusy = true;
      this.time.at(inMs(busy.forMs), () => {
        this.#isBusy = false;
        for (const datagram of this.#waiting.splice(0)) this.receive(datagram);
        this.turn();
        this.#pauseLater();
      });
    });
  }
}

/** Options of {@linkcode VirtualTransfer}. */
export interface TransferOptions {
  readonly time: VirtualTime;
  /** From who has the file to who gets it, and back. */
  readonly forth: VirtualLink;
  readonly back: VirtualLink;
  readonly content: Uint8Array;
  readonly ranges?: readonly ByteRange[];
  readonly congestion?: "rate" | "cubic";
  /** What the receiving end can hold. Default: 16 MiB. */
  readonly windowBytes?: number;
  readonly isLoopback?: boolean;
  readonly maxDatagramBytes?: number;
  readonly maxBytesPerSecond?: number;
  /** What the source has of it. Default: all, always. */
  readonly fill?: (offset: number, target: Uint8Array) => number;
  /** Default: both ends have nothing else to do. */
  readonly busy?: BusyOptions;
  /** What the receiving end knows of the path from the handshake. */
  readonly roundTripUs?: number;
  /** Whether what came is told to need no memory at once. Default: true. */
  readonly isConsumed?: boolean;
}

/** The number of the file of every transfer. */
const FILE = 7;

/** A file that goes from one end to the other, asked for and confirmed on the control stream. */
export class VirtualTransfer {
  readonly sender: VirtualEnd;
  readonly receiver: VirtualEnd;
  readonly received: Uint8Array;
  receivedBytes = 0;
  /** Bytes that were handed out though they had been before. */
  repeatedBytes = 0;
  doneAtUs = -1;
  isDelivered = false;
  readonly startedUs: number;
  readonly #time: VirtualTime;

  constructor(options: TransferOptions) {
    const { time, forth, back, content, windowBytes = 16 * 1024 * 1024 } = options;
    const ranges = options.ranges ?? [{ from: 0, to: content.length }];
    const wanted = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    this.#time = time;
    this.startedUs = time.nowUs;
    this.received = new Uint8Array(content.length);
    const seen = new ByteRanges();
    const fill = options.fill ?? ((offset: number, target: Uint8Array) => {
      target.set(content.subarray(offset, offset + target.length));
      return target.length;
    });
    const { congestion, isLoopback, maxDatagramBytes, maxBytesPerSecond } = options;
    this.sender = new VirtualEnd(time, forth, {
      congestion,
      isLoopback,
      maxDatagramBytes,
      maxBytesPerSecond,
      peerCreditBytes: windowBytes,
      source: { fill: (_file, offset, target) => fill(offset, target) },
      events: {
        ...NO_EVENTS,
        control: (line) => {
          if (line === "get") this.sender.connection.offer(FILE, ranges);
          if (line === "done") this.doneAtUs = time.nowUs;
        },
        delivered: () => this.isDelivered = true,
      },
    }, options.busy);
    this.receiver = new VirtualEnd(time, back, {
      windowBytes,
      isLoopback,
      roundTripUs: options.roundTripUs,
      events: {
        ...NO_EVENTS,
        content: (_file, offset, bytes) => {
          this.repeatedBytes += bytes.length - seen.add({ from: offset, to: offset + bytes.length });
          this.received.set(bytes, offset);
          this.receivedBytes += bytes.length;
          if (options.isConsumed ?? true) this.receiver.connection.consumed(bytes.length);
          if (this.receivedBytes === wanted) this.receiver.connection.sendControl("done");
        },
      },
    }, options.busy && { ...options.busy, seed: options.busy.seed + 1 });
    this.sender.deliver = (datagram) => this.receiver.receive(datagram);
    this.receiver.deliver = (datagram) => this.sender.receive(datagram);
    this.receiver.connection.expect(FILE, ranges);
    this.receiver.connection.sendControl("get");
    if (wanted === 0) this.receiver.connection.sendControl("done");
    this.receiver.turn();
  }

  get isDone(): boolean {
    return this.doneAtUs >= 0 && this.isDelivered;
  }

  get isClosed(): boolean {
    return this.sender.connection.state.kind === "closed" || this.receiver.connection.state.kind === "closed";
  }

  /** From the request to the confirmation, in seconds. */
  get seconds(): number {
    return (this.doneAtUs - this.startedUs) / 1_000_000;
  }

  /** Runs until the file is there and confirmed, or a connection has ended. */
  run(untilUs = this.#time.nowUs + 600_000_000): this {
    this.#time.run({ untilUs, isOver: () => this.isDone || this.isClosed });
    return this;
  }

  /** Both ends still stand, and the bytes are the right ones, each handed out once. */
  assertExact(content: Uint8Array, name?: string): void {
    assertEquals(this.sender.connection.state, { kind: "open" }, name);
    assertEquals(this.receiver.connection.state, { kind: "open" }, name);
    assertEquals(this.isDone, true, name);
    assertEquals(this.repeatedBytes, 0, name);
    if (!isSame(this.received, content)) throw new Error(`${name}: the bytes are not the same`);
  }
}

/** Events of an end that does not care. */
export const NO_EVENTS: ConnectionEvents = { control: () => {}, content: () => {}, delivered: () => {} };

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
