import { LiveLines } from "./live_lines.ts";
import { drawRaw, printNote } from "./output.ts";
import { aroundSuspension, canDraw, isInForeground } from "./suspension.ts";
import { terminalSize } from "./terminal.ts";

/** How often the lines of a terminal are drawn, and how often a line is written elsewhere. */
const DRAW_MS = 100;
const WRITE_MS = 10_000;

/** Progress as it is shown. */
export interface ProgressView {
  /** Lines for a terminal, none wider than `columns` and fewer than it has rows. */
  lines(size: { readonly columns: number; readonly rows: number }): readonly string[];
  /** One line for a log. */
  plain(): string;
}

/** Shows progress on standard error until it is disposed of, and takes it away then. */
export interface ProgressDisplay extends Disposable {
  /** Lets something be written where the progress stands, which moves below it. */
  above(write: () => void): void;
}

/**
 * Shows a view: on a terminal lines that are drawn again and again in their place, else (a pipe, a file,
 * TERM=dumb, the background of a shell) a plain line now and then, so that a log tells how far it got and is
 * not flooded.
 */
export function showProgress(view: ProgressView): ProgressDisplay {
  if (!canDraw()) {
    const timer = setInterval(() => printNote(view.plain()), WRITE_MS);
    return { above: (write) => write(), [Symbol.dispose]: () => clearInterval(timer) };
  }
  const live = new LiveLines();
  let isHidden = false;
  const draw = () => {
    if (isHidden) return;
    const { columns, rows } = terminalSize();
    // What is written into the last column is what clearing the rest of the line would take away.
    drawRaw(live.draw(view.lines({ columns: Math.max(1, columns - 1), rows })));
  };
  const hide = () => {
    isHidden = true;
    drawRaw(live.clear());
  };
  const timer = setInterval(draw, DRAW_MS);
  const suspension = aroundSuspension({ suspend: hide, resume: () => isHidden = !isInForeground() });
  // Also when the program is ended in the middle.
  globalThis.addEventListener("unload", hide);
  draw();
  return {
    above(write) {
      drawRaw(live.clear());
      write();
      draw();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      suspension[Symbol.dispose]();
      globalThis.removeEventListener("unload", hide);
      drawRaw(live.clear());
    },
  };
}

/** A display that shows nothing. */
export const NO_PROGRESS: ProgressDisplay = { above: (write) => write(), [Symbol.dispose]: () => {} };
