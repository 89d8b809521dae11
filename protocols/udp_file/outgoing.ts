import { type ByteRange, ByteRanges } from "../../store/byte_ranges.ts";
import type { ContentSource } from "./connection_options.ts";
import { ControlSending } from "./control_stream.ts";
import type { PacketHead } from "./packets.ts";

/** What of a file is still to be sent, or under way. */
interface OfferedFile {
  readonly file: number;
  /** Not sent yet, in order. The first one's beginning moves on. */
  readonly fresh: { from: number; readonly to: number }[];
  /** Sent, lost, and to be sent again. */
  readonly lost: ByteRanges;
  underWayPackets: number;
  /** Each byte counted once. */
  sentBytes: number;
}

/** How many files the source is asked for, one after the other, while it has nothing yet of those before. */
const MAX_ASKED = 8;

/**
 * Which bytes go into the next packet: the control stream first, then what has got lost of files, then what is
 * new of them, in the order in which they were offered, as far as the peer's credit goes.
 */
export class Outgoing {
  readonly control = new ControlSending();
  readonly #source: ContentSource | undefined;
  readonly #delivered: (file: number) => void;
  /** In the order of their offer. */
  readonly #files = new Map<number, OfferedFile>();
  /** Those with lost bytes. */
  readonly #lossy = new Set<OfferedFile>();
  /** Those whose bytes have not all been sent once. */
  readonly #fresh = new Set<OfferedFile>();
  #creditBytes: number;
  #sentBytes = 0;
  /** Whether the source had nothing of what is wanted. */
  #isWaiting = false;

  constructor(
    { source, creditBytes, delivered }: {
      readonly source: ContentSource | undefined;
      readonly creditBytes: number;
      readonly delivered: (file: number) => void;
    },
  ) {
    this.#source = source;
    this.#creditBytes = creditBytes;
    this.#delivered = delivered;
  }

  /** Whether there may be something to send now. */
  get hasMore(): boolean {
    if (this.control.hasMore) return true;
    return !this.#isWaiting &&
      (this.#lossy.size > 0 || (this.#fresh.size > 0 && this.#sentBytes < this.#creditBytes));
  }

  /** Whether bytes of files wait to be sent. */
  get hasContent(): boolean {
    return this.#lossy.size > 0 || this.#fresh.size > 0;
  }

  /** Whether only the peer's credit keeps bytes back. */
  get lacksCredit(): boolean {
    return this.#fresh.size > 0 && this.#lossy.size === 0 && this.#sentBytes >= this.#creditBytes;
  }

  /** The peer takes so many bytes in all. Never becomes less. */
  credit(bytes: number): void {
    this.#creditBytes = Math.max(this.#creditBytes, bytes);
  }

  /** The source may have what it did not have. */
  wake(): void {
    this.#isWaiting = false;
  }

  offer(file: number, ranges: readonly ByteRange[]): void {
    const fresh = ranges.filter(({ from, to }) => from < to).map(({ from, to }) => ({ from, to }));
    if (fresh.length === 0) return;
    const offered = { file, fresh, lost: new ByteRanges(), underWayPackets: 0, sentBytes: 0 };
    this.#files.set(file, offered);
    this.#fresh.add(offered);
    this.#isWaiting = false;
  }

  /** @returns How many bytes of it were sent, each counted once. */
  withdraw(file: number): number {
    const offered = this.#files.get(file);
    if (offered === undefined) return 0;
    this.#fresh.delete(offered);
    this.#lossy.delete(offered);
    this.#files.delete(file);
    return offered.sentBytes;
  }

  /**
   * Fills in the next bytes.
   *
   * @param head Gets file and offset.
   * @returns How many bytes; 0: nothing can be sent now.
   */
  fill(target: Uint8Array, head: PacketHead): number {
    if (this.control.hasMore) {
      head.file = 0;
      head.offset = this.control.nextOffset;
      return this.control.fill(target);
    }
    if (this.#source === undefined || !this.hasMore) return 0;
    // Before the source is asked: it may call `wake` while it answers.
    this.#isWaiting = true;
    const length = this.#fillLost(target, head, this.#source) || this.#fillFresh(target, head, this.#source);
    if (length > 0) this.#isWaiting = false;
    return length;
  }

  acked(file: number, offset: number, length: number): void {
    if (file === 0) return this.control.acked(offset, length);
    const offered = this.#files.get(file);
    if (offered === undefined) return;
    offered.underWayPackets--;
    this.#dropIfDelivered(offered);
  }

  lost(file: number, offset: number, length: number): void {
    if (file === 0) return this.control.lost(offset, length);
    const offered = this.#files.get(file);
    if (offered === undefined) return;
    offered.underWayPackets--;
    offered.lost.add({ from: offset, to: offset + length });
    this.#lossy.add(offered);
  }

  /** What was taken for lost has come. */
  arrivedLate(file: number, offset: number, length: number): void {
    if (file === 0) return this.control.acked(offset, length);
    const offered = this.#files.get(file);
    if (offered === undefined || offered.lost.bytes === 0) return;
    offered.lost.remove({ from: offset, to: offset + length });
    if (offered.lost.bytes === 0) this.#lossy.delete(offered);
    this.#dropIfDelivered(offered);
  }

  #dropIfDelivered(offered: OfferedFile): void {
    if (offered.underWayPackets > 0 || offered.fresh.length > 0 || offered.lost.bytes > 0) return;
    this.#files.delete(offered.file);
    this.#delivered(offered.file);
  }

  #fillLost(target: Uint8Array, head: PacketHead, source: ContentSource): number {
    let asked = 0;
    for (const offered of this.#lossy) {
      const { first } = offered.lost;
      if (first === undefined || asked++ === MAX_ASKED) break;
      const room = target.subarray(0, Math.min(target.length, first.to - first.from));
      const length = source.fill(offered.file, first.from, room);
      if (length === 0) continue;
      offered.lost.remove({ from: first.from, to: first.from + length });
      if (offered.lost.bytes === 0) this.#lossy.delete(offered);
      return this.#leaves(offered, first.from, head, length);
    }
    return 0;
  }

  #fillFresh(target: Uint8Array, head: PacketHead, source: ContentSource): number {
    const credit = this.#creditBytes - this.#sentBytes;
    let asked = 0;
    for (const offered of this.#fresh) {
      const [first] = offered.fresh;
      if (first === undefined || credit <= 0 || asked++ === MAX_ASKED) break;
      const offset = first.from;
      const room = target.subarray(0, Math.min(target.length, first.to - offset, credit));
      const length = source.fill(offered.file, offset, room);
      if (length === 0) continue;
      first.from += length;
      if (first.from === first.to) offered.fresh.shift();
      if (offered.fresh.length === 0) this.#fresh.delete(offered);
      offered.sentBytes += length;
      this.#sentBytes += length;
      return this.#leaves(offered, offset, head, length);
    }
    return 0;
  }

  #leaves(offered: OfferedFile, offset: number, head: PacketHead, length: number): number {
    head.file = offered.file;
    head.offset = offset;
    offered.underWayPackets++;
    return length;
  }
}
