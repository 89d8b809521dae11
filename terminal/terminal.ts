/** What a terminal has that does not tell its size. */
const USUAL = { columns: 80, rows: 24 };

/**
 * Whether the terminal of standard error moves its cursor, if it is one. Windows consoles do, as Deno switches
 * their escape sequences on. Where the environment may not be read, it is taken for granted.
 */
export function movesCursor(): boolean {
  if (!Deno.stderr.isTerminal()) return false;
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state !== "granted" || Deno.env.get("TERM") !== "dumb";
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

/** Lines that are longer are hard to read, however wide the terminal is. */
const READABLE_COLUMNS = 100;

/** How wide a text on standard output should be: as the terminal, or 80 columns elsewhere. */
export function textColumns(): number {
  return Deno.stdout.isTerminal() ? Math.min(READABLE_COLUMNS, terminalSize().columns) : USUAL.columns;
}
