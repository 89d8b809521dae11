const CLEAR_TO_LINE_END = "\x1b[K";
const CLEAR_TO_SCREEN_END = "\x1b[J";
/** A line that is wider than it was taken for is cut off by the terminal; wrapped, it would be two. */
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/**
 * Lines at the end of a terminal's output that are drawn over, as text to write. Each frame is one text and
 * overwrites the one before it without clearing first, so that nothing flickers.
 */
export class LiveLines {
  /** How many lines the last frame left on the screen; the cursor is at the end of the last one. */
  #shown = 0;

  /** The text that replaces what was drawn last by other lines. */
  draw(lines: readonly string[]): string {
    if (lines.length === 0) return this.clear();
    const frame = lines.map((line) => `${line}${CLEAR_TO_LINE_END}`).join("\r\n");
    const rest = lines.length < this.#shown ? CLEAR_TO_SCREEN_END : "";
    const text = `${WRAP_OFF}${this.#toStart()}${frame}${rest}${WRAP_ON}`;
    this.#shown = lines.length;
    return text;
  }

  /** The text that takes away what was drawn last and leaves the cursor where its first line began. */
  clear(): string {
    const text = this.#shown === 0 ? "" : `${this.#toStart()}${CLEAR_TO_SCREEN_END}`;
    this.#shown = 0;
    return text;
  }

  #toStart(): string {
    return this.#shown > 1 ? `\r\x1b[${this.#shown - 1}A` : "\r";
  }
}
