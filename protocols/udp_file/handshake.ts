/**
 * How a connection of XUDP/1 begins. HELLO and RETRY show the server that the client gets what is sent to its
 * address, before it keeps anything; OPEN and ACCEPT make the connection, and prove the token to both.
 *
 * | client | server |
 * |---|---|
 * | HELLO: `XUDP/1 <nonce>`, padded with spaces to 1000 bytes | RETRY: nonce, cookie |
 * | OPEN: nonce, cookie, proof, version, credit, flags, rate, round trip, first line, padded to 1000 bytes | ACCEPT: connection, credit, proof |
 *
 * An OPEN that is repeated gets the same ACCEPT. The server may answer an OPEN with CLOSE instead. All of
 * them carry the first four bytes of the nonce for a connection.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { COOKIE_BYTES } from "./cookie.ts";
import {
  CLOSE_CODE,
  getU32,
  PACKET,
  PACKET_HEADER_BYTES,
  PacketHead,
  putU32,
  sealPacket,
  writeClose,
} from "./packets.ts";

/** Bytes of a client's nonce. */
export const NONCE_BYTES = 16;
/** Bytes of HELLO and OPEN, so that answers are never longer than what was asked (RFC 9000 section 8.1). */
const ASKING_BYTES = 1000;
const PROOF_BYTES = 32;
const VERSION = 1;
const HELLO = "XUDP/1 ";
/** Where in OPEN the fields behind the proof are. */
const VERSION_AT = NONCE_BYTES + COOKIE_BYTES + PROOF_BYTES;
/** Flag of OPEN: the server is to send as TCP would. */
const CUBIC = 1;
/** Where the first line is, and how long it may be: the rest is zeros. */
const FIRST_LINE_AT = VERSION_AT + 20;
export const MAX_FIRST_LINE_BYTES = ASKING_BYTES - PACKET_HEADER_BYTES - FIRST_LINE_AT;
/** Unit of the rate in OPEN. */
const RATE_UNIT = 1000;

/** What a client sends to open a connection. */
export interface Open {
  readonly nonce: Uint8Array;
  readonly cookie: Uint8Array;
  /** {@linkcode clientProof}, or zeros. */
  readonly proof: Uint8Array;
  /** How many bytes of files it can take for a start. */
  readonly credit: number;
  /** How the server is to keep from overloading the path. */
  readonly congestion: "rate" | "cubic";
  /** What the server is to send at most, in bytes a second; `undefined`: no bound. It is sent in units of 1000. */
  readonly maxBytesPerSecond: number | undefined;
  /** From HELLO to RETRY, in microseconds; `undefined`: not known. The server has nothing else to time its first packets by. */
  readonly roundTripUs: number | undefined;
  /**
   * A control line that is taken as the first, so that its answer comes with ACCEPT; "": none. One of more than
   * {@linkcode MAX_FIRST_LINE_BYTES} is left out.
   */
  readonly firstLine: string;
}

/** What a server answers. */
export interface Accept {
  /** Random, not 0, not in use. */
  readonly connection: number;
  readonly credit: number;
  /** {@linkcode serverProof}, or zeros. */
  readonly proof: Uint8Array;
}

/** What of a connection's beginning both ends know. */
export interface Opened {
  readonly nonce: Uint8Array;
  readonly cookie: Uint8Array;
}

/** What a client sends first. A plain server takes it for the name of a file that it does not have. */
export function encodeHello(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode((HELLO + nonce.toHex()).padEnd(ASKING_BYTES));
}

/** The nonce of a HELLO; `undefined`: it is none. One that is too short would be answered with more. */
export function decodeHello(datagram: Uint8Array): Uint8Array | undefined {
  if (datagram.length !== ASKING_BYTES || datagram[0] !== HELLO.charCodeAt(0)) return undefined;
  const [, digits] = /^XUDP\/1 ([0-9a-f]{32}) +$/.exec(new TextDecoder().decode(datagram)) ?? [];
  return digits === undefined ? undefined : Uint8Array.fromHex(digits);
}

/** A whole RETRY. */
export function encodeRetry({ nonce, cookie }: Opened): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(PACKET_HEADER_BYTES + NONCE_BYTES + COOKIE_BYTES);
  packet.set(nonce, PACKET_HEADER_BYTES);
  packet.set(cookie, PACKET_HEADER_BYTES + NONCE_BYTES);
  return sealed(packet, PACKET.retry, nonce);
}

/** The cookie in a packet of type RETRY; `undefined`: it is not for this nonce. Shares its memory. */
export function decodeRetry(packet: Uint8Array, nonce: Uint8Array): Uint8Array | undefined {
  const payload = packet.subarray(PACKET_HEADER_BYTES);
  if (payload.length !== NONCE_BYTES + COOKIE_BYTES) return undefined;
  const isOurs = timingSafeEqual(payload.subarray(0, NONCE_BYTES), nonce);
  return isOurs ? payload.subarray(NONCE_BYTES) : undefined;
}

/** A whole OPEN. */
export function encodeOpen(open: Open): Uint8Array<ArrayBuffer> {
  const { nonce, cookie, proof, credit, congestion, maxBytesPerSecond = 0 } = open;
  const packet = new Uint8Array(ASKING_BYTES);
  let at = PACKET_HEADER_BYTES;
  for (const field of [nonce, cookie, proof]) {
    packet.set(field, at);
    at += field.length;
  }
  putU32(packet, at, VERSION);
  putU32(packet, at + 4, Math.min(credit, 0xffff_ffff));
  putU32(packet, at + 8, congestion === "cubic" ? CUBIC : 0);
  putU32(packet, at + 12, Math.min(Math.ceil(maxBytesPerSecond / RATE_UNIT), 0xffff_ffff));
  putU32(packet, at + 16, Math.min(Math.ceil(open.roundTripUs ?? 0), 0xffff_ffff));
  const line = new TextEncoder().encode(open.firstLine);
  if (line.length <= MAX_FIRST_LINE_BYTES) packet.set(line, PACKET_HEADER_BYTES + FIRST_LINE_AT);
  return sealed(packet, PACKET.open, nonce);
}

/** What a packet of type OPEN asks; `undefined`: it is none of this version. Shares its memory. */
export function decodeOpen(packet: Uint8Array): Open | undefined {
  const payload = packet.subarray(PACKET_HEADER_BYTES);
  if (packet.length !== ASKING_BYTES || getU32(payload, VERSION_AT) !== VERSION) return undefined;
  const cookieAt = NONCE_BYTES;
  const rate = getU32(payload, VERSION_AT + 12);
  const proofAt = cookieAt + COOKIE_BYTES;
  return {
    nonce: payload.subarray(0, cookieAt),
    cookie: payload.subarray(cookieAt, proofAt),
    proof: payload.subarray(proofAt, proofAt + PROOF_BYTES),
    credit: getU32(payload, VERSION_AT + 4),
    congestion: (getU32(payload, VERSION_AT + 8) & CUBIC) === 0 ? "rate" : "cubic",
    maxBytesPerSecond: rate === 0 ? undefined : rate * RATE_UNIT,
    roundTripUs: getU32(payload, VERSION_AT + 16) || undefined,
    firstLine: new TextDecoder().decode(payload.subarray(FIRST_LINE_AT)).replace(/\0+$/, ""),
  };
}

/** A whole ACCEPT. @param nonce The client's. */
export function encodeAccept(
  { connection, credit, proof }: Accept,
  nonce: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(PACKET_HEADER_BYTES + 8 + PROOF_BYTES);
  putU32(packet, PACKET_HEADER_BYTES, connection);
  putU32(packet, PACKET_HEADER_BYTES + 4, Math.min(credit, 0xffff_ffff));
  packet.set(proof, PACKET_HEADER_BYTES + 8);
  return sealed(packet, PACKET.accept, nonce);
}

/** What a packet of type ACCEPT says; `undefined`: it is none. Shares its memory. */
export function decodeAccept(packet: Uint8Array): Accept | undefined {
  const payload = packet.subarray(PACKET_HEADER_BYTES);
  if (payload.length !== 8 + PROOF_BYTES || getU32(payload, 0) === 0) return undefined;
  return { connection: getU32(payload, 0), credit: getU32(payload, 4), proof: payload.subarray(8) };
}

/** A whole CLOSE that answers an OPEN instead of an ACCEPT. @param nonce The client's. */
export function encodeRefusal(code: number, reason: string, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(ASKING_BYTES);
  const payloadBytes = writeClose(packet, code, reason);
  return sealed(packet.subarray(0, PACKET_HEADER_BYTES + payloadBytes), PACKET.close, nonce);
}

/** A whole CLOSE of a client that wants nothing of a connection that it was given. */
export function encodeLeave(connection: number): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(ASKING_BYTES);
  const head = new PacketHead();
  head.type = PACKET.close;
  head.connection = connection;
  return packet.subarray(0, sealPacket(packet, head, writeClose(packet, CLOSE_CODE.done, "")));
}

/** What stands for a connection before it has its number. @param nonce The client's. */
export function nonceTag(nonce: Uint8Array): number {
  return getU32(nonce, 0);
}

/** What a client shows in OPEN: HMAC-SHA-256 with the token as key. Zeros without a token. */
export function clientProof(token: string | undefined, { nonce, cookie }: Opened): Uint8Array {
  if (token === undefined) return new Uint8Array(PROOF_BYTES);
  return createHmac("sha256", token).update(nonce).update(cookie).digest();
}

/** What a server shows in ACCEPT: the fields the other way round, so that nobody can send back what it got. */
export function serverProof(token: string | undefined, { nonce, cookie }: Opened): Uint8Array {
  if (token === undefined) return new Uint8Array(PROOF_BYTES);
  return createHmac("sha256", token).update(cookie).update(nonce).digest();
}

/** Whether a peer's proof is the one that was expected. Compared in constant time. */
export function isProof(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function sealed(packet: Uint8Array<ArrayBuffer>, type: PacketHead["type"], nonce: Uint8Array) {
  const head = new PacketHead();
  head.type = type;
  head.connection = nonceTag(nonce);
  sealPacket(packet, head, packet.length - PACKET_HEADER_BYTES);
  return packet;
}
