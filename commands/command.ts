import { printable } from "../terminal/printable.ts";
import { parseCommandLine } from "./command_line.ts";
import { type ExitCode, UsageError } from "./exit_code.ts";
import type { Env, Flags, Values } from "./flag.ts";
import { flagValue, fromEnvironment, type Settings } from "./flag_sources.ts";
import { fileProblem } from "./file_problem.ts";
import { renderHelp } from "./help.ts";

// Every command needs these along with its definition.
export { EXIT, type ExitCode, UsageError } from "./exit_code.ts";

/** What a command runs with, besides its flags. */
export interface Invocation {
  readonly args: readonly string[];
  /** Aborted by SIGINT and SIGTERM, with the signal's name as the reason. */
  readonly signal: AbortSignal;
  readonly env: Env;
  /** The settings file; `undefined` when there is none. */
  readonly file: FoundFile | undefined;
}

/** What a command declares of itself. */
export interface CommandDeclaration<F extends Flags> {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** The arguments, as the usage line shows them. Empty: it takes none. Completed as the values of flags are. */
  readonly arguments: string;
  /** Paragraphs of further help, which are filled anew unless their lines are indented. */
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
  /** What `--help` prints, in lines of at most so many columns where words allow it. */
  readonly help: (columns: number) => string;
  readonly run: (
    argv: readonly string[],
    context: { readonly signal: AbortSignal; readonly env: Env },
  ) => Promise<ExitCode>;
}

const COMMON_FLAGS = {
  config: {
    summary: "Settings file; else transfer.json of this folder, when it is there",
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
    help: (columns) => renderHelp({ ...declaration, flags }, columns),
    async run(argv, { signal, env }) {
      const { given, args } = parseCommandLine(argv, flags);
      if (args.length > 0 && declaration.arguments === "") {
        throw new UsageError(`Unexpected argument: ${printable(args[0] ?? "")}`);
      }
      const file = await readConfig({ given, env });
      const settings = await settingsOf(file, { name: declaration.name, flags });
      const entries = Object.entries(declaration.flags).map(([key, flag]) => {
        return [key, flagValue(key, flag, { given, env, settings }).value] as const;
      });
      // The one place where names meet their types: each value was made by its own flag's `parse`.
      return await declaration.run(Object.fromEntries(entries) as Values<F>, { args, signal, env, file });
    },
  };
}

/** A settings file that is there. */
export interface FoundFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Reads the settings file: that of `--config`, or of `TRANSFER_CONFIG`, or transfer.json of this folder.
 *
 * @returns `undefined`: none is named, and there is none here.
 * @throws {UsageError} It can't be read.
 */
export async function readConfig(
  { given, env }: { readonly given: ReadonlyMap<string, string>; readonly env: Env },
): Promise<FoundFile | undefined> {
  const named = given.get("config") ?? fromEnvironment("config", {}, env)?.text;
  const path = named ?? "transfer.json";
  try {
    return { path, text: await Deno.readTextFile(path) };
  } catch (error) {
    if (named === undefined && error instanceof Deno.errors.NotFound) return undefined;
    throw new UsageError(`Settings file ${printable(path)} can't be read: ${fileProblem(error)}`, {
      cause: error,
    });
  }
}

/** What the settings file has for a command. @throws {UsageError} It has mistakes. */
export async function settingsOf(
  file: FoundFile | undefined,
  command: Pick<Command, "name" | "flags">,
): Promise<Settings> {
  if (file === undefined) return new Map();
  // Few have one, and to check it takes the names of all settings.
  const { parseSettings } = await import("./settings_file.ts");
  return parseSettings({ ...file, command: command.name, flags: command.flags });
}
