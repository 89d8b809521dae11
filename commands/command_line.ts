import { parseArgs } from "@std/cli";
import { UsageError } from "./exit_code.ts";
import type { Flags } from "./flag.ts";
import { kebab } from "./help.ts";
import { unknownFlag } from "./suggestion.ts";

/** A command line taken apart. */
export interface CommandLine {
  /** The texts of flags, by their names in camel case. */
  readonly given: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

/**
 * Tells flags from arguments.
 *
 * @throws {UsageError} A flag is unknown, has no value or one that it does not take, or is there twice.
 */
export function parseCommandLine(argv: readonly string[], flags: Flags): CommandLine {
  for (const [key, flag] of Object.entries(flags)) {
    // The parser would take any text for "on".
    const assigned = flag.valueName === undefined && argv.find((arg) => arg.startsWith(`--${kebab(key)}=`));
    if (assigned) throw new UsageError(`--${kebab(key)} takes no value: it is on when it is there`);
  }
  const byName = new Map(Object.entries(flags).map(([key, flag]) => [kebab(key), { key, flag }]));
  const names = [...byName].filter(([, { flag }]) => flag.valueName !== undefined).map(([name]) => name);
  const parsed = parseArgs(argv, {
    string: [...names, "_"],
    collect: names,
    boolean: [...byName.keys()].filter((name) => !names.includes(name)),
    unknown: (arg) => {
      if (arg.startsWith("-") && arg !== "-") throw unknownFlag(arg, [...byName.keys(), "help"]);
      return true;
    },
  });
  const given = new Map<string, string>();
  for (const [name, { key, flag }] of byName) {
    const value = parsed[name];
    if (flag.valueName === undefined) {
      if (value === true) given.set(key, "true");
      continue;
    }
    const texts = Array.isArray(value) ? value.map(String) : [];
    if (texts.length > 1 && flag.isList !== true) throw new UsageError(`--${name} is given twice`);
    if (texts.includes("")) throw new UsageError(`--${name} needs a value: ${flag.valueName}`);
    if (texts.length > 0) given.set(key, texts.join(flag.separator ?? ","));
  }
  return { given, args: parsed._.map(String) };
}
