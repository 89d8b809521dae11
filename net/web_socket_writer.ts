/** What one end of a WebSocket makes of its messages (RFC 6455 section 5), as a core without I/O. */

import { maskableBytes } from "./maskable_memory.ts";
import { applyMask } from "./masking.ts";
import { encodeHead, MASK_BYTES, MAX_HEAD_BYTES, type Opcode, type Role } from "./web_socket_frames.ts";

/** Options of {@linkcode WebSocketWriter}. */
export interface WebSocketWriterOptions {
  readonly sender: Role;
  /** Fills bytes with what nobody can foresee, for masks. */
  readonly fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void;
}

/** Frames up to this long are not worth keeping the memory of, in bytes. */
const SHORT_BYTES = 16 * 1024;
/** Of so many longer ones it is kept. */
const MAX_SPARE = 3;

/** Makes frames. */
export class WebSocketWriter {
  readonly #options: WebSocketWriterOptions;
  /** That of long frames that were sent. */
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  constructor(options: WebSocketWriterOptions) {
    this.#options = options;
  }

  /** A whole message, or a control frame. The payload is copied. */
  frame(opcode: Opcode, payload: Uint8Array): Uint8Array<ArrayBuffer> {
    const room = this.prepare(payload.length);
    room.set(payload);
    return this.frameInPlace(opcode, room);
  }

  /** Room for a payload of so many bytes, with anything in it, for {@linkcode WebSocketWriter.frameInPlace}. */
  prepare(payloadBytes: number): Uint8Array<ArrayBuffer> {
    const room = this.#room(MAX_HEAD_BYTES + payloadBytes);
    return room.subarray(MAX_HEAD_BYTES, MAX_HEAD_BYTES + payloadBytes);
  }

  /** A frame made where its payload lies: within such room, from its beginning or from farther behind. */
  frameInPlace(opcode: Opcode, payload: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { sender, fillRandom } = this.#options;
    const isMasked = sender === "client";
    const key = new Uint8Array(isMasked ? MASK_BYTES : 0);
    fillRandom(key);
    const head = encodeHead(opcode, payload.length, key);
    const start = payload.byteOffset - head.length;
    const frame = new Uint8Array(payload.buffer, start, head.length + payload.length);
    frame.set(head);
    if (isMasked) applyMask(payload, key);
    return frame;
  }

  /** The frame was sent, and its memory can be used again. */
  sent(frame: Uint8Array<ArrayBuffer>): void {
    if (frame.buffer.byteLength <= SHORT_BYTES || this.#spare.length === MAX_SPARE) return;
    this.#spare.push(new Uint8Array(frame.buffer));
  }

  #room(length: number): Uint8Array<ArrayBuffer> {
    if (length <= SHORT_BYTES) return new Uint8Array(length);
    const spare = this.#spare.pop();
    if (spare !== undefined && spare.length >= length) return spare;
    return this.#options.sender === "client" ? maskableBytes(length) : new Uint8Array(length);
  }
}
