/** JSON (RFC 8259) with the places of its parts, so that what is wrong with one can be pointed at. */

/** A value, and where it begins in the text. */
export interface PlacedValue {
  /** What `JSON.parse` makes of it. */
  readonly value: unknown;
  readonly at: number;
  /** Of an object, in their order; a key may be there twice. */
  readonly members?: readonly PlacedMember[];
}

/** A member of an object; `at` is where its key begins. */
export interface PlacedMember {
  readonly key: string;
  readonly at: number;
  readonly placed: PlacedValue;
}

/** The text is no JSON. */
export class JsonProblem extends Error {
  override readonly name = "JsonProblem";
  /** Where it ceases to be. */
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Deeper nesting is refused, as the reader calls itself for each level. */
const DEEPEST = 32;
const SPACE = /[ \t\n\r]*/y;
const SCALAR = /"(?:[^"\\]|\\.)*"|[^\s"{}[\]:,]+/ys;

/** Reads a text. @throws {JsonProblem} It is no JSON. */
export function parsePlaced(text: string): PlacedValue {
  const reader = new Reader(text);
  const placed = reader.value(0);
  reader.skipSpace();
  if (reader.at < text.length) throw reader.problem("the end");
  return placed;
}

/** Line and column of a place, both from 1; columns count characters. */
export function lineAndColumn(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: [...before.at(-1) ?? ""].length + 1 };
}

class Reader {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): PlacedValue {
    this.skipSpace();
    const { at } = this;
    if (depth > DEEPEST) throw this.problem("fewer levels");
    const next = this.#text[at];
    if (next === "{") {
      const members = this.#object(depth);
      return {
        value: Object.fromEntries(members.map(({ key, placed }) => [key, placed.value])),
        at,
        members,
      };
    }
    if (next === "[") return { value: this.#items("]", () => this.value(depth + 1).value), at };
    return { value: this.#scalar("a value"), at };
  }

  skipSpace(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.#text);
    this.at = SPACE.lastIndex;
  }

  problem(expected: string): JsonProblem {
    const found = this.#text[this.at];
    const got = found === undefined ? "the end" : JSON.stringify(found);
    return new JsonProblem(`expected ${expected}, got ${got}`, this.at);
  }

  #object(depth: number): PlacedMember[] {
    return this.#items("}", () => {
      this.skipSpace();
      const { at } = this;
      if (this.#text[at] !== '"') throw this.problem("a key in double quotes");
      const key = String(this.#scalar("a key"));
      this.skipSpace();
      if (this.#text[this.at] !== ":") throw this.problem('":"');
      this.at++;
      return { key, at, placed: this.value(depth + 1) };
    });
  }

  /** What is between a bracket and its end, separated by commas. */
  #items<T>(end: "}" | "]", read: () => T): T[] {
    this.at++;
    this.skipSpace();
    const items: T[] = [];
    if (this.#text[this.at] !== end) {
      items.push(read());
      this.skipSpace();
      while (this.#text[this.at] === ",") {
        this.at++;
        items.push(read());
        this.skipSpace();
      }
      if (this.#text[this.at] !== end) throw this.problem(`"," or "${end}"`);
    }
    this.at++;
    return items;
  }

  #scalar(expected: string): unknown {
    SCALAR.lastIndex = this.at;
    const token = SCALAR.exec(this.#text)?.[0];
    if (token === undefined) throw this.problem(expected);
    try {
      const value: unknown = JSON.parse(token);
      this.at += token.length;
      return value;
    } catch {
      throw new JsonProblem(`expected ${expected}, got ${token}`, this.at);
    }
  }
}
