import { formatBytes, formatDuration, formatRate } from "./format.ts";
import { printable } from "./printable.ts";
import { shorten, textWidth } from "./text_width.ts";

/** What a progress line is drawn from. */
export interface Progress {
  readonly name: string;
  /** Bytes transferred, and bytes in all. */
  readonly done: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  /** What stands instead of speed and time left, such as "paused". */
  readonly note?: string | undefined;
}

const BAR_MOST = 30;
const BAR_LEAST = 8;
const NAME_LEAST = 8;
/** A bar takes no room from the first so many columns of a name. */
const NAME_BEFORE_BAR = 24;
/** What the names of several lines are filled up to at most. */
const NAMES_MOST = 32;

/**
 * One line of progress, at most `columns` columns wide: name, bar, share, bytes, speed, time left.
 * On a narrow terminal the name is cut first, then the bar is left out.
 *
 * @param nameColumns What the name is filled up to, so that the bars of several lines stand in one column.
 */
export function progressLine(progress: Progress, columns: number, nameColumns = 0): string {
  const name = printable(progress.name);
  const facts = progressFacts(progress);
  const wanted = Math.max(Math.min(textWidth(name), NAME_BEFORE_BAR), nameColumns);
  const roomForBar = columns - wanted - facts.length - 6;
  const bar = roomForBar >= BAR_LEAST ? ` [${drawBar(progress, Math.min(BAR_MOST, roomForBar))}]` : "";
  const roomForName = columns - bar.length - facts.length - 2;
  if (roomForName < NAME_LEAST) return facts.slice(0, Math.max(0, columns - 1));
  const shown = shorten(name, roomForName);
  const filler = Math.max(0, Math.min(nameColumns, roomForName) - textWidth(shown));
  return `${shown}${" ".repeat(filler)}${bar} ${facts}`;
}

/** How far several transfers are together. */
export interface TotalProgress {
  /** Files that have ended, however they did, and files in all. */
  readonly filesEnded: number;
  readonly files: number;
  readonly failed: number;
  readonly done: number;
  readonly total: number;
  readonly bytesPerSecond: number;
  /** Whether `files` and `total` are known; until then they are what was found so far. */
  readonly isCounted: boolean;
  readonly note?: string | undefined;
}

/**
 * Several transfers as lines of at most `columns` columns: one each, and the last
 * for all together, which stays when there is no
 * room. A row of the terminal is left free, where it has two or more.
 */
export function progressLines(
  running: readonly Progress[],
  total: TotalProgress,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string[] {
  const shown = running.slice(0, Math.max(0, rows - 2));
  const widths = [...shown, totalAsProgress(total)].map(({ name }) => textWidth(printable(name)));
  const nameColumns = Math.min(NAMES_MOST, Math.floor(columns / 4), Math.max(...widths));
  return [
    ...shown.map((progress) => progressLine(progress, columns, nameColumns)),
    totalLine(total, { columns, nameColumns }),
  ];
}

/** What a line for all transfers together says, for where nothing can be drawn. */
export function totalFacts(total: TotalProgress): string {
  const progress = totalAsProgress(total);
  if (total.isCounted) return `${progress.name}: ${progressFacts(progress).trim()}`;
  const rate = total.bytesPerSecond > 0 ? `, ${formatRate(total.bytesPerSecond)}` : "";
  return `${progress.name}: ${formatBytes(total.done)}${rate}, ${total.note ?? "still counting"}`;
}

function totalLine(
  total: TotalProgress,
  { columns, nameColumns }: { readonly columns: number; readonly nameColumns: number },
): string {
  if (total.isCounted) return progressLine(totalAsProgress(total), columns, nameColumns);
  return totalFacts(total).slice(0, Math.max(0, columns - 1));
}

function totalAsProgress(total: TotalProgress): Progress {
  const { filesEnded, files, failed, isCounted } = total;
  const of = isCounted ? ` of ${files}` : "";
  return {
    ...total,
    name: `${filesEnded}${of} ${files === 1 ? "file" : "files"}${failed > 0 ? `, ${failed} failed` : ""}`,
  };
}

/** The figures of a progress line, for where nothing can be drawn: "42.0 % 420 MB of 1.00 GB …". */
export function progressFacts({ done, total, bytesPerSecond, note }: Progress): string {
  const share = total === 0 ? 100 : Math.floor(done / total * 1000) / 10;
  const amount = `${share.toFixed(1).padStart(5)} %  ${formatBytes(done)} of ${formatBytes(total)}`;
  if (note !== undefined) return `${amount}  ${note}`;
  if (bytesPerSecond <= 0) return amount;
  return `${amount}  ${formatRate(bytesPerSecond)}  ${formatDuration((total - done) / bytesPerSecond)} left`;
}

function drawBar({ done, total }: Progress, width: number): string {
  const filled = total === 0 ? width : Math.floor(done / total * width);
  return "#".repeat(filled).padEnd(width, "-");
}
