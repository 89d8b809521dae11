import { crc32 } from "node:zlib";
import { type Disk, readText } from "./disk.ts";

/**
 * An append-only file of JSON records, one a line, each behind the CRC-32 of its text in hexadecimal:
 *
 * ```text
 * 9f1c3a02 {"type":"open",…}
 * ```
 *
 * A record torn by a crash fails its CRC; it and what follows it are dropped when the journal is read.
 */
export function encodeRecord(record: unknown): string {
  const text = JSON.stringify(record);
  return `${checksum(text)} ${text}\n`;
}

/** The records of a journal's text up to the first that is torn or damaged. */
export function decodeRecords(journal: string): unknown[] {
  const records: unknown[] = [];
  // What follows the last line feed was never finished.
  for (const line of journal.split("\n").slice(0, -1)) {
    const text = line.slice(9);
    if (line.slice(0, 9) !== `${checksum(text)} `) break;
    records.push(JSON.parse(text));
  }
  return records;
}

/** A journal on disk. It holds no open file. */
export class Journal {
  readonly path: string;
  readonly #disk: Disk;
  #length: number;
  #appending: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, path: string, length: number) {
    this.#disk = disk;
    this.path = path;
    this.#length = length;
  }

  /** Starts a journal. Its name is durable once the caller has synced the directory. */
  static async create(disk: Disk, path: string, first: unknown): Promise<Journal> {
    (await disk.create(path)).close();
    const journal = new Journal(disk, path, 0);
    await journal.append(first);
    return journal;
  }

  /** Opens a journal and reads its records; what is appended next overwrites a torn one. */
  static async open(
    disk: Disk,
    path: string,
  ): Promise<{ readonly journal: Journal; readonly records: readonly unknown[] }> {
    const records = decodeRecords(await readText(disk, path));
    const length = new TextEncoder().encode(records.map(encodeRecord).join("")).length;
    return { journal: new Journal(disk, path, length), records };
  }

  /** Makes durable what was read, which whoever wrote it may not have lived to do. */
  async sync(): Promise<void> {
    const file = await this.#disk.open(this.path);
    try {
      await file.sync();
    } finally {
      file.close();
    }
  }

  /** Appends records and waits until they are on disk. When it fails, they count as never written. */
  append(...records: readonly unknown[]): Promise<void> {
    const appended = this.#appending.then(() => this.#append(records));
    this.#appending = appended.catch(() => {});
    return appended;
  }

  async #append(records: readonly unknown[]): Promise<void> {
    const bytes = new TextEncoder().encode(records.map(encodeRecord).join(""));
    const file = await this.#disk.open(this.path);
    try {
      await file.truncate(this.#length);
      await file.writeAt(bytes, this.#length);
      await file.sync();
    } finally {
      file.close();
    }
    this.#length += bytes.length;
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
