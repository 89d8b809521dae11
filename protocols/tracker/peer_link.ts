import type { DuplexBytes } from "../../net/byte_stream.ts";
import { LineReader } from "./peer_lines.ts";
import {
  type ChatMessage,
  encodePeerMessage,
  parsePeerMessage,
  type PeerMessage,
  PeerProtocolError,
} from "./peer_messages.ts";
import type { PeerAction, PeerSession } from "./peer_session.ts";

/** Options of {@linkcode PeerLink}. */
export interface PeerLinkOptions {
  readonly session: PeerSession;
  /** What is said first. */
  readonly hello?: PeerMessage;
  /** The key that the tracker bound a peer to. */
  readonly keyOf: (peer: string) => Promise<string | undefined>;
  /** The other one has proven who it is. */
  readonly onOpen: (peer: string) => void;
  readonly onMessage: (from: string, message: ChatMessage) => void;
  /** How long an acknowledgement may take, in milliseconds. @default 5 s. */
  readonly acknowledgeMs?: number;
}

/** How long the handshake may take, an acknowledgement, and silence, in milliseconds. */
const HANDSHAKE_MS = 10_000;
const ACKNOWLEDGE_MS = 5_000;
const IDLE_MS = 600_000;
const READ_BYTES = 16 * 1024;
/** What the peer may leave unread before the connection is given up, in bytes. */
const MAX_UNSENT_BYTES = 1024 * 1024;

/** A connection to a peer: carries out over TCP what its {@linkcode PeerSession} decides. */
export class PeerLink {
  /** Settles when the connection is over, with the reason. */
  readonly ended: Promise<string>;
  /** Settles with the proven name of the peer; rejects when the connection ends before. */
  readonly opened: Promise<string>;
  readonly #stream: DuplexBytes;
  readonly #options: PeerLinkOptions;
  readonly #opening = Promise.withResolvers<string>();
  /** By id, messages that are not acknowledged. */
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  #writing: Promise<void> = Promise.resolve();
  #unsentBytes = 0;
  #reason = "The connection was closed";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #hasHeard = false;

  constructor(stream: DuplexBytes, options: PeerLinkOptions) {
    this.#stream = stream;
    this.#options = options;
    this.opened = this.#opening.promise;
    // Not everybody who is connected to waits for it.
    this.opened.catch(() => {});
    this.#limit(HANDSHAKE_MS, "The handshake took too long");
    if (options.hello !== undefined) this.#write(options.hello);
    this.ended = this.#run();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the other one has said anything. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  /**
   * Sends a message.
   *
   * @returns Settles when the peer has it.
   * @throws {Error} It may have it or not: the connection ended, also because the peer said nothing.
   */
  async send(message: ChatMessage): Promise<void> {
    if (this.#isOver) throw new Error(this.#reason);
    const acknowledged = this.#waiting.get(message.id) ?? Promise.withResolvers<void>();
    this.#waiting.set(message.id, acknowledged);
    // Else each message to a peer that hangs would wait as long.
    const { acknowledgeMs = ACKNOWLEDGE_MS } = this.#options;
    const timer = setTimeout(() => this.close("The peer did not answer"), acknowledgeMs);
    this.#write(message);
    try {
      await acknowledged.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(message.id);
    }
  }

  /** Ends the connection at once. */
  close(reason = "The connection was closed"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    clearTimeout(this.#timer);
    this.#stream.close();
    this.#opening.reject(new Error(reason));
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
  }

  async #run(): Promise<string> {
    const lines = new LineReader();
    const buffer = new Uint8Array(READ_BYTES);
    try {
      while (!this.#isOver) {
        const count = await this.#stream.read(buffer);
        if (count === null) break;
        this.#hasHeard = true;
        if (this.#options.session.peer !== undefined) this.#limit(IDLE_MS, "Nothing was said for long");
        for (const line of lines.push(buffer.subarray(0, count))) {
          await this.#carryOut(this.#options.session.received(parsePeerMessage(line)));
          if (this.#isOver) break;
        }
      }
    } catch (error) {
      if (error instanceof PeerProtocolError) {
        await this.#carryOut(this.#options.session.failed(error.message));
      } else this.close(error instanceof Error ? error.message : String(error));
    }
    this.close();
    return this.#reason;
  }

  async #carryOut(actions: readonly PeerAction[]): Promise<void> {
    for (const action of actions) {
      switch (action.type) {
        case "send":
          this.#write(action.message);
          break;
        case "identify": {
          const key = await this.#options.keyOf(action.id);
          await this.#carryOut(this.#options.session.identified(key));
          break;
        }
        case "open":
          this.#limit(IDLE_MS, "Nothing was said for long");
          this.#options.onOpen(action.peer);
          this.#opening.resolve(action.peer);
          break;
        case "deliver":
          this.#options.onMessage(action.from, action.message);
          break;
        case "acknowledged":
          this.#waiting.get(action.id)?.resolve();
          break;
        case "close":
          await this.#writing;
          this.close(action.reason);
      }
    }
  }

  #write(message: PeerMessage): void {
    const bytes = encodePeerMessage(message);
    this.#unsentBytes += bytes.length;
    if (this.#unsentBytes > MAX_UNSENT_BYTES) return this.close("The peer does not read");
    this.#writing = this.#writing.then(async () => {
      if (this.#isOver) return;
      try {
        await this.#stream.write(bytes);
        this.#unsentBytes -= bytes.length;
      } catch (error) {
        this.close(error instanceof Error ? error.message : String(error));
      }
    });
  }

  #limit(timeoutMs: number, reason: string): void {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#timer = setTimeout(() => this.close(reason), timeoutMs);
  }
}
