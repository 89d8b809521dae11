import type { CatalogueEntry } from "../store/catalogue_entries.ts";
import { formatBytes } from "../terminal/format.ts";
import { printResult } from "../terminal/output.ts";
import { printable, printableJson } from "../terminal/printable.ts";
import { terminalSize } from "../terminal/terminal.ts";
import { padded, textWidth } from "../terminal/text_width.ts";
import type { EntryEvent } from "./event_schemas.ts";
import type { PlainListing } from "./file_service.ts";

/** A column is not wider for the sake of one long name. */
const NAME_MOST = 60;
/** Times are not shown where they leave names less. */
const NAME_LEAST = 16;
const GAP = 2;

/** Prints what a server offers: name, size, time. */
export function printList(
  entries: readonly (CatalogueEntry | PlainListing)[],
  { json }: { readonly json: boolean },
): void {
  if (json) {
    for (const entry of entries) printResult(printableJson(entryEvent(entry)));
    return;
  }
  const columns = Deno.stdout.isTerminal() ? terminalSize().columns : Infinity;
  for (const line of listLines(entries, columns)) printResult(line);
}

/**
 * Names, sizes and times below each other, in lines of at most so many columns. A name that is too long for
 * that has a line of its own, and so that others have room, times are left out on a narrow terminal.
 */
export function listLines(entries: readonly (CatalogueEntry | PlainListing)[], columns: number): string[] {
  const rows = entries.map(rowOf);
  const widthOf = (column: number) =>
    rows.reduce((most, row) => Math.max(most, textWidth(row[column] ?? "")), 0);
  const [sizeWidth, timeWidth] = [widthOf(1), widthOf(2)];
  const room = columns - GAP - sizeWidth;
  const hasTimes = room - GAP - timeWidth >= NAME_LEAST;
  const nameRoom = hasTimes ? room - GAP - timeWidth : room;
  const nameWidth = Math.max(0, Math.min(NAME_MOST, nameRoom, widthOf(0)));
  return rows.flatMap(([name = "", size = "", time = ""]) => {
    const parts = [size.padStart(sizeWidth), ...hasTimes ? [time] : []];
    const isApart = textWidth(name) > nameRoom;
    const line = [padded(isApart ? "" : name, nameWidth), ...parts].join(" ".repeat(GAP)).trimEnd();
    return isApart ? [name, ...line === "" ? [] : [line]] : [line];
  });
}

function entryEvent(entry: CatalogueEntry | PlainListing): EntryEvent {
  if (!("path" in entry)) return { event: "entry", file: entry.name, type: "file", size: entry.size };
  const { path, type, size, mtimeMs } = entry;
  const time = timeOf(mtimeMs)?.toISOString();
  return {
    event: "entry",
    file: path,
    type,
    ...(type === "file" ? { bytes: size } : {}),
    ...(time === undefined ? {} : { time }),
  };
}

/** The time is this machine's, in the form of ISO 8601, which is Sweden's too. */
function rowOf(entry: CatalogueEntry | PlainListing): readonly string[] {
  if (!("path" in entry)) return [printable(entry.name), entry.size];
  const { path, type, size, mtimeMs } = entry;
  const time = timeOf(mtimeMs)?.toLocaleString("sv-SE").slice(0, 16) ?? "";
  return type === "directory"
    ? [`${printable(path)}/`, "", time]
    : [printable(path), formatBytes(size), time];
}

/** A peer may send a time that no calendar has. */
function timeOf(mtimeMs: number): Date | undefined {
  const time = new Date(mtimeMs);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
