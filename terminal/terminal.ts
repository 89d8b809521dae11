import { isInForeground } from "./suspension.ts";

/** What a terminal has that does not tell its size. */
const USUAL = { columns: 80, rows: 24 };

/**
 * Whether lines on standard error can be drawn over: it is a terminal, ours, and one that moves its cursor.
 * Windows consoles do, as Deno switches their escape sequences on.
 */
export function canDraw(): boolean {
  return Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb" && isInForeground();
}

/** Whether somebody at a terminal may press keys that are meant for this program. */
export function hasKeyboard(): boolean {
  return Deno.stdin.isTerminal() && isInForeground();
}

/** The size of the terminal; 80 by 24 where it is not told (a serial line says 0 by 0). */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || USUAL.columns, rows: rows || USUAL.rows };
  } catch {
    return USUAL;
  }
}
