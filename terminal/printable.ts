/** Characters that move the cursor, start an escape sequence, or reorder what is around them. */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A text from elsewhere (a peer's name, a path, an error), safe to print on one line of a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** A value as JSON on one line that is safe to print; what reads JSON gets the value back as it was. */
export function printableJson(value: unknown): string {
  // Outside of strings JSON has only printable ASCII, so every hit is inside one.
  return JSON.stringify(value).replace(UNPRINTABLE, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
