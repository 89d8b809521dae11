import { resolve } from "@std/path";
import { printResult } from "../terminal/output.ts";
import { printable, printableJson } from "../terminal/printable.ts";
import {
  type Command,
  defineCommand,
  EXIT,
  type ExitCode,
  type Invocation,
  readConfig,
  settingsOf,
} from "./command.ts";
import { parseCommandLine } from "./command_line.ts";
import { COMMANDS, loadAll, resolveCommand } from "./command_table.ts";
import { settingEvents, settingLines } from "./config_rows.ts";
import { toggle } from "./flag_values.ts";
import { settingsSchema } from "./settings_schema.ts";

/** `transfer config`: what holds, and who has set it. */
export const config: Command = defineCommand({
  name: "config",
  summary: "Show the settings that hold, and where each comes from",
  arguments: "[COMMAND] [-- FLAGS]",
  details: `
Of all commands, or of one, whose flags may follow after "--". A setting comes from a
flag, else from an environment variable, else from the settings file, else it is the
default. Secrets are not shown. What a command would refuse is told; the exit code is
2 then.`,
  examples: [
    ["transfer config upload", "What an upload from this folder would use"],
    ["transfer config tracker proxy -- --port 80", "With flags"],
    ["transfer config --schema > transfer.schema.json", 'For editors; name it by "$schema"'],
  ],
  flags: {
    json: { summary: "Print events as JSON, one a line", default: "false", parse: toggle },
    schema: { summary: "Print the JSON Schema of transfer.json, and end", default: "false", parse: toggle },
  },
  async run({ json, schema }, invocation) {
    if (schema) {
      printResult(JSON.stringify(settingsSchema(await loadAll(COMMANDS)), undefined, 2));
      return EXIT.done;
    }
    return await show(await asked(invocation), { json });
  },
});

/** What is asked for: commands, the flags that they are given, and the settings file. */
interface Asked extends Pick<Invocation, "env" | "file"> {
  readonly commands: readonly Command[];
  readonly given: ReadonlyMap<string, string>;
}

async function asked({ args, env, file }: Invocation): Promise<Asked> {
  if (args.length === 0) return { commands: await loadAll(COMMANDS), given: new Map(), env, file };
  const { entry, args: rest } = resolveCommand(args);
  const command = await entry.load();
  const { given } = parseCommandLine(rest, command.flags);
  return {
    commands: [command],
    given,
    env,
    file: given.has("config") ? await readConfig({ given, env }) : file,
  };
}

async function show(
  { commands, given, env, file }: Asked,
  { json }: { readonly json: boolean },
): Promise<ExitCode> {
  const path = file?.path;
  if (!json) {
    printResult(
      path === undefined
        ? "No settings file: there is no transfer.json in this folder"
        : `Settings file: ${printable(resolve(path))}`,
    );
  }
  let code: ExitCode = EXIT.done;
  for (const command of commands) {
    const settings = await settingsOf(file, command);
    const events = settingEvents(command, { given, env, settings, path });
    if (events.some(({ error }) => error !== undefined)) code = EXIT.usage;
    if (json) { for (const event of events) printResult(printableJson(event)); }
    else if (events.length > 0) printResult(["", command.name, ...settingLines(events)].join("\n"));
  }
  return code;
}
