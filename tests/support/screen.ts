/** The screen of a terminal, as far as this program makes use of one. Characters are one column wide. */
export class Screen {
  #columns: number;
  readonly #rows: number;
  /** Lines that went out at the top, and those on the screen. */
  readonly #gone: string[] = [];
  #lines: string[] = [""];
  #row = 0;
  #column = 0;
  #wraps = true;

  constructor({ columns, rows }: { readonly columns: number; readonly rows: number }) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** All that can be seen by scrolling back, without spaces at the ends of lines. */
  get text(): string {
    return [...this.#gone, ...this.#lines].map((line) => line.trimEnd()).join("\n");
  }

  /**
   * Makes it wider or narrower. Lines that are too long then are wrapped, as most terminals do, or cut off, as
   * others do; the cursor stays at its character. Lines that were wrapped are not joined again.
   */
  resize(columns: number, { wraps }: { readonly wraps: boolean }): void {
    this.#columns = columns;
    const before = this.#lines;
    const [row, column] = [this.#row, this.#column];
    this.#lines = [];
    for (const [index, line] of before.entries()) {
      const kept = wraps ? line.trimEnd() : line.slice(0, columns);
      const own = [...kept.matchAll(new RegExp(`.{1,${columns}}`, "gu"))].map(([part]) => part);
      if (index === row) {
        this.#row = this.#lines.length + (wraps ? Math.floor(column / columns) : 0);
        this.#column = wraps ? column % columns : Math.min(column, columns);
      }
      this.#lines.push(...own.length === 0 ? [""] : own);
    }
    while (this.#lines.length <= this.#row) this.#lines.push("");
    this.#scroll();
  }

  /** Takes what a program writes. A plain line feed also returns, as terminals are set to by default. */
  write(text: string): void {
    // deno-lint-ignore no-control-regex
    for (const [token] of text.matchAll(/\x1b\[\??\d*[a-zA-Z]|[^]/gu)) this.#take(token);
  }

  #take(token: string): void {
    if (token === "\r") this.#column = 0;
    else if (token === "\n") this.#feed();
    else if (token === "\x1b[K") this.#cut();
    else if (token === "\x1b[J" || token === "\x1b[0J") {
      this.#cut();
      this.#lines.length = this.#row + 1;
    } else if (token === "\x1b[?7l" || token === "\x1b[?7h") this.#wraps = token.endsWith("h");
    else if (token.startsWith("\x1b[") && token.endsWith("A")) {
      this.#row = Math.max(0, this.#row - Number(token.slice(2, -1)));
    } else if (token.startsWith("\x1b[") && token.endsWith("G")) {
      this.#column = Number(token.slice(2, -1)) - 1;
    } else if (token.startsWith("\x1b")) throw new Error(`Unknown sequence ${JSON.stringify(token)}`);
    else this.#put(token);
  }

  #put(character: string): void {
    if (this.#column === this.#columns) {
      if (this.#wraps) this.#feed();
      else this.#column--;
    }
    const line = [...(this.#lines[this.#row] ?? "").padEnd(this.#column)];
    line[this.#column++] = character;
    this.#lines[this.#row] = line.join("");
  }

  #cut(): void {
    // Behind the last column the cursor is still on it.
    const column = Math.min(this.#column, this.#columns - 1);
    this.#lines[this.#row] = [...this.#lines[this.#row] ?? ""].slice(0, column).join("");
  }

  #feed(): void {
    this.#column = 0;
    if (++this.#row === this.#lines.length) this.#lines.push("");
    this.#scroll();
  }

  #scroll(): void {
    while (this.#lines.length > this.#rows) {
      this.#gone.push(this.#lines.shift() ?? "");
      this.#row--;
    }
  }
}
