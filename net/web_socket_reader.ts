/**
 * What one end of a WebSocket makes of the other's bytes (RFC 6455 sections 5 and 6), as a core without I/O.
 * The caller reads into {@linkcode WebSocketReader.space}, tells how much came, and takes out what is
 * complete. A message in one frame, as all are in practice, is neither copied nor costs an allocation.
 */

import { applyMask } from "./masking.ts";
import {
  CLOSE,
  decodeClose,
  decodeHead,
  decodeText,
  type FrameHead,
  MASK_BYTES,
  OPCODE,
  type Role,
  WebSocketError,
} from "./web_socket_frames.ts";

/** What the peer has sent. Bytes are good until the reader is called again. */
export type Incoming =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "binary"; readonly bytes: Uint8Array }
  /** A message longer than is kept: it was dropped. */
  | { readonly type: "oversized"; readonly length: number }
  | { readonly type: "ping" | "pong"; readonly payload: Uint8Array }
  | { readonly type: "close"; readonly code: number; readonly reason: string };

/** Options of {@linkcode WebSocketReader}. */
export interface WebSocketReaderOptions {
  /** The end that is read. */
  readonly sender: Role;
  /** Longest message that is kept, in bytes. A longer one is dropped, and told. */
  readonly maxMessageBytes: number;
  /** Longest message that is read at all; a longer one fails the connection with 1009. */
  readonly maxReadBytes: number;
}

/** Memory that every connection has: enough for what is not a part of a file. */
export const BASE_BYTES = 16 * 1024;
/** Room behind a long frame, so that the beginning of the next one comes with the same read. */
const SPARE_BYTES = 64 * 1024;

/** The first memory for a frame whose length nothing vouches for but its sender. */
const FIRST_BYTES = 128 * 1024;

const NOTHING = new Uint8Array(0);

/** A message under way. */
interface Message {
  readonly isText: boolean;
  /** Bytes of its frames so far, the one under way included. */
  length: number;
  /** Earlier frames, and how much of it they are. */
  aside: Uint8Array;
  asideLength: number;
  isKept: boolean;
}

type Position =
  | { readonly kind: "head" }
  | { readonly kind: "payload"; readonly frame: FrameHead }
  | { readonly kind: "dropping"; readonly isFinal: boolean; left: number };

/** Takes messages out of a peer's bytes. */
export class WebSocketReader {
  readonly #options: WebSocketReaderOptions;
  readonly #base = new Uint8Array(BASE_BYTES);
  #memory: Uint8Array = this.#base;
  /** What was read and not taken out: [start, end) of the memory. */
  #start = 0;
  #end = 0;
  #position: Position = { kind: "head" };
  #message: Message | undefined;
  /** The longest frame that has come whole: another one of its length is believed. */
  #provenBytes = 0;

  constructor(options: WebSocketReaderOptions) {
    this.#options = options;
  }

  /** Whether something has begun that has not ended. */
  get isWithin(): boolean {
    return this.#start < this.#end || this.#message !== undefined || this.#position.kind !== "head";
  }

  /**
   * Memory that the frame under way needs now and does not have, in bytes; 0: none. To be given by
   * {@linkcode lend} before anything more is read. It grows as bytes come: to announce a long frame costs
   * its sender nothing.
   */
  get wantedBytes(): number {
    const held = this.#end - this.#start;
    if (this.#position.kind !== "payload" || held < this.#memory.length) return 0;
    const { headBytes, payloadBytes } = this.#position.frame;
    const needed = headBytes + payloadBytes + SPARE_BYTES;
    return Math.min(needed, Math.max(FIRST_BYTES, 2 * held, this.#provenBytes + SPARE_BYTES));
  }

  /** Memory for a message in several frames, besides that lent. */
  get asideBytes(): number {
    return this.#message?.aside.length ?? 0;
  }

  /** Whether it was lent memory. */
  get hasLoan(): boolean {
    return this.#memory !== this.#base;
  }

  /** Takes memory for long frames. @returns That it had before, which is no longer used. */
  lend(memory: Uint8Array): Uint8Array | undefined {
    const before = this.#memory;
    memory.set(before.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#memory = memory;
    return before === this.#base ? undefined : before;
  }

  /**
   * Gives back what it was lent, unless a frame is under way in it.
   *
   * @param isScarce Also when what there is of the frame fits elsewhere: it may never become more.
   */
  release({ isScarce = false } = {}): Uint8Array | undefined {
    const isNeeded = this.#position.kind === "payload" && !isScarce || this.#end - this.#start >= BASE_BYTES;
    return this.#memory === this.#base || isNeeded ? undefined : this.lend(this.#base);
  }

  /** Gives back what it was lent. Nothing more can be read. */
  end(): Uint8Array | undefined {
    this.#start = this.#end;
    this.#position = { kind: "head" };
    return this.release();
  }

  /** Where the next bytes are to be read to: at least one. */
  space(): Uint8Array {
    // What lies there is less than a frame, and moved but once.
    if (this.#start > 0) this.#memory.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    return this.#memory.subarray(this.#end);
  }

  /** So many bytes were read there. */
  filled(count: number): void {
    this.#end += count;
  }

  /**
   * Takes out what comes next.
   *
   * @returns `undefined`: more bytes are needed.
   * @throws {WebSocketError} The peer breaks the protocol. Nothing more can be read.
   */
  next(): Incoming | undefined {
    while (true) {
      const position = this.#position;
      switch (position.kind) {
        case "head":
          if (!this.#readHead()) return undefined;
          break;
        case "payload": {
          const { headBytes, payloadBytes } = position.frame;
          if (this.#end - this.#start < headBytes + payloadBytes) return undefined;
          const incoming = this.#readPayload(position.frame);
          if (incoming !== undefined) return incoming;
          break;
        }
        case "dropping": {
          const count = Math.min(position.left, this.#end - this.#start);
          this.#start += count;
          position.left -= count;
          if (position.left > 0) return undefined;
          this.#position = { kind: "head" };
          if (position.isFinal) return this.#endMessage();
        }
      }
    }
  }

  /** @returns Whether there was one. */
  #readHead(): boolean {
    const frame = decodeHead(this.#memory.subarray(this.#start, this.#end), this.#options.sender);
    if (frame === undefined) return false;
    const isKept = isControl(frame) || this.#begin(frame);
    if (isKept) this.#position = { kind: "payload", frame };
    else {
      this.#start += frame.headBytes;
      this.#position = { kind: "dropping", isFinal: frame.isFinal, left: frame.payloadBytes };
    }
    return true;
  }

  /** Counts a frame to its message. @returns Whether the message is short enough to be kept. */
  #begin({ opcode, payloadBytes }: FrameHead): boolean {
    const { maxMessageBytes, maxReadBytes } = this.#options;
    if ((opcode === OPCODE.continuation) !== (this.#message !== undefined)) {
      throw new WebSocketError(CLOSE.protocolError, "A message goes on that was not begun, or not ended");
    }
    const message = this.#message ??= {
      isText: opcode === OPCODE.text,
      length: 0,
      aside: NOTHING,
      asideLength: 0,
      isKept: true,
    };
    message.length += payloadBytes;
    if (message.length > maxReadBytes) {
      throw new WebSocketError(CLOSE.tooLong, `A message is longer than ${maxReadBytes} bytes`);
    }
    if (message.length > maxMessageBytes) {
      message.isKept = false;
      message.aside = NOTHING;
    }
    return message.isKept;
  }

  #readPayload(frame: FrameHead): Incoming | undefined {
    const at = this.#start + frame.headBytes;
    const payload = this.#memory.subarray(at, at + frame.payloadBytes);
    if (this.#options.sender === "client") {
      applyMask(payload, this.#memory.subarray(at - MASK_BYTES, at));
    }
    this.#start = at + frame.payloadBytes;
    this.#position = { kind: "head" };
    this.#provenBytes = Math.max(this.#provenBytes, frame.headBytes + frame.payloadBytes);
    if (isControl(frame)) return controlOf(frame, payload);
    const message = this.#message;
    if (message === undefined || frame.isFinal && message.asideLength === 0) return this.#endMessage(payload);
    putAside(message, payload);
    return frame.isFinal ? this.#endMessage(message.aside.subarray(0, message.asideLength)) : undefined;
  }

  #endMessage(bytes?: Uint8Array): Incoming {
    const { length = 0, isText = false } = this.#message ?? {};
    this.#message = undefined;
    if (bytes === undefined) return { type: "oversized", length };
    return isText ? { type: "text", text: decodeText(bytes) } : { type: "binary", bytes };
  }
}

function isControl({ opcode }: FrameHead): boolean {
  return opcode === OPCODE.close || opcode === OPCODE.ping || opcode === OPCODE.pong;
}

function controlOf({ opcode }: FrameHead, payload: Uint8Array): Incoming {
  if (opcode === OPCODE.close) return { type: "close", ...decodeClose(payload) };
  return { type: opcode === OPCODE.ping ? "ping" : "pong", payload };
}

function putAside(message: Message, payload: Uint8Array): void {
  const length = message.asideLength + payload.length;
  if (length > message.aside.length) {
    const longer = new Uint8Array(Math.max(length, 2 * message.aside.length));
    longer.set(message.aside.subarray(0, message.asideLength));
    message.aside = longer;
  }
  message.aside.set(payload, message.asideLength);
  message.asideLength = length;
}
