import denoJson from "./deno.json" with { type: "json" };
import { COMMANDS, type CommandTable, resolveCommand } from "./commands/command_table.ts";
import { EXIT, type ExitCode, UsageError } from "./commands/exit_code.ts";
import { columns } from "./commands/help.ts";
import { drawRaw, printNote, printResult, whenUnread } from "./terminal/output.ts";
import { movesCursor, textColumns } from "./terminal/terminal.ts";
import { wrapWords } from "./terminal/text_width.ts";

function overview(): string {
  const more = '"transfer COMMAND --help" says more of each. "transfer --version" prints the version.';
  return [
    "transfer: get bytes from one machine to another",
    "",
    wrapWords("Usage: transfer COMMAND [arguments] [flags]", textColumns()),
    "",
    "Commands:",
    ...listed(COMMANDS),
    "",
    wrapWords(more, textColumns()),
  ].join("\n");
}

function listed(table: CommandTable): string[] {
  return columns(Object.entries(table).map(([name, { summary }]) => [name, summary]), textColumns());
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  const [first, ...rest] = argv;
  if (first === undefined) throw new UsageError(`A command is missing\n\n${overview()}`);
  if (first === "--version" || first === "-V") return result(`transfer ${denoJson.version}`);
  if (first === "help" && rest.length > 0) return await run([...rest, "--help"], signal);
  if (first === "--help" || first === "-h" || first === "help") return result(overview());
  const { name, entry: { load, subcommands }, args } = resolveCommand(argv);
  const command = await load();
  const flags = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  if (flags.includes("--help") || flags.includes("-h")) {
    const more = subcommands === undefined
      ? []
      : ["", `Other commands; "transfer ${name} COMMAND --help" says more of each:`, ...listed(subcommands)];
    return result([command.help(textColumns()), ...more].join("\n"));
  }
  try {
    return await command.run(args, { signal, env: (variable) => Deno.env.get(variable) });
  } catch (error) {
    if (error instanceof UsageError) error.message += `\nSee: transfer ${command.name} --help`;
    throw error;
  }
}

function result(text: string): ExitCode {
  printResult(text);
  return EXIT.done;
}

function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What follows the "^C" that a terminal shows should begin a line of its own. */
function eraseEcho(): void {
  if (movesCursor()) drawRaw("\r\x1b[K");
}

if (import.meta.main) {
  whenUnread(() => Deno.exit(EXIT.unread));
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      // Who asks twice does not want to wait.
      if (stop.signal.aborted) Deno.exit(EXIT.interrupted);
      if (signal === "SIGINT") eraseEcho();
      stop.abort(signal);
    });
  }
  try {
    Deno.exit(await run(Deno.args, stop.signal));
  } catch (error) {
    printNote(`transfer: ${explain(error)}`);
    Deno.exit(error instanceof UsageError ? EXIT.usage : EXIT.failed);
  }
}
