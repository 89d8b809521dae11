import { drawRaw, printNote } from "./output.ts";
import { type Progress, progressFacts, progressLine } from "./progress.ts";
import { printable } from "./printable.ts";

/** How often the line of a terminal is drawn, and how often a line is written elsewhere. */
const DRAW_MS = 100;
const WRITE_MS = 10_000;
const CLEAR_LINE = "\r\x1b[K";

/** Shows progress on standard error until it is disposed of. */
export interface ProgressDisplay extends Disposable {
  /** Lets something be written where the progress stands, which moves below it. */
  above(write: () => void): void;
}

/**
 * Shows what `read` gives: on a terminal one line that is drawn again and again, else a plain line now
 * and then, so that a log tells how far it got and is not flooded.
 */
export function showProgress(read: () => Progress): ProgressDisplay {
  if (!Deno.stderr.isTerminal()) {
    const timer = setInterval(() => {
      const progress = read();
      printNote(`${printable(progress.name)}: ${progressFacts(progress).trim()}`);
    }, WRITE_MS);
    return { above: (write) => write(), [Symbol.dispose]: () => clearInterval(timer) };
  }
  const draw = () => drawRaw(`${CLEAR_LINE}${progressLine(read(), Deno.consoleSize().columns)}`);
  const timer = setInterval(draw, DRAW_MS);
  draw();
  return {
    above(write) {
      drawRaw(CLEAR_LINE);
      write();
      draw();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      drawRaw(CLEAR_LINE);
    },
  };
}

/** A display that shows nothing. */
export const NO_PROGRESS: ProgressDisplay = { above: (write) => write(), [Symbol.dispose]: () => {} };
