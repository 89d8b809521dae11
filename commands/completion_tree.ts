import type { Command } from "./command.ts";
import type { CommandTable } from "./command_table.ts";
import type { Flag } from "./flag.ts";
import { kebab } from "./help.ts";

/** What a shell may complete a value to. */
export type Completed =
  | { readonly kind: "nothing" | "files" | "directories" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** A flag as shells see it. */
export interface CompletedFlag {
  /** With its dashes. */
  readonly name: string;
  readonly summary: string;
  /** What stands for its value; without one it takes none. */
  readonly valueName?: string;
  readonly value: Completed;
  readonly isList: boolean;
}

/** A place in the command line: the words of a command, or the first of them. */
export interface CompletedPlace {
  /** The words after `transfer`. */
  readonly words: readonly string[];
  /** What may follow them, besides flags and arguments. */
  readonly next: readonly { readonly word: string; readonly summary: string }[];
  readonly flags: readonly CompletedFlag[];
  readonly argument: Completed;
}

const HELP: CompletedFlag = {
  name: "--help",
  summary: "Show help",
  value: { kind: "nothing" },
  isList: false,
};

/** All places, from the declarations that `--help` is rendered from. Imports every command. */
export async function completedPlaces(table: CommandTable): Promise<readonly CompletedPlace[]> {
  const root: CompletedPlace = {
    words: [],
    next: nextWords(table),
    flags: [HELP, { ...HELP, name: "--version", summary: "Show the version" }],
    argument: { kind: "nothing" },
  };
  return [root, ...await placesBelow([], table)];
}

async function placesBelow(above: readonly string[], table: CommandTable): Promise<CompletedPlace[]> {
  const places: CompletedPlace[] = [];
  for (const [name, { load, subcommands = {} }] of Object.entries(table)) {
    const words = [...above, ...name.split(" ")];
    // "user" of "user add" is a place, too.
    for (let length = above.length + 1; length < words.length; length++) {
      const next = [{ word: words[length] ?? "", summary: table[name]?.summary ?? "" }];
      places.push({ words: words.slice(0, length), next, flags: [], argument: { kind: "nothing" } });
    }
    const command = await load();
    // What takes a command takes its name as its first word.
    const next = command.arguments.startsWith("[COMMAND]") ? nextWords(table) : nextWords(subcommands);
    places.push({ words, next, ...described(command) });
    places.push(...await placesBelow(words, subcommands));
  }
  return places;
}

function nextWords(table: CommandTable): CompletedPlace["next"] {
  return Object.entries(table).map(([name, { summary }]) => ({ word: name.split(" ")[0] ?? "", summary }));
}

function described(command: Command): Pick<CompletedPlace, "flags" | "argument"> {
  const flags = Object.entries(command.flags).map(([key, flag]) => ({
    name: `--${kebab(key)}`,
    summary: flag.summary,
    ...(flag.valueName === undefined ? {} : { valueName: flag.valueName }),
    value: valueOf(flag),
    isList: flag.isList === true,
  }));
  return { flags: [...flags, HELP], argument: namedValue(command.arguments) };
}

function valueOf({ parse: { choices }, valueName = "" }: Flag<unknown>): Completed {
  return choices === undefined ? namedValue(valueName) : { kind: "words", words: choices };
}

/** What a placeholder says: `FILE...`, `[DIR]`, `bash|zsh|fish`. */
function namedValue(placeholder: string): Completed {
  if (/^[a-z]+(\|[a-z]+)+$/.test(placeholder)) return { kind: "words", words: placeholder.split("|") };
  if (/\bFILE\b/.test(placeholder)) return { kind: "files" };
  return { kind: /\bDIR\b/.test(placeholder) ? "directories" : "nothing" };
}
