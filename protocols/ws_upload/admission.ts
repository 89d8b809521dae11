/** What a directory of uploads has room for. */

import type { StartRefusal } from "./upload_metrics.ts";

/** The bounds of a directory. */
export interface AdmissionLimits {
  /** Largest file accepted, in bytes. */
  readonly maxFileBytes: number;
  /** Most bytes that the directory may hold. */
  readonly maxTotalBytes: number;
  /** Most uploads that connections may have open at a time. */
  readonly maxSessions: number;
}

/** Of an upload, what admission looks at. */
export interface AdmittedUpload {
  /** `undefined`: it belongs to no connection. */
  readonly owner: number | undefined;
  /** Bytes announced; `undefined`: not known before the end. */
  readonly fileSize: number | undefined;
  /** Bytes stored. */
  readonly length: number;
}

/** A start that was let in and is no session yet. Its bytes count until it is disposed of. */
export interface Reservation extends Disposable {
  readonly neededBytes: number;
}

/** Most uploads that are begun and not completed, in use or not. */
const MAX_UNFINISHED = 10_000;

/** Decides which uploads may start and go on, and counts what the directory holds. A core without I/O. */
export class Admission {
  /** What the directory holds, in bytes. */
  usedBytes = 0;
  readonly #limits: AdmissionLimits;
  readonly #uploads: () => Iterable<AdmittedUpload>;
  readonly #onRefused: (reason: StartRefusal) => void;
  readonly #reservations = new Set<Reservation>();

  constructor(
    limits: AdmissionLimits,
    hooks: {
      /** All that are not complete. */
      readonly uploads: () => Iterable<AdmittedUpload>;
      readonly onRefused: (reason: StartRefusal) => void;
    },
  ) {
    this.#limits = limits;
    this.#uploads = hooks.uploads;
    this.#onRefused = hooks.onRefused;
  }

  /** Uploads that belong to a connection. */
  get openSessions(): number {
    let count = 0;
    for (const { owner } of this.#uploads()) if (owner !== undefined) count++;
    return count;
  }

  /** Why another upload can't be open; `undefined`: it can. */
  refuseSession(): string | undefined {
    const { maxSessions } = this.#limits;
    if (this.openSessions + this.#reservations.size < maxSessions) return undefined;
    return this.#refuse("session_limit", `Too many uploads at a time: at most ${maxSessions}`);
  }

  /**
   * Why an upload can't start or go on; `undefined`: it can.
   *
   * @param upload `fileSize` as announced, `neededBytes` of it not there yet, `isNew` if nothing is.
   */
  refuseStart(
    upload: { readonly fileSize: number; readonly neededBytes: number; readonly isNew: boolean },
  ): string | undefined {
    const { maxFileBytes, maxTotalBytes } = this.#limits;
    if (upload.fileSize > maxFileBytes) {
      const error = `File is too large: ${upload.fileSize} bytes, at most ${maxFileBytes}`;
      return this.#refuse("file_size", error);
    }
    const isFull = this.refuseSession();
    if (isFull !== undefined) return isFull;
    if (upload.isNew && [...this.#uploads()].length >= MAX_UNFINISHED) {
      return this.#refuse("unfinished_limit", `Too many unfinished uploads: at most ${MAX_UNFINISHED}`);
    }
    if (this.usedBytes + this.#reservedBytes() + upload.neededBytes > maxTotalBytes) {
      return this.#refuse("total_size", directoryFull(maxTotalBytes));
    }
    return undefined;
  }

  /** Why a reserved upload can't be stored with so many bytes free on the disk; `undefined`: it can. */
  refuseSpace(neededBytes: number, freeBytes: number): string | undefined {
    const left = freeBytes - this.#reservedBytes() + neededBytes;
    if (neededBytes <= left) return undefined;
    return this.#refuse(
      "disk_space",
      `No space left: ${neededBytes} bytes needed, ${Math.max(0, left)} free`,
    );
  }

  /**
   * Why an upload can't grow by so many bytes; `undefined`: it can. What was announced was looked at in
   * {@linkcode refuseStart}; without a size the limits hold for each byte.
   */
  refuseGrowth({ fileSize, length }: AdmittedUpload, bytes: number): string | undefined {
    const { maxFileBytes, maxTotalBytes } = this.#limits;
    if (fileSize !== undefined) return undefined;
    if (length + bytes > maxFileBytes) return `File is too large: at most ${maxFileBytes} bytes`;
    if (this.usedBytes + this.#reservedBytes() + bytes > maxTotalBytes) return directoryFull(maxTotalBytes);
    return undefined;
  }

  /** Counts a start from now on, so that many at a time are not all let in before one is a session. */
  reserve(neededBytes: number): Reservation {
    const reservation = { neededBytes, [Symbol.dispose]: () => void this.#reservations.delete(reservation) };
    this.#reservations.add(reservation);
    return reservation;
  }

  /** What the uploads under way will still take. */
  #reservedBytes(): number {
    let bytes = 0;
    for (const { neededBytes } of this.#reservations) bytes += neededBytes;
    for (const { owner, fileSize = 0, length } of this.#uploads()) {
      if (owner !== undefined) bytes += Math.max(0, fileSize - length);
    }
    return bytes;
  }

  /** Counts a start that is refused. @returns What to answer. */
  #refuse(reason: StartRefusal, error: string): string {
    this.#onRefused(reason);
    return error;
  }
}

function directoryFull(maxTotalBytes: number): string {
  return `The server's directory is full: it may hold ${maxTotalBytes} bytes`;
}
