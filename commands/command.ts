import { parseArgs } from "@std/cli";
import { printable } from "../terminal/printable.ts";
import { type ExitCode, UsageError } from "./exit_code.ts";
import { kebab, renderHelp } from "./help.ts";
import type { Settings } from "./settings_file.ts";
import { suggestion } from "./suggestion.ts";

// Every command needs these along with its definition.
export { EXIT, type ExitCode, UsageError } from "./exit_code.ts";

/** Makes a value of a flag's text. @throws {RangeError} It is none; the message says what is expected. */
export interface Parse<T> {
  (text: string): T;
  /** All texts that it takes, when they are few. */
  readonly choices?: readonly string[];
}

/** One flag of a command: how it is written, what it means, and how its text becomes a value. */
export interface Flag<T> {
  readonly summary: string;
  /**
   * What stands for the value in the help; a flag without one is switched on by its name alone. Shells complete
   * names of files for one with `FILE` in it, and of directories for `DIR`.
   */
  readonly valueName?: string;
  /** What the flag is when nobody sets it, as it would be typed. Without one it is `undefined`. */
  readonly default?: string;
  /** Environment variables that set it, besides `TRANSFER_` and its name. */
  readonly env?: readonly string[];
  /** May be given more than once; the texts are joined by `separator`. */
  readonly isList?: boolean;
  /**
   * What no item of a list contains.
   *
   * @default ","
   */
  readonly separator?: string;
  /** Its value is not repeated in errors. */
  readonly isSecret?: boolean;
  /** A key of the settings file that the value can't exceed. A flag whose name begins with "max" bounds itself. */
  readonly boundedBy?: string;
  readonly parse: Parse<T>;
}

/** The flags of a command, by their names in camel case. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The values of a command's flags after parsing; a flag without a default may be `undefined`. */
export type Values<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends { readonly default: string } ? ReturnType<F[K]["parse"]>
    : ReturnType<F[K]["parse"]> | undefined;
};

/** What a command runs with, besides its flags. */
export interface Invocation {
  readonly args: readonly string[];
  /** Aborted by SIGINT and SIGTERM, with the signal's name as the reason. */
  readonly signal: AbortSignal;
}

/** What a command declares of itself. */
export interface CommandDeclaration<F extends Flags> {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** The arguments, as the usage line shows them. Empty: it takes none. Completed as the values of flags are. */
  readonly arguments: string;
  /** Lines of further help. */
  readonly details?: string;
  /** Command lines that work as they are, and what each does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  readonly flags: F;
  readonly run: (values: Values<F>, invocation: Invocation) => Promise<ExitCode>;
}

/** A command that can be run. */
export interface Command extends Pick<CommandDeclaration<Flags>, "arguments" | "examples" | "flags"> {
  /** As it is typed after `transfer`. */
  readonly name: string;
  readonly help: string;
  readonly run: (
    argv: readonly string[],
    context: { readonly signal: AbortSignal; readonly env: Env },
  ) => Promise<ExitCode>;
}

/** Where environment variables are read. */
export type Env = (name: string) => string | undefined;

const COMMON_FLAGS = {
  config: {
    summary: "Settings file; transfer.json of this folder is read when it is there",
    valueName: "FILE",
    parse: (text: string) => text,
  },
} as const satisfies Flags;

/** Makes a command of its declaration: parsing, precedence of its flags' sources, and `--help`. */
export function defineCommand<const F extends Flags>(declaration: CommandDeclaration<F>): Command {
  const flags: Flags = { ...declaration.flags, ...COMMON_FLAGS };
  return {
    name: declaration.name,
    arguments: declaration.arguments,
    examples: declaration.examples,
    flags,
    get help() {
      return renderHelp({ ...declaration, flags });
    },
    async run(argv, { signal, env }) {
      const { given, args } = parseCommandLine(argv, flags);
      if (args.length > 0 && declaration.arguments === "") {
        throw new UsageError(`Unexpected argument: ${printable(args[0] ?? "")}`);
      }
      const config = await readConfig(given.get("config"));
      const entries = Object.entries(declaration.flags).map(([name, flag]) => {
        const found = findText(name, flag, { given, env, config });
        return [name, bounded(parseFlag(flag, found), { name, flag, found }, config)] as const;
      });
      // The one place where names meet their types: each value was made by its own flag's `parse`.
      return await declaration.run(Object.fromEntries(entries) as Values<F>, { args, signal });
    },
  };
}

interface CommandLine {
  readonly given: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

function parseCommandLine(argv: readonly string[], flags: Flags): CommandLine {
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

function unknownFlag(arg: string, names: readonly string[]): UsageError {
  const [, word = ""] = /^-+([^=]*)/.exec(arg) ?? [];
  const meant = suggestion(word, names);
  return new UsageError(
    `Unknown flag: ${printable(arg)}` + (meant === undefined ? "" : `; did you mean --${meant}?`),
  );
}

async function readConfig(path: string | undefined): Promise<Settings> {
  const file = path ?? "transfer.json";
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (path === undefined && error instanceof Deno.errors.NotFound) return {};
    throw new UsageError(`Settings file ${printable(file)} can't be read`, { cause: error });
  }
  // Few have one, and reading it takes a large package.
  const { parseSettings } = await import("./settings_file.ts");
  return parseSettings(file, text);
}

/** The text of a flag, and who set it. */
interface FoundText {
  readonly text: string;
  readonly source: string;
  readonly isDefault: boolean;
}

/** Flag, environment, settings file, default: the first that is there. */
function findText(
  name: string,
  flag: Flag<unknown>,
  sources: {
    readonly given: ReadonlyMap<string, string>;
    readonly env: Env;
    readonly config: Settings;
  },
): FoundText | undefined {
  const given = sources.given.get(name);
  if (given !== undefined) return { text: given, source: `--${kebab(name)}`, isDefault: false };
  for (const variable of environmentNames(name, flag)) {
    const text = sources.env(variable);
    if (text !== undefined && text !== "") return { text, source: variable, isDefault: false };
  }
  const setting = sources.config[name];
  if (setting !== undefined) {
    const text = Array.isArray(setting) ? setting.join(flag.separator ?? ",") : String(setting);
    return { text, source: `"${name}" of the settings file`, isDefault: false };
  }
  if (flag.default === undefined) return undefined;
  return { text: flag.default, source: `--${kebab(name)}`, isDefault: true };
}

function parseFlag(
  flag: Flag<unknown>,
  found: Pick<FoundText, "text" | "source"> | undefined,
): unknown {
  if (found === undefined) return undefined;
  try {
    return flag.parse(found.text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const was = flag.isSecret === true ? "" : `, got ${JSON.stringify(found.text)}`;
    throw new UsageError(`${found.source}: expected ${error.message}${was}`, { cause: error });
  }
}

/**
 * Holds a value to what the settings file allows: more is refused, save by default, when it becomes what is
 * allowed.
 */
function bounded(
  value: unknown,
  { name, flag, found }: {
    readonly name: string;
    readonly flag: Flag<unknown>;
    readonly found: FoundText | undefined;
  },
  config: Settings,
): unknown {
  const key = flag.boundedBy ?? (name.startsWith("max") ? name : undefined);
  const setting = key === undefined ? undefined : config[key];
  if (setting === undefined || found === undefined) return value;
  const source = `"${key}" of the settings file`;
  const bound = parseFlag(flag, { text: String(setting), source });
  if (typeof bound !== "number" || typeof value !== "number" || value <= bound) return value;
  if (found.isDefault) return bound;
  throw new UsageError(
    `${found.source}: ${printable(found.text)} is more than ${source} allows, ${String(setting)}`,
  );
}

function environmentNames(name: string, flag: Flag<unknown>): string[] {
  return [`TRANSFER_${kebab(name).replaceAll("-", "_").toUpperCase()}`, ...flag.env ?? []];
}
