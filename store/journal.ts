import { crc32 } from "node:zlib";

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

/**
 * Reads a journal and cuts off what {@linkcode decodeRecords} drops, so that what is appended later
 * is not lost behind it.
 */
export async function readJournal(path: string): Promise<unknown[]> {
  const text = await Deno.readTextFile(path);
  const records = decodeRecords(text);
  const whole = records.map(encodeRecord).join("");
  if (whole !== text) await Deno.truncate(path, new TextEncoder().encode(whole).length);
  return records;
}

/** Appends a record and waits until it is on disk. The file is made when it is not there. */
export async function appendRecord(path: string, record: unknown): Promise<void> {
  using file = await Deno.open(path, { append: true, create: true });
  const line = new TextEncoder().encode(encodeRecord(record));
  // One write: a second one could be torn from the first by a crash.
  const written = await file.write(line);
  if (written < line.length) throw new Deno.errors.WriteZero(`Journal ${path}: record cut short`);
  await file.syncData();
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
