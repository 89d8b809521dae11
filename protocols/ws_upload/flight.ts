/** What of a file is where, between its sender and a server. Also loaded by the page. Sizes are bytes. */

import { FlightWindow } from "./flight_window.ts";
import type { StartExtension } from "./server_messages.ts";

/** The slowest link that is still served, in bytes a millisecond: a chunk's deadline grows with it. */
export const SLOWEST_BYTES_PER_MS = 4;

/** What the sender and the server of the present connection have agreed upon. */
type Agreement =
  | { readonly kind: "plain" }
  | { readonly kind: "extended"; readonly ext: StartExtension; readonly window: FlightWindow };

/** What is acknowledged, under way and next. What is for the extension alone does nothing on a plain server. */
export class Flight {
  #agreement: Agreement = { kind: "plain" };
  #fileSize: number | undefined;
  #acknowledged = 0;
  #durable = 0;
  /** Extension: where the next read begins, and whether one is under way. */
  #next = 0;
  #isReading = false;
  /** Up to here the server's bytes are known to be this file's: they were checked, or sent from here. */
  #verified = 0;

  constructor(fileSize: number | undefined) {
    this.#fileSize = fileSize;
  }

  /** Bytes that the server says it has. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Bytes that, it says, a loss of power can't take; 0 on a plain server, which does not say. */
  get durable(): number {
    return this.#durable;
  }

  /** Bytes of the file, once that is known. */
  get fileSize(): number | undefined {
    return this.#fileSize;
  }

  /** Extension: bytes that were sent, or need not be. */
  get next(): number {
    return this.#next;
  }

  get verified(): number {
    return this.#verified;
  }

  get isPlain(): boolean {
    return this.#agreement.kind === "plain";
  }

  /** Extension: how long the oldest that is under way may take, in milliseconds; `undefined`: nothing is. */
  get patienceMs(): number | undefined {
    if (this.#agreement.kind === "plain" || this.#agreement.window.isEmpty) return undefined;
    // The server acknowledges what it has at least every 50 ms, so that a piece is all there is to wait for.
    return this.#agreement.window.chunkBytes / SLOWEST_BYTES_PER_MS;
  }

  /** The server knows no extension, and has so much. */
  agreePlain(offset: number): void {
    this.#agreement = { kind: "plain" };
    this.#acknowledged = offset;
  }

  /** The server knows the extension. */
  agree(ext: StartExtension, { maxWindowBytes }: { readonly maxWindowBytes: number }): void {
    const windowBytes = Math.max(Math.min(ext.windowBytes, maxWindowBytes), 1);
    const chunkBytes = Math.min(ext.chunkBytes, windowBytes);
    this.#agreement = { kind: "extended", ext, window: new FlightWindow({ windowBytes, chunkBytes }) };
    this.#durable = ext.durableOffset;
  }

  /** What the server has up to here is this file's. */
  verify(offset: number): void {
    this.#verified = offset;
  }

  /** The server has all up to here, and nothing is under way. */
  goOnAt(offset: number): void {
    this.#acknowledged = this.#next = offset;
  }

  /** The server wants this offset next: what is under way is lost. */
  rewind(offset: number): void {
    this.#acknowledged = offset;
    this.hold(offset);
  }

  /** Extension: nothing is under way any more, and sending goes on at the offset. */
  hold(offset: number): void {
    if (this.#agreement.kind === "plain") return;
    this.#agreement.window.lost();
    this.goOnAt(offset);
  }

  /** The server has stored all up to here, more than it had. */
  stored(offset: number, nowMs: number): void {
    this.#acknowledged = offset;
    // After a rewind an earlier frame may still have arrived.
    this.#next = Math.max(this.#next, offset);
    if (this.#agreement.kind === "extended") this.#agreement.window.acknowledged(offset, nowMs);
  }

  /** So much can't be lost any more. */
  synced(offset: number): void {
    this.#durable = Math.max(this.#durable, offset);
  }

  /** The server has the whole file. */
  isWhole(): void {
    this.#acknowledged = this.#fileSize ?? this.#acknowledged;
  }

  /** Extension: what to read next, if the window has room for it and nothing is being read. */
  read(): { readonly offset: number; readonly length: number } | undefined {
    if (this.#agreement.kind === "plain") return undefined;
    const { window } = this.#agreement;
    const length = Math.min(window.chunkBytes, (this.#fileSize ?? Infinity) - this.#next);
    const isRoom = this.#next + length - this.#acknowledged <= window.windowBytes;
    if (this.#isReading || length === 0 || !isRoom) return undefined;
    this.#isReading = true;
    return { offset: this.#next, length };
  }

  /** Extension: a read has ended. */
  readEnded(): void {
    this.#isReading = false;
  }

  /** Extension: the file ends here. */
  endsAt(offset: number): void {
    this.#fileSize = offset;
  }

  /** Extension: the next bytes go out. @returns The session that they belong to; `undefined`: there is none. */
  send(length: number, nowMs: number): number | undefined {
    if (this.#agreement.kind === "plain") return undefined;
    const { ext, window } = this.#agreement;
    const offset = this.#next;
    this.#next += length;
    this.#verified = Math.max(this.#verified, this.#next);
    window.sent({ offset, end: this.#next }, nowMs);
    return ext.session;
  }
}
