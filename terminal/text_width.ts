/** Marks that stand above or below the character before them, joiners and variation selectors. */
const NO_COLUMN = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** What terminals draw two columns wide (Unicode Standard Annex 11, W and F), and emoji. */
const TWO_COLUMNS =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2fb}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** Columns that a text takes on a terminal. Where terminals differ (emoji of several parts), the most. */
export function textWidth(text: string): number {
  let columns = 0;
  for (const character of text) columns += characterWidth(character);
  return columns;
}

/** A text in lines of at most so many columns, broken between words; a word that is wider has a line of its own. */
export function wrapWords(text: string, columns: number): string {
  return wrap(text.split(" "), columns).join("\n");
}

/** Words in lines of at most so many columns; one that is wider has a line of its own. */
export function wrap(words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || textWidth(last) + 1 + textWidth(word) > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** A text filled up with spaces to so many columns; a wider one as it is. */
export function padded(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

function characterWidth(character: string): number {
  if (character < "\u0300") return 1;
  if (NO_COLUMN.test(character)) return 0;
  return TWO_COLUMNS.test(character) ? 2 : 1;
}

/** A text of at most so many columns: its middle is cut out, as the end of a name tells as much as its start. */
export function shorten(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return "";
  const characters = [...text];
  const tail = firstOf(characters.toReversed(), Math.floor((columns - 1) / 2)).reverse();
  const head = firstOf(characters, columns - 1 - textWidth(tail.join("")));
  return [...head, "…", ...tail].join("");
}

/** A text of at most so many columns: its end is cut off, as a sentence says the most at its start. */
export function cutOff(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  return columns < 1 ? "" : `${firstOf([...text], columns - 1).join("").trimEnd()}…`;
}

/** As many characters from the start as fit into so many columns. */
function firstOf(characters: readonly string[], columns: number): string[] {
  let taken = 0;
  const end = characters.findIndex((character) => (taken += characterWidth(character)) > columns);
  return characters.slice(0, end < 0 ? characters.length : end);
}
