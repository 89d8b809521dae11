import type { CatalogueEntry } from "../store/catalogue_entries.ts";
import { formatBytes } from "../terminal/format.ts";
import { printResult } from "../terminal/output.ts";
import { printable, printableJson } from "../terminal/printable.ts";
import { textWidth } from "../terminal/text_width.ts";
import type { EntryEvent } from "./event_schemas.ts";
import type { PlainListing } from "./file_service.ts";

/** A column is not wider for the sake of one long name. */
const NAME_MOST = 60;

/** Prints what a server offers: name, size, time. */
export function printList(
  entries: readonly (CatalogueEntry | PlainListing)[],
  { json }: { readonly json: boolean },
): void {
  if (json) {
    for (const entry of entries) printResult(printableJson(entryEvent(entry)));
    return;
  }
  const rows = entries.map(rowOf);
  const [nameWidth, sizeWidth] = [0, 1].map((column) => {
    return Math.min(NAME_MOST, rows.reduce((most, row) => Math.max(most, textWidth(row[column] ?? "")), 0));
  });
  for (const [name = "", size = "", time = ""] of rows) {
    const filler = " ".repeat(Math.max(0, (nameWidth ?? 0) - textWidth(name)));
    printResult(`${name}${filler}  ${size.padStart(sizeWidth ?? 0)}  ${time}`.trimEnd());
  }
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
