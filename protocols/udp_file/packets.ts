/**
 * The packets of XUDP/1. Header, in network byte order: u8 0xD7, u8 type, u16 file, u32 connection, u32
 * number, u64 offset, u32 send time in microseconds (it wraps), u32 CRC-32 of all the rest; then the payload.
 *
 * Nothing here allocates for a packet but views of its bytes: heads and ACKs are read into objects that are
 * used again.
 */

import { crc32 } from "node:zlib";

/** First byte of every packet. */
const MAGIC = 0xd7;
/** Bytes before the payload. */
export const PACKET_HEADER_BYTES = 28;
/** Where the checksum is; the bytes before it and the payload are what it covers. */
const CRC_AT = 24;
/** What every path carries: the least size that packets are filled to (RFC 9000 section 14). */
export const BASE_DATAGRAM_BYTES = 1200;
/** Longest datagram over a network: Ethernet's 1500 bytes, less 20 for IPv4 and 8 for UDP. */
export const MAX_DATAGRAM_BYTES = 1472;
/** Longest datagram over loopback: four of them fill a receiving socket's buffer. */
export const MAX_LOOPBACK_DATAGRAM_BYTES = 49_152;

/** Types of packets. */
export const PACKET = {
  /** Server: proof that the client gets what is sent to its address. */
  retry: 1,
  /** Client: asks for a connection. */
  open: 2,
  /** Server: the connection is there. */
  accept: 3,
  /** Bytes of a file, or with file 0 of the control stream. Numbered, and acknowledged. */
  data: 4,
  /** What came so far. */
  ack: 5,
  /** Padding. Numbered, and acknowledged. */
  probe: 6,
  /** The connection is over: u16 code, reason in UTF-8. */
  close: 7,
} as const;
export type PacketType = typeof PACKET[keyof typeof PACKET];

/** What is before the payload. One object is read into again and again. */
export class PacketHead {
  type: PacketType = PACKET.probe;
  /** Whose bytes DATA carries; 0: the control stream's, and in all other types. */
  file = 0;
  /** Chosen by the server. Of RETRY, OPEN and ACCEPT: the first four bytes of the client's nonce. */
  connection = 0;
  /** From 1, never used again, each direction for itself. 0 of what is not acknowledged. */
  number = 0;
  /** Where in the file or stream the payload belongs. */
  offset = 0;
  /** Clock of the sender in microseconds, modulo 2^32. */
  sentUs = 0;
}

/** Most ranges of packet numbers in an ACK. */
export const MAX_ACK_RANGES = 32;
const ACK_FIELDS_BYTES = 25;
/** Longest ACK, header included. */
const MAX_ACK_BYTES = PACKET_HEADER_BYTES + ACK_FIELDS_BYTES + 8 * MAX_ACK_RANGES;

/** What an ACK tells. One object is read into again and again. */
export class Ack {
  /** Largest number that came. 0: none so far, and no ranges. */
  largest = 0;
  /** How long the sender of the ACK held that packet, in microseconds. */
  delayUs = 0;
  /** The send time that was in that packet. */
  echoedUs = 0;
  /** How many numbered packets came in all, without repetitions. */
  received = 0;
  /** How many bytes of files may be sent on this connection, from its beginning. */
  credit = 0;
  /** How many of `ranges` are used. */
  rangeCount = 0;
  /** Pairs of first and last number that came, newest first, none touching another. */
  readonly ranges: Uint32Array = new Uint32Array(2 * MAX_ACK_RANGES);
}

/** Why a connection is over, by the code in CLOSE. */
export const CLOSE_CODE = {
  done: 0,
  /** The peer broke the protocol. */
  violation: 1,
  /** No token, or not the right one. */
  notAuthenticated: 2,
  /** The server has no room for it. */
  tooMany: 3,
  /** The end that closes goes down. */
  leaving: 4,
  /** The end that closes could not go on. */
  failed: 5,
} as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const MAX_REASON_LENGTH = 200;

/**
 * Writes header and checksum around a payload that lies {@linkcode PACKET_HEADER_BYTES} into `target`.
 *
 * @param payloadBytes How long the payload is.
 * @returns Bytes of the packet.
 */
export function sealPacket(target: Uint8Array, head: PacketHead, payloadBytes: number): number {
  const end = PACKET_HEADER_BYTES + payloadBytes;
  target[0] = MAGIC;
  target[1] = head.type;
  target[2] = head.file >>> 8;
  target[3] = head.file;
  putU32(target, 4, head.connection);
  putU32(target, 8, head.number);
  putU64(target, 12, head.offset);
  putU32(target, 20, head.sentUs);
  putU32(target, CRC_AT, checksum(target, end));
  return end;
}

/**
 * Reads the header of a datagram; its payload follows {@linkcode PACKET_HEADER_BYTES} behind its beginning.
 *
 * @returns `false`: it is no packet, or was damaged on its way. `head` holds nothing of use then.
 */
export function readPacket(datagram: Uint8Array, head: PacketHead): boolean {
  if (datagram.length < PACKET_HEADER_BYTES || datagram[0] !== MAGIC) return false;
  const type = datagram[1] ?? 0;
  if (!isPacketType(type) || getU32(datagram, CRC_AT) !== checksum(datagram, datagram.length)) return false;
  head.type = type;
  head.file = ((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0);
  head.connection = getU32(datagram, 4);
  head.number = getU32(datagram, 8);
  head.offset = getU64(datagram, 12);
  head.sentUs = getU32(datagram, 20);
  return true;
}

/** Whether a datagram may be a packet, damaged or not. A text may begin with the same byte, as names in Hebrew do. */
export function mayBePacket(datagram: Uint8Array): boolean {
  // The rest of a character in UTF-8 is 0x80 to 0xbf, which no type is.
  const isText = ((datagram[1] ?? 0) & 0xc0) === 0x80;
  return datagram.length >= PACKET_HEADER_BYTES && datagram[0] === MAGIC && !isText;
}

/** A packet's send time: a clock in microseconds, modulo 2^32. */
export function wireTime(nowUs: number): number {
  return Math.floor(nowUs) % 2 ** 32;
}

/**
 * Writes an ACK's payload where it belongs in a packet, with as many ranges as fit into `maxBytes` of packet.
 *
 * @returns Bytes of the payload.
 */
export function writeAck(target: Uint8Array, ack: Ack, maxBytes = MAX_ACK_BYTES): number {
  const room = Math.floor((maxBytes - PACKET_HEADER_BYTES - ACK_FIELDS_BYTES) / 8);
  const count = Math.min(ack.rangeCount, MAX_ACK_RANGES, room);
  let at = PACKET_HEADER_BYTES;
  putU32(target, at, ack.largest);
  putU32(target, at + 4, Math.min(ack.delayUs, 0xffff_ffff));
  putU32(target, at + 8, ack.echoedUs);
  putU32(target, at + 12, ack.received);
  putU64(target, at + 16, ack.credit);
  target[at + 24] = count;
  at += ACK_FIELDS_BYTES;
  for (let i = 0; i < 2 * count; i++, at += 4) putU32(target, at, ack.ranges[i] ?? 0);
  return at - PACKET_HEADER_BYTES;
}

/**
 * Reads an ACK out of a packet. Whether its numbers were ever sent is for the caller to check.
 *
 * @returns `false`: its length does not fit, or its ranges are not in order; `ack` holds nothing of use then.
 */
export function readAck(packet: Uint8Array, ack: Ack): boolean {
  const from = PACKET_HEADER_BYTES;
  const count = packet[from + 24] ?? 0;
  if (count > MAX_ACK_RANGES || packet.length !== from + ACK_FIELDS_BYTES + 8 * count) return false;
  ack.largest = getU32(packet, from);
  ack.delayUs = getU32(packet, from + 4);
  ack.echoedUs = getU32(packet, from + 8);
  ack.received = getU32(packet, from + 12);
  ack.credit = getU64(packet, from + 16);
  ack.rangeCount = count;
  // Each ends at least two before the one that was read before it: between them is one that did not come.
  let below = 2 ** 32 + 1;
  for (let i = 0; i < count; i++) {
    const first = getU32(packet, from + ACK_FIELDS_BYTES + 8 * i);
    const last = getU32(packet, from + ACK_FIELDS_BYTES + 8 * i + 4);
    if (first === 0 || first > last || last > below - 2) return false;
    ack.ranges[2 * i] = first;
    ack.ranges[2 * i + 1] = last;
    below = first;
  }
  return ack.largest === (count === 0 ? 0 : ack.ranges[1]);
}

/** Writes a CLOSE's payload where it belongs in a packet. The reason is cut. @returns Bytes of the payload. */
export function writeClose(target: Uint8Array, code: number, reason: string): number {
  target[PACKET_HEADER_BYTES] = code >>> 8;
  target[PACKET_HEADER_BYTES + 1] = code;
  const text = reason.slice(0, MAX_REASON_LENGTH);
  return 2 + encoder.encodeInto(text, target.subarray(PACKET_HEADER_BYTES + 2)).written;
}

/** Reads a CLOSE. The reason is a peer's: to be escaped before it is shown. `undefined`: it is none. */
export function readClose(
  packet: Uint8Array,
): { readonly code: number; readonly reason: string } | undefined {
  if (packet.length < PACKET_HEADER_BYTES + 2) return undefined;
  const code = ((packet[PACKET_HEADER_BYTES] ?? 0) << 8) | (packet[PACKET_HEADER_BYTES + 1] ?? 0);
  const reason = decoder.decode(packet.subarray(PACKET_HEADER_BYTES + 2)).slice(0, MAX_REASON_LENGTH);
  return { code, reason };
}

function checksum(packet: Uint8Array, end: number): number {
  return crc32(packet.subarray(PACKET_HEADER_BYTES, end), crc32(packet.subarray(0, CRC_AT)));
}

function isPacketType(type: number): type is PacketType {
  return type >= PACKET.retry && type <= PACKET.close;
}

/** Writes a number in network byte order. */
export function putU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

/** Reads a number in network byte order. */
export function getU32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)) >>> 0;
}

function putU64(target: Uint8Array, at: number, value: number): void {
  putU32(target, at, Math.floor(value / 2 ** 32));
  putU32(target, at + 4, value >>> 0);
}

/** Beyond 2^53 - 1 it is not exact, but still beyond every file. */
function getU64(bytes: Uint8Array, at: number): number {
  return getU32(bytes, at) * 2 ** 32 + getU32(bytes, at + 4);
}
