import type { DuplexBytes } from "./byte_stream.ts";
import type { ReceiveMemory } from "./receive_memory.ts";
import { CLOSE, encodeClose, OPCODE, type Opcode, type Role, WebSocketError } from "./web_socket_frames.ts";
import { WebSocketOutbox } from "./web_socket_outbox.ts";
import { BASE_BYTES, type Incoming, WebSocketReader } from "./web_socket_reader.ts";

/** A message of the peer's. Bytes are good until the next one is asked for. */
export type SocketMessage = Extract<Incoming, { type: "text" | "binary" | "oversized" }>;

/** Options of {@linkcode WebSocketConnection}. */
export interface WebSocketOptions {
  /** The end that this one is. */
  readonly role: Role;
  /** Longest message that is kept, in bytes; a longer one is told as oversized. */
  readonly maxMessageBytes: number;
  /** Longest message that is read at all; a longer one ends the connection with 1009. */
  readonly maxReadBytes: number;
  /** Where memory for long messages comes from. */
  readonly memory: ReceiveMemory;
  /** With so many bytes that the peer has not taken it is cut off, as one that does not read. */
  readonly maxUnsentBytes: number;
}

/** How long a peer is given to end its side of a connection, in milliseconds. */
const GOODBYE_MS = 2_000;
/** How long a connection waits for memory that others hold, in milliseconds. Nobody then waits for good. */
const MEMORY_MS = 10_000;

/**
 * One end of a WebSocket (RFC 6455) whose handshake is done. Messages are read when they are asked for: as
 * long as they are not, TCP holds the peer back.
 */
export class WebSocketConnection {
  readonly #stream: DuplexBytes;
  readonly #options: WebSocketOptions;
  readonly #reader: WebSocketReader;
  readonly #outbox: WebSocketOutbox;
  /** `closing`: our close is sent, and the peer's is awaited. */
  #state: "open" | "closing" | "closed" = "open";
  #isReading = false;
  #goodbye: ReturnType<typeof setTimeout> | undefined;
  /** Ends the wait for memory, if there is one. */
  #stopWaiting = () => {};
  #asideBytes = 0;
  #closedWith: { readonly code: number; readonly reason: string } | undefined;
  #heardAtMs = performance.now();
  #receivedBytes = 0;

  constructor(stream: DuplexBytes, options: WebSocketOptions) {
    this.#stream = stream;
    this.#options = options;
    const sender = options.role === "client" ? "server" : "client";
    this.#reader = new WebSocketReader({ ...options, sender });
    this.#outbox = new WebSocketOutbox(stream, { ...options, onLost: () => this.terminate() });
  }

  /** Whether messages can still be sent. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether the peer is waited for; else it waits for us. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** When bytes came last, if only a part of a message, on the clock of `performance.now`. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  /** Bytes that came so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether it keeps memory for a message under way that others may wait for. */
  get isHoarding(): boolean {
    return this.#options.memory.isScarce && (this.#reader.hasLoan || this.#asideBytes > 0);
  }

  /** The peer's close, if the connection ended with one. */
  get closedWith(): { readonly code: number; readonly reason: string } | undefined {
    return this.#closedWith;
  }

  /**
   * The next message. Not to be called again before it has settled; to be called until the connection is over.
   *
   * @returns `undefined`: it is over.
   */
  async receive(): Promise<SocketMessage | undefined> {
    try {
      const message = await this.#next();
      if (message !== undefined) return message;
    } catch (error) {
      // What else the stream throws says that the peer is gone.
      if (error instanceof WebSocketError) await this.#fail(error);
    }
    this.terminate();
    this.#options.memory.count(-this.#asideBytes);
    this.#asideBytes = 0;
    this.#giveBack(this.#reader.end());
    return undefined;
  }

  /** Sends a text, if the connection is open. */
  send(text: string): void {
    this.#send(OPCODE.text, new TextEncoder().encode(text));
  }

  /**
   * Room for a binary message of so many bytes, with anything in it, to be filled and given to
   * {@linkcode WebSocketConnection.sendPrepared}: nothing is copied then.
   */
  prepare(bytes: number): Uint8Array<ArrayBuffer> {
    return this.#outbox.prepare(bytes);
  }

  /** Sends what such room was filled with, or a part of it, if the connection is open. It is gone for the caller. */
  sendPrepared(message: Uint8Array<ArrayBuffer>): void {
    if (this.#state === "open") this.#outbox.sendPrepared(OPCODE.binary, message);
  }

  /** Settles once no more than so many bytes wait to be sent, or the connection is over. */
  async unsentBelow(bytes: number): Promise<void> {
    while (this.#outbox.unsentBytes > bytes && this.#state === "open") await this.#outbox.sent;
  }

  /** Asks whether the peer is there. */
  ping(): void {
    this.#send(OPCODE.ping, new Uint8Array(0));
  }

  /** Begins the closing handshake; what comes from now on is dropped. */
  close(code: number, reason: string): void {
    this.#close(encodeClose(code, reason));
  }

  /** Ends the connection at once. */
  terminate(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#goodbye);
    this.#outbox.end();
    this.#stream.close();
    this.#stopWaiting();
  }

  #close(payload: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#send(OPCODE.close, payload);
    if (!this.isOpen) return;
    this.#state = "closing";
    this.#goodbye = setTimeout(() => this.terminate(), GOODBYE_MS);
  }

  async #next(): Promise<SocketMessage | undefined> {
    while (this.#state !== "closed") {
      const incoming = this.#reader.next();
      this.#countAside();
      switch (incoming?.type) {
        case undefined:
          if (!await this.#readOn()) return undefined;
          break;
        case "close":
          this.#closedWith = incoming;
          this.#close(closePayload(incoming.code));
          return void await this.#outbox.flushed();
        case "ping":
          if (this.#state === "open") this.#outbox.pong(incoming.payload);
          break;
        case "pong":
          break;
        default:
          if (this.#state === "open") return incoming;
      }
    }
    return undefined;
  }

  /** Reads some bytes. @returns Whether there were any. */
  async #readOn(): Promise<boolean> {
    const { wantedBytes } = this.#reader;
    if (wantedBytes > 0 && this.#state === "closing") return await this.#drain();
    if (wantedBytes > 0) await this.#borrow(wantedBytes);
    else this.#giveBack(this.#reader.release({ isScarce: this.#options.memory.isScarce }));
    if (this.#state === "closed") return false;
    this.#isReading = true;
    try {
      const count = await this.#stream.read(this.#reader.space());
      if (count === null) return false;
      this.#reader.filled(count);
      this.#receivedBytes += count;
      this.#heardAtMs = performance.now();
      return true;
    } finally {
      this.#isReading = false;
    }
  }

  /** Waits for memory, but not for good: those who have some may wait for more, and for each other. */
  async #borrow(bytes: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let isGranted = false;
    const forget = this.#options.memory.take(bytes, (granted) => {
      this.#giveBack(this.#reader.lend(granted));
      isGranted = true;
      resolve();
    });
    if (isGranted) return;
    const giveUp = setTimeout(() => {
      reject(new WebSocketError(CLOSE.tryAgainLater, "The server is short of memory"));
    }, MEMORY_MS);
    this.#stopWaiting = resolve;
    try {
      await promise;
    } finally {
      clearTimeout(giveUp);
      forget();
    }
  }

  #giveBack(lent: Uint8Array | undefined): void {
    if (lent !== undefined) this.#options.memory.give(lent);
  }

  #countAside(): void {
    const { asideBytes } = this.#reader;
    if (asideBytes === this.#asideBytes) return;
    this.#options.memory.count(asideBytes - this.#asideBytes);
    const isMore = asideBytes > this.#asideBytes;
    this.#asideBytes = asideBytes;
    if (isMore && this.#options.memory.isExceeded) {
      throw new WebSocketError(CLOSE.tryAgainLater, "The server is short of memory");
    }
  }

  async #fail({ code, message }: WebSocketError): Promise<void> {
    this.close(code, message);
    await this.#outbox.flushed();
    try {
      await this.#stream.end();
      await this.#drain();
    } catch {
      // The peer did not wait for it.
    }
  }

  /** Reads on until the peer ends: a connection closed with bytes unread is reset, and our close lost. */
  async #drain(): Promise<false> {
    const dropped = new Uint8Array(BASE_BYTES);
    while (await this.#stream.read(dropped) !== null);
    return false;
  }

  #send(opcode: Opcode, payload: Uint8Array): void {
    if (this.#state === "open") this.#outbox.send(opcode, payload);
  }
}

/** A close is answered by its own code, if it has one (RFC 6455 section 5.5.1). */
function closePayload(code: number): Uint8Array {
  return code === CLOSE.noStatus ? new Uint8Array(0) : encodeClose(code, "");
}
