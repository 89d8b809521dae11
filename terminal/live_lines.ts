const CLEAR_TO_LINE_END = "\x1b[K";
const CLEAR_TO_SCREEN_END = "\x1b[J";
/** A line that is wider than it was taken for is cut off by the terminal; wrapped, it would be two. */
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/**
 * Lines at the end of a terminal's output that are drawn over, as text to write. Each frame is one text and
 * overwrites the one before it without clearing first, so that nothing flickers.
 *
 * Between frames the cursor stands where the first line begins. Terminals that become narrower wrap what is on
 * them, and keep the cursor at its character: so it is still there, however many rows the lines below it take.
 */
export class LiveLines {
  #isShown = false;

  /** The text that replaces what was drawn last by other lines. */
  draw(lines: readonly string[]): string {
    if (lines.length === 0) return this.clear();
    this.#isShown = true;
    const frame = lines.map((line) => `${line}${CLEAR_TO_LINE_END}`).join("\r\n");
    const back = lines.length > 1 ? `\r\x1b[${lines.length - 1}A` : "\r";
    return `${WRAP_OFF}\r${frame}${CLEAR_TO_SCREEN_END}${back}${WRAP_ON}`;
  }

  /** The text that takes away what was drawn last and leaves the cursor where its first line began. */
  clear(): string {
    const text = this.#isShown ? `\r${CLEAR_TO_SCREEN_END}` : "";
    this.#isShown = false;
    return text;
  }
}
