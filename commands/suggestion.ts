/** A mistake more is forgiven for each so many characters of a word. */
const LETTERS_PER_MISTAKE = 3;

/**
 * What a mistyped word was probably meant to be: the name that takes the fewest insertions, deletions,
 * replacements and swaps of neighbours, if they are few for its length; else the only one that begins with it.
 */
export function suggestion(word: string, names: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(word.length / LETTERS_PER_MISTAKE));
  const ranked = names.map((name) => ({ name, mistakes: distance(word, name) }))
    .toSorted((a, b) => a.mistakes - b.mistakes);
  const [best] = ranked;
  if (best !== undefined && best.mistakes <= most) return best.name;
  const longer = names.filter((name) => word !== "" && name.startsWith(word));
  return longer.length === 1 ? longer[0] : undefined;
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
