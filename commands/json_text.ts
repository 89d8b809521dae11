/** JSON (RFC 8259) with the places of its parts, so that what is wrong with one can be pointed at. */

import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";

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

/** What is missing, by the parser's name of an error. */
const EXPECTED: Readonly<Record<string, string>> = {
  InvalidSymbol: "JSON",
  InvalidNumberFormat: "a number",
  PropertyNameExpected: "a key in double quotes",
  ValueExpected: "a value",
  ColonExpected: '":"',
  CommaExpected: '","',
  CloseBraceExpected: '"," or "}"',
  CloseBracketExpected: '"," or "]"',
  EndOfFileExpected: "the end",
  UnexpectedEndOfNumber: "a number",
  UnexpectedEndOfString: "a text that ends in its line",
  InvalidUnicode: "a text with escapes that JSON has",
  InvalidEscapeCharacter: "a text with escapes that JSON has",
  InvalidCharacter: "a text without control characters",
};

/** Reads a text. @throws {JsonProblem} It is no JSON. */
export function parsePlaced(text: string): PlacedValue {
  const errors: ParseError[] = [];
  const tree = treeOf(text, errors);
  const [error] = errors;
  if (error !== undefined) throw problemOf(text, error, errors);
  if (tree === undefined) throw new JsonProblem("expected a value", 0);
  return placedOf(text, tree);
}

/** Line and column of a place, both from 1; columns count characters. */
export function lineAndColumn(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: [...before.at(-1) ?? ""].length + 1 };
}

function placedOf(text: string, node: Node): PlacedValue {
  const { type, offset: at, length, children = [] } = node;
  const value: unknown = JSON.parse(text.slice(at, at + length));
  if (type !== "object") return { value, at };
  const members = children.flatMap(({ offset, children: [key, placed] = [] }) =>
    key === undefined || placed === undefined
      ? []
      : [{ key: String(key.value), at: offset, placed: placedOf(text, placed) }]
  );
  return { value, at, members };
}

/** The parser calls itself for each level. */
function treeOf(text: string, errors: ParseError[]): Node | undefined {
  try {
    return parseTree(text, errors, { disallowComments: true });
  } catch (error) {
    if (error instanceof RangeError) throw new JsonProblem("expected fewer levels", 0);
    throw error;
  }
}

function problemOf(
  text: string,
  { error, offset }: ParseError,
  [, next]: readonly ParseError[],
): JsonProblem {
  // A word that JSON does not have: what should be there the parser says of what comes then.
  const code = printParseErrorCode(error) === "InvalidSymbol" ? next?.error ?? error : error;
  const [found] = text.slice(offset);
  const got = found === undefined ? "the end" : JSON.stringify(found);
  return new JsonProblem(`expected ${EXPECTED[printParseErrorCode(code)] ?? "JSON"}, got ${got}`, offset);
}
