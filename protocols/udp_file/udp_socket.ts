import { backoffMs } from "../../net/backoff.ts";
import { collectOldGarbage } from "../../net/old_garbage.ts";
import { MAX_LOOPBACK_DATAGRAM_BYTES } from "./packets.ts";

/** Longest datagram that is received whole. */
const RECEIVE_BYTES = 65_536;
/** Datagrams that may be on their way to the kernel at a time. */
const SLOTS = 128;
/** So soon receiving is tried again that has failed several times in a row. */
const RETRY = { baseMs: 1, capMs: 1_000, random: Math.random };
/** Datagrams received until what the runtime left of them is collected: about 100 bytes of each. */
const COLLECTED_DATAGRAMS = 65_536;

/** Memory of a datagram that is being sent. */
interface Slot {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Makes it free again. One function for all its uses, so that a datagram costs none. */
  readonly release: () => void;
}

/** Options of {@linkcode UdpSocket}. */
export interface UdpSocketOptions {
  /** Address to listen on. Default: any, of the family of `peer`. */
  readonly hostname: string;
  /** 0: a free one. */
  readonly port: number;
  /** Told of each datagram. Its memory is used again afterwards. */
  readonly onDatagram: (bytes: Uint8Array<ArrayBuffer>, from: Deno.NetAddr) => void;
}

/**
 * A UDP socket that waits for nothing: what the kernel does not take at once is waited for beside the sending, and
 * who finds all memory for that in use sends later. What can't be sent is lost, as anything may be on its way.
 *
 * One receive at a time into one buffer, and sends that nobody awaits, are what brings most here: 290 000 datagrams
 * a second over loopback, where several receives bring a third and awaited sends three quarters of it.
 */
export class UdpSocket implements Disposable {
  readonly port: number;
  readonly #socket: Deno.DatagramConn;
  readonly #free: Slot[] = [];
  /** Those that were made: as many as were needed at a time. */
  #slots = 0;
  #waiting: (() => void)[] = [];
  #isClosed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #problem: string | undefined;

  /** @throws {Error} The address can't be listened on; `code` tells why. */
  constructor({ hostname, port, onDatagram }: UdpSocketOptions) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port });
    this.port = (this.#socket.addr as Deno.NetAddr).port;
    void this.#receive(onDatagram);
  }

  /** Where to write the next datagram; `undefined`: all memory is in use, see {@linkcode UdpSocket.whenFree}. */
  get next(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#free.length === 0 && this.#slots < SLOTS) this.#free.push(this.#slot());
    return this.#free.at(-1)?.bytes;
  }

  /** Why the last datagram that could not be sent or received was not; `undefined`: there was none. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Sends the first `length` bytes of {@linkcode UdpSocket.next}. @param to With an IP literal. */
  send(length: number, to: Deno.NetAddr): void {
    const slot = this.#free.pop();
    if (slot === undefined || this.#isClosed) return;
    this.#socket.send(slot.bytes.subarray(0, length), to).then(slot.release, (error: unknown) => {
      this.#problem = error instanceof Error ? error.message : String(error);
      slot.release();
    });
  }

  /** Sends a copy. Without memory for it it is lost. */
  sendCopy(bytes: Uint8Array, to: Deno.NetAddr): void {
    const { next } = this;
    if (next === undefined) return;
    next.set(bytes);
    this.send(bytes.length, to);
  }

  /** Calls back when there is memory again. */
  whenFree(callback: () => void): void {
    this.#waiting.push(callback);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    clearTimeout(this.#retry);
    this.#socket.close();
  }

  #slot(): Slot {
    this.#slots++;
    const slot: Slot = {
      bytes: new Uint8Array(MAX_LOOPBACK_DATAGRAM_BYTES),
      release: () => {
        this.#free.push(slot);
        if (this.#waiting.length === 0) return;
        for (const callback of this.#waiting.splice(0)) callback();
      },
    };
    return slot;
  }

  async #receive(onDatagram: UdpSocketOptions["onDatagram"]): Promise<void> {
    const buffer = new Uint8Array(RECEIVE_BYTES);
    let failures = 0;
    for (let datagrams = 1; !this.#isClosed; datagrams++) {
      let received: [Uint8Array<ArrayBuffer>, Deno.Addr];
      try {
        received = await this.#socket.receive(buffer);
      } catch (error) {
        if (this.#isClosed) return;
        // On some systems a datagram that nobody took is told here. It is not the socket's end.
        this.#problem = error instanceof Error ? error.message : String(error);
        await this.#pause(backoffMs(failures++, RETRY));
        continue;
      }
      failures = 0;
      const [bytes, from] = received;
      if (!this.#isClosed && from.transport === "udp") onDatagram(bytes, from);
      if (datagrams % COLLECTED_DATAGRAMS === 0) await collectOldGarbage();
    }
  }

  /** Never returns when the socket is closed meanwhile. */
  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#retry = setTimeout(resolve, ms));
  }
}

/** The clock of all cores here: microseconds, never going back. */
export function nowUs(): number {
  return performance.now() * 1000;
}

/** Whether an address is this machine's own: its datagrams may be as long as loopback takes. */
export function isLoopbackAddress(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("::ffff:127.");
}
