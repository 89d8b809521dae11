/**
 * Frames of the WebSocket protocol (RFC 6455 section 5.2): no extension, so that the reserved bits are zero,
 * and a mask on whatever comes from the client.
 */

/** An end of a connection. */
export type Role = "client" | "server";

/** What a frame carries. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;
export type Opcode = (typeof OPCODE)[keyof typeof OPCODE];

/** Codes of a closing handshake (RFC 6455 section 7.4.1). */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  noStatus: 1005,
  abnormal: 1006,
  invalidText: 1007,
  policy: 1008,
  tooLong: 1009,
  tryAgainLater: 1013,
} as const;

/** Longest payload of a control frame, in bytes. */
const MAX_CONTROL_BYTES = 125;
export const MASK_BYTES = 4;
/** The longest head of a frame: two bytes, a length of eight, and the mask. */
export const MAX_HEAD_BYTES = 2 + 8 + MASK_BYTES;
const NO_MASK = new Uint8Array(0);

/** The peer breaks the protocol: its connection is to be failed with this code. */
export class WebSocketError extends Error {
  override readonly name = "WebSocketError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A frame without its payload. */
export interface FrameHead {
  /** Whether its message ends with it. */
  readonly isFinal: boolean;
  readonly opcode: Opcode;
  /** Bytes before the payload, the mask included. */
  readonly headBytes: number;
  readonly payloadBytes: number;
}

/**
 * Reads the head of a frame. That of a client's ends with the mask.
 *
 * @returns `undefined` as long as there is not all of it.
 * @throws {WebSocketError} It is none.
 */
export function decodeHead(bytes: Uint8Array, sender: Role): FrameHead | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const opcode = opcodeOf(first & 0x0f);
  const isFinal = (first & 0x80) !== 0;
  const short = second & 0x7f;
  if ((first & 0x70) !== 0) throw new WebSocketError(CLOSE.protocolError, "Reserved bits are set");
  const isMasked = (second & 0x80) !== 0;
  if (isMasked !== (sender === "client")) {
    throw new WebSocketError(CLOSE.protocolError, "Only a client's frames have a mask, and all of them");
  }
  const isControl = (opcode & 0x8) !== 0;
  if (isControl && (!isFinal || short > MAX_CONTROL_BYTES)) {
    throw new WebSocketError(CLOSE.protocolError, "A control frame is in pieces or too long");
  }
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const headBytes = 2 + lengthBytes + (isMasked ? MASK_BYTES : 0);
  if (bytes.length < headBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, headBytes);
  const payloadBytes = lengthBytes === 0
    ? short
    : lengthBytes === 2
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  if (!Number.isSafeInteger(payloadBytes)) throw new WebSocketError(CLOSE.tooLong, "A frame is too long");
  return { isFinal, opcode, headBytes, payloadBytes };
}

/** The head of a frame that is a whole message, or a control frame; with a mask it is a client's. */
export function encodeHead(
  opcode: Opcode,
  payloadBytes: number,
  mask: Uint8Array = NO_MASK,
): Uint8Array<ArrayBuffer> {
  const lengthBytes = payloadBytes > 0xffff ? 8 : payloadBytes > MAX_CONTROL_BYTES ? 2 : 0;
  const head = new Uint8Array(2 + lengthBytes + mask.length);
  const view = new DataView(head.buffer);
  const short = lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : payloadBytes;
  view.setUint8(0, 0x80 | opcode);
  view.setUint8(1, (mask.length > 0 ? 0x80 : 0) | short);
  if (lengthBytes === 2) view.setUint16(2, payloadBytes);
  if (lengthBytes === 8) view.setBigUint64(2, BigInt(payloadBytes));
  head.set(mask, 2 + lengthBytes);
  return head;
}

/** The payload of a close frame; a reason is cut to what one may carry. */
export function encodeClose(code: number, reason: string): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(MAX_CONTROL_BYTES);
  new DataView(payload.buffer).setUint16(0, code);
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return payload.subarray(0, 2 + written);
}

/**
 * Reads the payload of a close frame: a code, {@linkcode CLOSE.noStatus} for none, and a reason.
 *
 * @throws {WebSocketError} It is none.
 */
export function decodeClose(payload: Uint8Array): { readonly code: number; readonly reason: string } {
  if (payload.length === 0) return { code: CLOSE.noStatus, reason: "" };
  const code = payload.length === 1 ? 0 : new DataView(payload.buffer, payload.byteOffset).getUint16(0);
  // Section 7.4.2, and the registry of codes: 1004 to 1006 and 1015 are never sent.
  const isKnown = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006) || code >= 3000 && code < 5000;
  if (!isKnown) throw new WebSocketError(CLOSE.protocolError, "A close frame has no valid code");
  return { code, reason: decodeText(payload.subarray(2)) };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of a message. @throws {WebSocketError} It is not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new WebSocketError(CLOSE.invalidText, "A text is not UTF-8");
    throw error;
  }
}

function opcodeOf(value: number): Opcode {
  switch (value) {
    case OPCODE.continuation:
    case OPCODE.text:
    case OPCODE.binary:
    case OPCODE.close:
    case OPCODE.ping:
    case OPCODE.pong:
      return value;
    default:
      throw new WebSocketError(CLOSE.protocolError, `Unknown opcode ${value}`);
  }
}
