import type { DuplexBytes } from "./byte_stream.ts";
import { OPCODE, type Opcode, type Role } from "./web_socket_frames.ts";
import { WebSocketWriter } from "./web_socket_writer.ts";

/** Options of {@linkcode WebSocketOutbox}. */
export interface WebSocketOutboxOptions {
  /** The end that sends. */
  readonly role: Role;
  /** With so many bytes that the peer has not taken it is cut off, as one that does not read. */
  readonly maxUnsentBytes: number;
  /** Called when the peer does not read, or is gone. {@linkcode WebSocketOutbox.end} is to follow. */
  readonly onLost: () => void;
}

/** What a frame that waits to be sent costs besides its bytes. */
const FRAME_COST_BYTES = 256;

/** What one end of a WebSocket sends: frames one after the other, the answer to a ping before them. */
export class WebSocketOutbox {
  readonly #stream: Pick<DuplexBytes, "write">;
  readonly #options: WebSocketOutboxOptions;
  readonly #writer: WebSocketWriter;
  readonly #unsent: Uint8Array<ArrayBuffer>[] = [];
  #unsentBytes = 0;
  /** What the peer's last ping carried; those before it need no answer (RFC 6455 section 5.5.3). */
  #unanswered: Uint8Array | undefined;
  #sending: Promise<void> | undefined;
  /** Renewed whenever something was sent. */
  #onSent = Promise.withResolvers<void>();

  constructor(stream: Pick<DuplexBytes, "write">, options: WebSocketOutboxOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#writer = new WebSocketWriter({ sender: options.role, fillRandom });
  }

  /** What waits, in bytes and with what frames cost besides. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Settles with the next frame that was sent, or the end. */
  get sent(): Promise<void> {
    return this.#onSent.promise;
  }

  /** Settles when nothing is left to send. */
  async flushed(): Promise<void> {
    await this.#sending;
  }

  /** Sends a message, or a control frame. The payload is copied. */
  send(opcode: Opcode, payload: Uint8Array): void {
    this.#push(this.#writer.frame(opcode, payload));
  }

  /** Room for a payload of so many bytes, to be filled and given to {@linkcode WebSocketOutbox.sendPrepared}. */
  prepare(payloadBytes: number): Uint8Array<ArrayBuffer> {
    return this.#writer.prepare(payloadBytes);
  }

  /** Sends a message from where it lies, which is within such room. It is not to be touched any more. */
  sendPrepared(opcode: Opcode, payload: Uint8Array<ArrayBuffer>): void {
    this.#push(this.#writer.frameInPlace(opcode, payload));
  }

  /** Answers a ping, of which only the last is. */
  pong(payload: Uint8Array): void {
    this.#unanswered = payload.slice();
    this.#sending ??= this.#sendOn();
  }

  /** Drops what is left: each write to a connection that is gone would fail, one after another. */
  end(): void {
    this.#unsent.length = 0;
    this.#unanswered = undefined;
    this.#onSent.resolve();
  }

  #push(frame: Uint8Array<ArrayBuffer>): void {
    this.#unsentBytes += frame.length + FRAME_COST_BYTES;
    if (this.#unsentBytes > this.#options.maxUnsentBytes) return this.#options.onLost();
    this.#unsent.push(frame);
    this.#sending ??= this.#sendOn();
  }

  async #sendOn(): Promise<void> {
    try {
      for (let frame = this.#nextUnsent(); frame !== undefined; frame = this.#nextUnsent()) {
        await this.#stream.write(frame);
        this.#unsentBytes -= frame.length + FRAME_COST_BYTES;
        this.#writer.sent(frame);
        this.#onSent.resolve();
        this.#onSent = Promise.withResolvers();
      }
    } catch {
      // The peer is gone, which the read tells as well.
      this.#options.onLost();
    }
    this.#sending = undefined;
  }

  #nextUnsent(): Uint8Array<ArrayBuffer> | undefined {
    const payload = this.#unanswered;
    if (payload === undefined) return this.#unsent.shift();
    this.#unanswered = undefined;
    const pong = this.#writer.frame(OPCODE.pong, payload);
    this.#unsentBytes += pong.length + FRAME_COST_BYTES;
    return pong;
  }
}

function fillRandom(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes);
}
