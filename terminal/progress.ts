import { formatBytes, formatDuration, formatRate } from "./format.ts";
import { printable } from "./printable.ts";
import { cutOff, padded, shorten, textWidth } from "./text_width.ts";

/** What a progress line is drawn from. */
export interface Progress {
  readonly name: string;
  /** Bytes transferred, and bytes in all; `undefined` when only the end will tell. */
  readonly done: number;
  readonly total: number | undefined;
  readonly bytesPerSecond: number;
  /** What stands instead of speed and time left, such as "paused". */
  readonly note?: string | undefined;
}

/** How many columns each part of a line has, the same for all lines of a frame; 0: it is left out. */
interface Layout {
  readonly name: number;
  readonly bar: number;
  readonly share: number;
  readonly amount: number;
  readonly rate: number;
  readonly left: number;
}

const BAR_MOST = 30;
const BAR_LEAST = 8;
const NAME_LEAST = 8;
/** A bar takes no room from the first so many columns of a name. */
const NAME_BEFORE_BAR = 24;
/** "100.0 %", "7.50 MB of 10.0 MB", "8.54 MB/s", "16m40s left": no wider, so that nothing moves. */
const WIDTHS = { share: 7, amount: 18, rate: 9, left: 11 };
const GAP = 2;
/** A space and two brackets. */
const BAR_FRAME = 3;
/** On fewer columns "12 of 340, 1 failed" says that it is files. */
const NARROW = 60;
/** What is left out first when there is no room. */
const LEFT_OUT = ["bar", "amount", "rate", "left", "name"] as const;

/**
 * Lines of progress, none wider than `columns` columns, their parts below each other: name, bar, share, bytes,
 * speed, time left. Figures have room for the widest of their kind, so that lines stand still. On a narrow
 * terminal names are cut first, then the bar is left out, then the bytes, the speed and the time left.
 */
export function progressTable(rows: readonly Progress[], columns: number): string[] {
  const layout = layoutOf(rows, columns);
  return rows.map((row) => drawRow(row, layout, columns));
}

function layoutOf(rows: readonly Progress[], columns: number): Layout {
  const wanted = Math.max(...rows.map(({ name }) => textWidth(printable(name))));
  const isMeasured = rows.some(({ total }) => total !== undefined);
  for (let most = 0; most < LEFT_OUT.length; most++) {
    const has = (part: typeof LEFT_OUT[number]) => LEFT_OUT.indexOf(part) >= most;
    const figures = {
      share: WIDTHS.share,
      amount: isMeasured && has("amount") ? WIDTHS.amount : 0,
      rate: has("rate") ? WIDTHS.rate : 0,
      left: isMeasured && has("left") ? WIDTHS.left : 0,
    };
    const shown = Object.values(figures).filter((width) => width > 0);
    const room = columns - shown.reduce((sum, width) => sum + GAP + width, 0);
    const withBar = room - BAR_FRAME;
    if (isMeasured && has("bar")) {
      if (withBar - Math.min(wanted, NAME_BEFORE_BAR) < BAR_LEAST) continue;
      const name = Math.min(wanted, Math.max(NAME_BEFORE_BAR, withBar - BAR_MOST));
      return { ...figures, name, bar: Math.min(BAR_MOST, withBar - name) };
    }
    if (room >= Math.min(wanted, NAME_LEAST)) return { ...figures, name: Math.min(wanted, room), bar: 0 };
  }
  return { name: 0, bar: 0, share: Math.min(columns, WIDTHS.share), amount: 0, rate: 0, left: 0 };
}

function drawRow(row: Progress, layout: Layout, columns: number): string {
  const { total, bytesPerSecond, note } = row;
  if (layout.name === 0) return shareText(row).padStart(layout.share).slice(-layout.share);
  if (note === undefined) {
    const rate = bytesPerSecond > 0 ? formatRate(bytesPerSecond) : "";
    const left = bytesPerSecond > 0 && total !== undefined ? timeLeft({ ...row, total }) : "";
    const tail = [[rate, layout.rate], [left, layout.left]] as const;
    return [head(row, layout), ...tail.flatMap(([text, width]) => width > 0 ? [text.padStart(width)] : [])]
      .join(" ".repeat(GAP)).trimEnd();
  }
  // A note is longer than the figures that it replaces: it takes the room of others before it is cut.
  const heads = [layout, { ...layout, amount: 0 }, { ...layout, amount: 0, bar: 0 }].map((each) =>
    head(row, each)
  );
  const fits = (text: string) => textWidth(text) + GAP + textWidth(note) <= columns;
  const before = heads.find(fits) ?? heads.at(-1) ?? "";
  return `${before}${" ".repeat(GAP)}${cutOff(printable(note), columns - textWidth(before) - GAP)}`
    .trimEnd();
}

/** A line up to the bytes. */
function head(row: Progress, { name, bar, share, amount }: Layout): string {
  const { done, total } = row;
  const shown = padded(shorten(printable(row.name), name), name);
  const drawn = total === undefined ? " ".repeat(bar + 2) : `[${drawBar({ done, total }, bar)}]`;
  const bytes = total === undefined ? "" : `${formatBytes(done).padStart(7)} of ${formatBytes(total)}`;
  return [
    bar === 0 ? shown : `${shown} ${drawn}`,
    shareText(row).padStart(share),
    ...(amount > 0 ? [bytes.padEnd(amount)] : []),
  ].join(" ".repeat(GAP));
}

/** Where the end is not known, what is there stands instead of the share of it. */
function shareText({ done, total }: Progress): string {
  return total === undefined ? formatBytes(done) : `${sharePercent({ done, total })} %`;
}

function timeLeft(
  { done, total, bytesPerSecond }: {
    readonly done: number;
    readonly total: number;
    readonly bytesPerSecond: number;
  },
): string {
  return `${formatDuration((total - done) / bytesPerSecond)} left`;
}

/** How far several transfers are together. */
export interface TotalProgress {
  /** Files that have ended, however they did, and files in all. */
  readonly filesEnded: number;
  readonly files: number;
  readonly failed: number;
  readonly done: number;
  /** `undefined` when sizes are found out one by one. */
  readonly total: number | undefined;
  readonly bytesPerSecond: number;
  /** Whether `files` and `total` are known; until then they are what was found so far. */
  readonly isCounted: boolean;
  readonly note?: string | undefined;
}

/**
 * Several transfers as lines of at most `columns` columns: one each, and the last for all together, which
 * stays when there is no room. A row of the terminal is left free, where it has two or more.
 */
export function progressLines(
  running: readonly Progress[],
  total: TotalProgress,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string[] {
  const shown = running.slice(0, Math.max(0, rows - 2));
  return progressTable([...shown, totalAsProgress(total, columns)], columns);
}

/** What a line for all transfers together says, for where nothing can be drawn. */
export function totalFacts(total: TotalProgress): string {
  const progress = totalAsProgress(total);
  if (total.isCounted) return `${progress.name}: ${progressFacts(progress)}`;
  const rate = total.bytesPerSecond > 0 ? `, ${formatRate(total.bytesPerSecond)}` : "";
  return `${progress.name}: ${formatBytes(total.done)}${rate}, ${total.note ?? "still counting"}`;
}

function totalAsProgress(total: TotalProgress, columns = Infinity): Progress {
  const { filesEnded, files, failed, isCounted } = total;
  const more = isCounted ? "" : "+";
  const word = columns < NARROW ? "" : ` ${files === 1 && isCounted ? "file" : "files"}`;
  return {
    ...total,
    total: isCounted ? total.total : undefined,
    name: `${filesEnded} of ${files}${more}${word}${failed > 0 ? `, ${failed} failed` : ""}`,
  };
}

/** The figures of a progress line, for where nothing can be drawn: "42.0 %  420 MB of 1.00 GB …". */
export function progressFacts({ done, total, bytesPerSecond, note }: Progress): string {
  if (total === undefined) return `${formatBytes(done)}  ${note ?? formatRate(bytesPerSecond)}`;
  const amount = `${sharePercent({ done, total })} %  ${formatBytes(done)} of ${formatBytes(total)}`;
  if (note !== undefined) return `${amount}  ${note}`;
  if (bytesPerSecond <= 0) return amount;
  return `${amount}  ${formatRate(bytesPerSecond)}  ${timeLeft({ done, total, bytesPerSecond })}`;
}

/** Rounded down, so that 100 is not shown before the last byte. */
function sharePercent({ done, total }: { readonly done: number; readonly total: number }): string {
  return (total === 0 ? 100 : Math.floor(done / total * 1000) / 10).toFixed(1);
}

function drawBar(
  { done, total }: { readonly done: number; readonly total: number },
  width: number,
): string {
  const filled = total === 0 ? width : Math.min(width, Math.floor(done / total * width));
  return "#".repeat(filled).padEnd(width, "-");
}
