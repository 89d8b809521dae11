/** What a proxy's configuration consists of, before it means anything. */

/** Where something stands in a file, both counted from 1; columns are characters. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A mistake in a configuration, and where it is. */
export class ConfProblem extends Error {
  override readonly name = "ConfProblem";
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}

/** A word, quoted or not, or one of `{`, `}` and `;`. */
export interface Token extends Place {
  readonly kind: "word" | "{" | "}" | ";" | "end";
  /** Of a word, without its quotes. */
  readonly text: string;
}

/** Of a file; larger is no configuration. */
const CHARACTERS_MOST = 1_000_000;

const SPACE = /\s/;
const PUNCTUATION = ["{", "}", ";"] as const;
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Splits a configuration into its tokens; the last is its end. A `#` where a word could begin starts a comment
 * up to the end of its line; words in double or single quotes may hold anything but a line break, with `\` before
 * a quote or another `\`.
 *
 * @throws {ConfProblem} A quote is not closed, or there are control characters.
 */
export function tokenize(text: string): readonly Token[] {
  return new Tokenizer(text).tokens();
}

class Tokenizer {
  readonly #characters: readonly string[];
  #at = 0;
  #line = 1;
  #column = 1;

  constructor(text: string) {
    if (text.length > CHARACTERS_MOST) {
      throw new ConfProblem(`more than ${CHARACTERS_MOST} characters`, { line: 1, column: 1 });
    }
    // Editors of Windows begin files with a mark that nobody sees.
    this.#characters = [...text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n")];
  }

  tokens(): readonly Token[] {
    const tokens: Token[] = [];
    for (;;) {
      this.#skipBlank();
      const token = this.#next();
      tokens.push(token);
      if (token.kind === "end") return tokens;
    }
  }

  get #here(): string | undefined {
    return this.#characters[this.#at];
  }

  #place(): Place {
    return { line: this.#line, column: this.#column };
  }

  #advance(): void {
    if (this.#here === "\n") {
      this.#line++;
      this.#column = 0;
    }
    this.#column++;
    this.#at++;
  }

  #skipBlank(): void {
    let isComment = false;
    for (let here = this.#here; here !== undefined; here = this.#here) {
      if (here === "#") isComment = true;
      if (here === "\n") isComment = false;
      if (!isComment && !SPACE.test(here)) return;
      this.#advance();
    }
  }

  #next(): Token {
    const place = this.#place();
    const here = this.#here;
    if (here === undefined) return { kind: "end", text: "", ...place };
    for (const kind of PUNCTUATION) {
      if (here !== kind) continue;
      this.#advance();
      return { kind, text: kind, ...place };
    }
    const text = here === '"' || here === "'" ? this.#quoted(here, place) : this.#bare();
    if (CONTROL.test(text)) throw new ConfProblem("a control character", place);
    return { kind: "word", text, ...place };
  }

  #bare(): string {
    let text = "";
    for (let here = this.#here; here !== undefined; here = this.#here) {
      if (SPACE.test(here) || PUNCTUATION.some((each) => each === here)) break;
      text += here;
      this.#advance();
    }
    return text;
  }

  #quoted(quote: string, place: Place): string {
    let text = "";
    this.#advance();
    for (let here = this.#here; here !== quote; here = this.#here) {
      if (here === undefined || here === "\n") throw new ConfProblem(`a ${quote} that is not closed`, place);
      if (here === "\\") {
        const next = this.#characters[this.#at + 1];
        if (next === quote || next === "\\") this.#advance();
      }
      text += this.#here ?? "";
      this.#advance();
    }
    this.#advance();
    return text;
  }
}
