import { formatBytes, formatDuration, formatRate } from "./format.ts";
import { printable } from "./printable.ts";

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

/**
 * One line of progress, at most `columns` characters wide: name, bar, share, bytes, speed, time left.
 * On a narrow terminal the name is cut first, then the bar is left out.
 */
export function progressLine(progress: Progress, columns: number): string {
  const name = printable(progress.name);
  const facts = progressFacts(progress);
  const roomForBar = columns - Math.min(name.length, 24) - facts.length - 6;
  const bar = roomForBar >= BAR_LEAST ? ` [${drawBar(progress, Math.min(BAR_MOST, roomForBar))}]` : "";
  const roomForName = columns - bar.length - facts.length - 2;
  if (roomForName < NAME_LEAST) return facts.slice(0, Math.max(0, columns - 1));
  return `${shorten(name, roomForName)}${bar} ${facts}`;
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

/** Cuts the middle out, as the end of a file name tells as much as its start. */
function shorten(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  const tail = Math.floor((length - 1) / 2);
  return [...characters.slice(0, length - 1 - tail), "…", ...characters.slice(characters.length - tail)].join(
    "",
  );
}
