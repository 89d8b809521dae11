import { addressGroup } from "../../net/connection_limit.ts";
import { RateTurn } from "../../net/rate_turn.ts";
import { TokenBucket } from "../../net/token_bucket.ts";
import type { Catalogue } from "../../store/catalogue.ts";
import type { FoundFile, FoundFiles } from "../../store/found_files.ts";
import type { OfferedList } from "../../store/offered_list.ts";
import { isPlainName } from "./plain.ts";
import { PlainServing, type PlainStep } from "./plain_serving.ts";
import type { UdpSocket } from "./udp_socket.ts";

/** Plain clients at a time. Each costs a datagram of memory. */
const MAX_CLIENTS = 1024;
/** Of one address. Existing programs come from a new port for each file. */
const MAX_CLIENTS_PER_ADDRESS = 64;
/** How long one is kept that asks nothing, in milliseconds. */
const IDLE_MS = 60_000;
/** One that has said nothing for so long has to make room for others, whatever it was being sent. */
const SILENT_MS = 10_000;
/** Addresses whose rates are kept. A rate that was not used of late is as good as none. */
const MAX_ALLOWANCES = 16_384;
/** Least time between two looks at all of them, in milliseconds. */
const LOOK_MS = 200;
/**
 * Bytes a second that an address is sent at most. Nothing in the plain protocol shows that a request comes from where
 * it says, and even an ACK can be made up: so this is what somebody can have sent to a stranger.
 */
const BYTES_PER_SECOND = 8_000_000;
/**
 * The same of what was not asked for by an ACK: the list, the beginning of a file, and what is sent again. To an
 * address that acknowledges nothing no more goes than that.
 */
const UNPROVEN_BYTES_PER_SECOND = 2_000_000;

/** Options of {@linkcode PlainClients}. */
export interface PlainClientsOptions {
  readonly socket: UdpSocket;
  readonly catalogue: Catalogue;
  readonly files: FoundFiles;
  readonly list: OfferedList;
  /** What all that is sent shares a rate by. */
  readonly bucket: TokenBucket | undefined;
}

/** What an address may still be sent. */
interface Allowance {
  readonly all: TokenBucket;
  readonly unproven: TokenBucket;
  clients: number;
}

interface Client {
  readonly address: Deno.NetAddr;
  readonly serving: PlainServing;
  readonly allowance: Allowance;
  readonly turn: RateTurn;
  /** What its request has found. It is sent as that, or not to the end. */
  found: FoundFile | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  activeAtMs: number;
  /** Whether it waits for bytes of its file, or for memory to send with. */
  isBusy: boolean;
  /** Whether an ACK asks for what it is sent next. */
  hasAcked: boolean;
}

/** The plain clients of a server: each is served by itself, on one socket. */
export class PlainClients implements Disposable {
  readonly #options: PlainClientsOptions;
  readonly #clients = new Map<string, Client>();
  readonly #allowances = new Map<string, Allowance>();
  #lookedAtMs = -Infinity;

  constructor(options: PlainClientsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get count(): number {
    return this.#clients.size;
  }

  /** Takes what is no packet. */
  receive(datagram: Uint8Array, from: Deno.NetAddr): void {
    const nowMs = performance.now();
    const client = this.#clients.get(keyOf(from)) ?? this.#admit(from, nowMs);
    if (client === undefined) return;
    client.activeAtMs = nowMs;
    const hasAcked = client.serving.receive(datagram, nowMs);
    if (hasAcked) client.turn.again();
    client.hasAcked = hasAcked || (client.hasAcked && client.serving.isAcknowledged);
    this.#serve(client);
  }

  /** Forgets those that ask nothing any more. To be called now and then. */
  forgetIdle(nowMs: number): void {
    for (const [key, client] of this.#clients) {
      if (nowMs - client.activeAtMs > IDLE_MS) this.#forget(key, client);
    }
    this.#forgetRates(nowMs);
  }

  /** Forgets the rates of addresses that have no client, and would be allowed as much if they were new. */
  #forgetRates(nowMs: number): void {
    this.#lookedAtMs = nowMs;
    for (const [group, { clients, all, unproven }] of this.#allowances) {
      if (clients === 0 && all.isFull(nowMs) && unproven.isFull(nowMs)) this.#allowances.delete(group);
    }
  }

  [Symbol.dispose](): void {
    for (const [key, client] of [...this.#clients]) this.#forget(key, client);
  }

  #admit(address: Deno.NetAddr, nowMs: number): Client | undefined {
    const group = addressGroup(address.hostname);
    const allowance = this.#allowanceOf(group, nowMs);
    if (allowance === undefined) return undefined;
    const isFull = this.#clients.size >= MAX_CLIENTS || allowance.clients >= MAX_CLIENTS_PER_ADDRESS;
    if (isFull && !this.#forgetOne(allowance, nowMs)) return undefined;
    const serving = new PlainServing({
      sizeOf: (name) => (client.found = this.#find(name))?.version.size,
      list: () => this.#options.list.bytes,
    });
    const client: Client = {
      address,
      serving,
      allowance,
      turn: new RateTurn(),
      found: undefined,
      timer: undefined,
      activeAtMs: nowMs,
      isBusy: false,
      hasAcked: false,
    };
    allowance.clients++;
    this.#clients.set(keyOf(address), client);
    return client;
  }

  /** @returns `undefined`: there are too many addresses. */
  #allowanceOf(group: string, nowMs: number): Allowance | undefined {
    const known = this.#allowances.get(group);
    if (known !== undefined) return known;
    const isFull = () => this.#allowances.size >= MAX_ALLOWANCES;
    if (isFull() && nowMs > this.#lookedAtMs + LOOK_MS) this.#forgetRates(nowMs);
    if (isFull()) return undefined;
    const allowance = {
      all: new TokenBucket({ bytesPerSecond: BYTES_PER_SECOND, nowMs }),
      unproven: new TokenBucket({ bytesPerSecond: UNPROVEN_BYTES_PER_SECOND, nowMs }),
      clients: 0,
    };
    this.#allowances.set(group, allowance);
    return allowance;
  }

  /** Whatever is asked for by name; but nobody is told of more than the list has. */
  #find(name: string): FoundFile | undefined {
    try {
      return isPlainName(name) ? this.#options.files.find(name) : undefined;
    } catch {
      return undefined; // It is not to be read: there is no other word for that.
    }
  }

  /**
   * Makes room: the one of this address that said something longest ago has to go, or else of all. Those first that
   * are idle; then those that have acknowledged nothing, as whoever makes addresses up could fill all places.
   */
  #forgetOne(allowance: Allowance, nowMs: number): boolean {
    const isGroupFull = allowance.clients >= MAX_CLIENTS_PER_ADDRESS;
    let oldest: readonly [string, Client] | undefined;
    let isOldestIdle = false;
    for (const [key, client] of this.#clients) {
      const { isIdle, isAcknowledged } = client.serving;
      const isSilent = !isAcknowledged || nowMs - client.activeAtMs > SILENT_MS;
      if ((isGroupFull && client.allowance !== allowance) || !(isIdle || isSilent)) continue;
      if (isOldestIdle && !isIdle) continue;
      const isOlder = oldest === undefined || client.activeAtMs < oldest[1].activeAtMs;
      if (!isOlder && (isOldestIdle || !isIdle)) continue;
      oldest = [key, client];
      isOldestIdle = isIdle;
    }
    if (oldest !== undefined) this.#forget(...oldest);
    return oldest !== undefined;
  }

  #forget(key: string, client: Client): void {
    clearTimeout(client.timer);
    client.allowance.clients--;
    this.#clients.delete(key);
  }

  #serve(client: Client): void {
    if (client.isBusy || this.#clients.get(keyOf(client.address)) !== client) return;
    const { serving, turn } = client;
    const { socket } = this.#options;
    const limits = this.#limitsOf(client);
    clearTimeout(client.timer);
    for (;;) {
      if (socket.next === undefined) return this.#serveLater(client);
      const nowMs = performance.now();
      const waitMs = turn.waitMs(limits, nowMs);
      if (waitMs > 0) return this.#wakeAt(client, nowMs + waitMs);
      const step = serving.next(nowMs);
      if (step === undefined) break;
      if (step.type === "read") {
        client.isBusy = true;
        void this.#read(client, step);
        return;
      }
      socket.sendCopy(step.bytes, client.address);
      turn.spend(limits, step.bytes.length, nowMs);
    }
    client.hasAcked = false;
    if (serving.wakeAtMs !== undefined) this.#wakeAt(client, serving.wakeAtMs);
  }

  #serveLater(client: Client): void {
    client.isBusy = true;
    this.#options.socket.whenFree(() => {
      client.isBusy = false;
      this.#serve(client);
    });
  }

  #wakeAt(client: Client, atMs: number): void {
    client.timer = setTimeout(() => this.#serve(client), Math.max(0, atMs - performance.now()));
  }

  #limitsOf({ allowance: { all, unproven }, hasAcked }: Client): readonly TokenBucket[] {
    const { bucket } = this.#options;
    return [all, ...hasAcked ? [] : [unproven], ...bucket === undefined ? [] : [bucket]];
  }

  async #read(client: Client, { name, offset, length }: Extract<PlainStep, { type: "read" }>): Promise<void> {
    const { serving, found } = client;
    let bytes: Uint8Array = new Uint8Array(0);
    try {
      const buffer = new Uint8Array(length);
      if (found?.path === name) {
        await this.#options.files.read(found, offset, buffer);
        bytes = buffer;
      }
    } catch {
      // It has changed, and there is no word for that in the protocol: it ends here, and its size tells.
    }
    client.isBusy = false;
    serving.provide(bytes);
    this.#serve(client);
  }
}

function keyOf({ hostname, port }: Deno.NetAddr): string {
  return `${hostname} ${port}`;
}
