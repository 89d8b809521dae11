import { printable } from "../terminal/printable.ts";
import { UsageError } from "./exit_code.ts";

/** A mistake more is forgiven for each so many characters of a word, or of what was meant, if that is longer. */
const LETTERS_PER_MISTAKE = 3;

/**
 * What a mistyped word was probably meant to be: the name that takes the fewest insertions, deletions,
 * replacements and swaps of neighbours, if they are few for its length; else the only one that begins with it.
 */
export function suggestion(word: string, names: readonly string[]): string | undefined {
  const ranked = names.map((name) => ({ name, mistakes: distance(word, name) }))
    .toSorted((a, b) => a.mistakes - b.mistakes);
  const [best] = ranked;
  if (best !== undefined && best.mistakes <= forgiven(word, best.name)) return best.name;
  const longer = names.filter((name) => word !== "" && name.startsWith(word));
  return longer.length === 1 ? longer[0] : undefined;
}

/** Says that a flag is unknown, and which of those that there are was probably meant; names without dashes. */
export function unknownFlag(arg: string, names: readonly string[]): UsageError {
  const [, word = ""] = /^-+([^=]*)/.exec(arg) ?? [];
  const meant = suggestion(word, names);
  return new UsageError(
    `Unknown flag: ${printable(arg)}` + (meant === undefined ? "" : `; did you mean --${meant}?`),
  );
}

function forgiven(word: string, name: string): number {
  const letters = Math.max(word.length, name.length);
  // Of a word of two letters not both.
  return Math.min(word.length - 1, Math.max(1, Math.floor(letters / LETTERS_PER_MISTAKE)));
}

/** The optimal string alignment distance (Damerau 1964, each place edited once at most). */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row.push(Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (before[j - 2] ?? 0) + 1 : Infinity,
      ));
    }
    [before, last] = [last, row];
  }
  return last[to.length] ?? 0;
}
