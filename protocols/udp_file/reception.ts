import { ConnectionLimit, type ConnectionRefusal } from "../../net/connection_limit.ts";
import type { TokenBucket } from "../../net/token_bucket.ts";
import { Cookies } from "./cookie.ts";
import {
  clientProof,
  decodeHello,
  decodeOpen,
  encodeAccept,
  encodeRefusal,
  encodeRetry,
  isProof,
  type Open,
  serverProof,
} from "./handshake.ts";
import {
  CLOSE_CODE,
  mayBePacket,
  PACKET,
  PacketHead,
  readPacket,
  sealPacket,
  writeClose,
} from "./packets.ts";
import { ServedConnection, type ServedConnectionOptions } from "./served_connection.ts";
import type { ServedEvent } from "./served_event.ts";
import { isLoopbackAddress, nowUs } from "./udp_socket.ts";

/** Something that is told of clients of XUDP/1. */
export type ReceptionEvent =
  | ServedEvent
  /** A client that was not taken. */
  | { readonly type: "refused"; readonly address: string; readonly reason: ConnectionRefusal | "token" };

/** Options of {@linkcode Reception}. */
export interface ReceptionOptions extends Pick<ServedConnectionOptions, "catalogue" | "files" | "readAhead"> {
  readonly socket: ServedConnectionOptions["link"]["socket"];
  readonly bucket: TokenBucket | undefined;
  readonly token?: string | undefined;
  /** 32 random bytes, for the cookies. */
  readonly secret: Uint8Array;
  /** Datagrams are probed up to so many bytes. Default: what the way to the client can carry. */
  readonly maxDatagramBytes?: number | undefined;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly onEvent: (event: ReceptionEvent) => void;
}

/** How long a cookie is good at most, in milliseconds: so long an OPEN may come again. */
const OPEN_MS = 60_000;
/** Connections that are over, whose OPEN may come again: who opens and closes all the time fills no memory with them. */
const MAX_ENDED = 1024;
/** How long clients are told that the server stops, in milliseconds. */
const GOODBYE_MS = 100;

/** A client that was taken, and has gone. */
interface Ended {
  readonly accept: Uint8Array;
  readonly atMs: number;
}

/** The clients of XUDP/1: proves them, opens their connections, and gives each its packets. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #cookies: Cookies;
  readonly #limit: ConnectionLimit;
  readonly #connections = new Map<number, ServedConnection>();
  /** By what an OPEN is recognised by when it comes again. */
  readonly #opened = new Map<string, Uint8Array>();
  /** The same of connections that are over, the first to end first. */
  readonly #ended = new Map<string, Ended>();
  readonly #head = new PacketHead();
  #isClosing = false;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.#cookies = new Cookies(options.secret);
    this.#limit = new ConnectionLimit({
      total: options.maxConnections,
      perAddress: options.maxConnectionsPerAddress,
    });
  }

  /** Takes a datagram. @returns `false`: it is nothing of XUDP/1. */
  receive(datagram: Uint8Array, from: Deno.NetAddr): boolean {
    if (mayBePacket(datagram)) {
      if (readPacket(datagram, this.#head)) this.#packet(datagram, from);
      return true;
    }
    const nonce = decodeHello(datagram);
    if (nonce === undefined) return false;
    if (this.#isClosing) return true;
    const { hostname: address, port } = from;
    const cookie = this.#cookies.make({ address, port, nonce }, performance.now());
    this.#options.socket.sendCopy(encodeRetry({ nonce, cookie }), from);
    return true;
  }

  /** Forgets what can't come again. To be called now and then. */
  forgetOld(nowMs: number): void {
    for (const [key, { atMs }] of this.#ended) {
      if (nowMs - atMs <= OPEN_MS && this.#ended.size <= MAX_ENDED) return;
      this.#ended.delete(key);
    }
  }

  /** Tells all clients that the server stops. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#connections.size === 0) return;
    for (const connection of this.#connections.values()) {
      connection.close(CLOSE_CODE.leaving, "the server stops");
    }
    // What goes out may not have gone out yet, and a client that has not heard of it asks again.
    await new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
  }

  #packet(packet: Uint8Array, from: Deno.NetAddr): void {
    const head = this.#head;
    if (head.type === PACKET.open) return this.#open(packet, from);
    const connection = this.#connections.get(head.connection);
    // From elsewhere it is forged, or the client has moved: it opens a new one then.
    if (connection?.isFrom(from)) return connection.receive(packet, head);
    const isOfConnection = head.type === PACKET.data || head.type === PACKET.ack ||
      head.type === PACKET.probe;
    if (connection === undefined && isOfConnection) {
      this.#unknown(from);
    }
  }

  /** The client of a server that was restarted learns that there is no connection any more. Two bytes more than it sent. */
  #unknown(to: Deno.NetAddr): void {
    const { next } = this.#options.socket;
    if (next === undefined) return;
    const { connection } = this.#head;
    const head = new PacketHead();
    head.type = PACKET.close;
    head.connection = connection;
    const length = sealPacket(next, head, writeClose(next, CLOSE_CODE.failed, ""));
    this.#options.socket.send(length, to);
  }

  #open(packet: Uint8Array, from: Deno.NetAddr): void {
    const open = decodeOpen(packet);
    if (open === undefined || this.#isClosing) return;
    const { socket } = this.#options;
    const { nonce, cookie } = open;
    const { hostname: address, port } = from;
    if (!this.#cookies.isGood(cookie, { address, port, nonce }, performance.now())) return;
    const key = `${address} ${port} ${nonce.toHex()}`;
    const accept = this.#opened.get(key) ?? this.#ended.get(key)?.accept;
    if (accept !== undefined) return socket.sendCopy(accept, from);
    const refused = this.#refusal(open, address);
    if (refused === undefined) return socket.sendCopy(this.#accept(open, { from, key }), from);
    this.#options.onEvent({ type: "refused", address, reason: refused });
    const [code, reason] = refused === "token"
      ? [CLOSE_CODE.notAuthenticated, "the token is missing or wrong"] as const
      : [CLOSE_CODE.tooMany, "the server has too many clients"] as const;
    socket.sendCopy(encodeRefusal(code, reason, nonce), from);
  }

  #refusal({ nonce, cookie, proof }: Open, address: string): ConnectionRefusal | "token" | undefined {
    const { token } = this.#options;
    if (token !== undefined && !isProof(proof, clientProof(token, { nonce, cookie }))) return "token";
    return this.#limit.admit(address);
  }

  /** @returns What to answer. */
  #accept(
    { nonce, cookie, credit, congestion, maxBytesPerSecond, roundTripUs, firstLine }: Open,
    { from, key }: { readonly from: Deno.NetAddr; readonly key: string },
  ): Uint8Array {
    const { token, socket, bucket, catalogue, files, readAhead, maxDatagramBytes, onEvent } = this.#options;
    const connection = this.#freeNumber();
    const proof = serverProof(token, { nonce, cookie });
    const accept = encodeAccept({ connection, credit: 0, proof }, nonce);
    this.#opened.set(key, accept);
    const served = new ServedConnection({
      core: {
        nowUs: nowUs(),
        connection,
        peerCreditBytes: credit,
        congestion,
        maxBytesPerSecond,
        roundTripUs,
        isLoopback: isLoopbackAddress(from.hostname),
        maxDatagramBytes,
      },
      link: { socket, to: from, bucket },
      catalogue,
      files,
      readAhead,
      onEvent,
      onEnd: () => {
        this.#connections.delete(connection);
        this.#limit.release(from.hostname);
        this.#opened.delete(key);
        this.#ended.set(key, { accept, atMs: performance.now() });
        this.forgetOld(performance.now());
      },
    });
    this.#connections.set(connection, served);
    if (firstLine !== "") served.begin(firstLine);
    return accept;
  }

  #freeNumber(): number {
    const random = new Uint32Array(1);
    for (;;) {
      const [number = 0] = crypto.getRandomValues(random);
      if (number !== 0 && !this.#connections.has(number)) return number;
    }
  }
}
