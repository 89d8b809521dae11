import { addressGroup } from "../../net/connection_limit.ts";
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
/**
 * Bytes a second that an address is sent at most. Nothing in the plain protocol shows that a request comes from where
 * it says, and even an ACK can be made up: so this is what somebody can have sent to a stranger.
 */
const BYTES_PER_SECOND = 8_000_000;
/**
 * The same of what was not asked for by an ACK: the first datagram of a file, and what is sent again. To an address
 * that says nothing no more goes than that; with {@linkcode MAX_CLIENTS_PER_ADDRESS} requests at once it is enough.
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
  timer: ReturnType<typeof setTimeout> | undefined;
  activeAtMs: number;
  isReading: boolean;
  /** Whether something has come since it was sent something. */
  isAnswered: boolean;
}

/** The plain clients of a server: each is served by itself, on one socket. */
export class PlainClients implements Disposable {
  readonly #options: PlainClientsOptions;
  readonly #clients = new Map<string, Client>();
  readonly #allowances = new Map<string, Allowance>();

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
    client.isAnswered = true;
    client.serving.receive(datagram, nowMs);
    this.#serve(client);
  }

  /** Forgets those that ask nothing any more. To be called now and then. */
  forgetIdle(nowMs: number): void {
    for (const [key, client] of this.#clients) {
      if (nowMs - client.activeAtMs > IDLE_MS) this.#forget(key, client);
    }
    for (const [group, { clients, unproven }] of this.#allowances) {
      if (clients === 0 && unproven.waitMs(nowMs) === 0) this.#allowances.delete(group);
    }
  }

  [Symbol.dispose](): void {
    for (const [key, client] of [...this.#clients]) this.#forget(key, client);
  }

  #admit(address: Deno.NetAddr, nowMs: number): Client | undefined {
    const group = addressGroup(address.hostname);
    const allowance = this.#allowances.get(group) ?? {
      all: new TokenBucket({ bytesPerSecond: BYTES_PER_SECOND, nowMs }),
      unproven: new TokenBucket({ bytesPerSecond: UNPROVEN_BYTES_PER_SECOND, nowMs }),
      clients: 0,
    };
    const isFull = this.#clients.size >= MAX_CLIENTS || allowance.clients >= MAX_CLIENTS_PER_ADDRESS;
    if (isFull && !this.#forgetOne(group)) return undefined;
    const { catalogue, list } = this.#options;
    const serving = new PlainServing({
      // Whatever is asked for by name alone; but nobody is told of more than the list has.
      sizeOf: (name) => isPlainName(name) ? catalogue.statFile(name)?.size : undefined,
      list: () => list.bytes,
    });
    const client: Client = {
      address,
      serving,
      allowance,
      timer: undefined,
      activeAtMs: nowMs,
      isReading: false,
      isAnswered: true,
    };
    allowance.clients++;
    this.#allowances.set(group, allowance);
    this.#clients.set(keyOf(address), client);
    return client;
  }

  /** Makes room: the one of this address that is idle for longest has to go, or else of all. */
  #forgetOne(group: string): boolean {
    let found: readonly [string, Client] | undefined;
    const isOfGroup = (client: Client) => addressGroup(client.address.hostname) === group;
    const isGroupFull = (this.#allowances.get(group)?.clients ?? 0) >= MAX_CLIENTS_PER_ADDRESS;
    for (const [key, client] of this.#clients) {
      if (!client.serving.isIdle || (isGroupFull && !isOfGroup(client))) continue;
      if (found === undefined || client.activeAtMs < found[1].activeAtMs) found = [key, client];
    }
    if (found !== undefined) this.#forget(...found);
    return found !== undefined;
  }

  #forget(key: string, client: Client): void {
    clearTimeout(client.timer);
    client.allowance.clients--;
    this.#clients.delete(key);
  }

  #serve(client: Client): void {
    if (client.isReading) return;
    const { serving } = client;
    for (
      let step = serving.next(performance.now());
      step !== undefined;
      step = serving.next(performance.now())
    ) {
      if (step.type === "read") {
        client.isReading = true;
        void this.#read(client, step);
        return;
      }
      this.#send(client, step.bytes);
    }
    clearTimeout(client.timer);
    const { wakeAtMs } = serving;
    if (wakeAtMs === undefined || !this.#clients.has(keyOf(client.address))) return;
    client.timer = setTimeout(() => this.#serve(client), Math.max(0, wakeAtMs - performance.now()));
  }

  async #read(client: Client, step: Extract<PlainStep, { type: "read" }>): Promise<void> {
    const { files } = this.#options;
    let bytes: Uint8Array = new Uint8Array(0);
    try {
      const found: FoundFile | undefined = files.find(step.name);
      const length = Math.min(step.length, Math.max(0, (found?.version.size ?? 0) - step.offset));
      const buffer = new Uint8Array(length);
      if (found !== undefined) await files.read(found, step.offset, buffer);
      bytes = buffer;
    } catch {
      // There is no word for it in the protocol: the file ends here, and its size tells.
    }
    client.isReading = false;
    client.serving.provide(bytes);
    this.#serve(client);
  }

  /** Sends a datagram, if its address may be sent it: else it is lost, and asked for again or sent again. */
  #send(client: Client, bytes: Uint8Array): void {
    const { allowance: { all, unproven }, address, isAnswered } = client;
    const { socket, bucket } = this.#options;
    const nowMs = performance.now();
    const limits = [all, ...isAnswered ? [] : [unproven], ...bucket === undefined ? [] : [bucket]];
    client.isAnswered = false;
    if (limits.some((limit) => limit.waitMs(nowMs) > 0)) return;
    for (const limit of limits) limit.spend(bytes.length, nowMs);
    socket.sendCopy(bytes, address);
  }
}

function keyOf({ hostname, port }: Deno.NetAddr): string {
  return `${hostname} ${port}`;
}
