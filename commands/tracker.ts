import { type Command, UsageError } from "./command.ts";
import { printable } from "../terminal/printable.ts";

/** A command of `tracker`, imported when it is called. */
const SUBCOMMANDS: Readonly<
  Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>
> = {
  "serve": {
    summary: 'Run a tracker (what "tracker" alone does)',
    load: async () => (await import("./tracker_serve.ts")).trackerServe,
  },
  "user add": {
    summary: "Add a user to a file, or change the password",
    load: async () => (await import("./tracker_user.ts")).trackerUserAdd,
  },
  "chat": {
    summary: "Talk to other peers, directly or through the tracker",
    load: async () => (await import("./tracker_chat.ts")).trackerChat,
  },
  "backup": {
    summary: "Copy the database of a tracker, also of one that runs",
    load: async () => (await import("./tracker_backup.ts")).trackerBackup,
  },
  "export": {
    summary: "Write all that a tracker keeps as JSON lines",
    load: async () => (await import("./tracker_export.ts")).trackerExport,
  },
  "proxy": {
    summary: "Pass HTTP requests on to other servers, by the host they are for",
    load: async () => (await import("./tracker_proxy.ts")).trackerProxy,
  },
};

/** `transfer tracker`: finds the command that is meant; without one it is `serve`. */
export async function resolveTracker(
  args: readonly string[],
): Promise<{ readonly command: Command; readonly args: readonly string[] }> {
  const [first, second] = args;
  for (const [name, { load }] of Object.entries(SUBCOMMANDS)) {
    const words = name.split(" ");
    if (words[0] !== first || (words.length > 1 && words[1] !== second)) continue;
    return { command: await load(), args: args.slice(words.length) };
  }
  if (first !== undefined && !first.startsWith("-")) {
    throw new UsageError(
      `Unknown command: tracker ${printable(first)}; there are ${Object.keys(SUBCOMMANDS).join(", ")}`,
    );
  }
  const { trackerServe } = await import("./tracker_serve.ts");
  return { command: { ...trackerServe, help: `${trackerServe.help}\n\n${overview()}` }, args };
}

function overview(): string {
  const width = Math.max(...Object.keys(SUBCOMMANDS).map((name) => name.length));
  return [
    'Other commands; "transfer tracker COMMAND --help" says more of each:',
    ...Object.entries(SUBCOMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
  ].join("\n");
}
