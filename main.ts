import denoJson from "./deno.json" with { type: "json" };
import { type Command, EXIT, type ExitCode, UsageError } from "./commands/command.ts";
import { printNote, printResult } from "./terminal/output.ts";
import { printable } from "./terminal/printable.ts";

/** A command, and what is left of its arguments when it is one of several. */
interface Resolved {
  readonly command: Command;
  readonly args: readonly string[];
}

interface Entry {
  readonly summary: string;
  readonly load: (args: readonly string[]) => Promise<Command | Resolved>;
}

/** Commands are imported when they are called, so that `transfer --help` stays quick. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  "ws-serve": {
    summary: "Receive resumable uploads over WebSocket, with a web page",
    load: async () => (await import("./commands/ws_serve.ts")).wsServe,
  },
  "upload": {
    summary: "Send files to a server of that kind, and go on where it stopped",
    load: async () => (await import("./commands/upload.ts")).upload,
  },
  "fetch-ranges": {
    summary: "Download files over several connections, and go on where it stopped",
    load: async () => (await import("./commands/fetch_ranges.ts")).fetchRanges,
  },
  "tcp-serve": {
    summary: "Hand out the files of a directory over TCP",
    load: async () => (await import("./commands/tcp_serve.ts")).tcpServe,
  },
  "tcp-get": {
    summary: "Fetch files from a server of tcp-serve, and go on where it stopped",
    load: async () => (await import("./commands/tcp_get.ts")).tcpGet,
  },
  "udp-serve": {
    summary: "Hand out the files of a directory over UDP, for long and lossy links",
    load: async () => (await import("./commands/udp_serve.ts")).udpServe,
  },
  "udp-get": {
    summary: "Fetch files from a server of udp-serve, and go on where it stopped",
    load: async () => (await import("./commands/udp_get.ts")).udpGet,
  },
  "tracker": {
    summary: "Let peers find each other and talk, with a web page",
    load: async (args) => await (await import("./commands/tracker.ts")).resolveTracker(args),
  },
};

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    "transfer: get bytes from one machine to another",
    "",
    "Usage: transfer COMMAND [arguments] [flags]",
    "",
    "Commands:",
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    '"transfer COMMAND --help" says more of each. "transfer --version" prints the version.',
  ].join("\n");
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  const [name, ...rest] = argv;
  if (name === undefined) throw new UsageError(`A command is missing\n\n${overview()}`);
  if (name === "--help" || name === "-h" || name === "help") return result(overview());
  if (name === "--version" || name === "-V") return result(`transfer ${denoJson.version}`);
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) {
    const names = Object.keys(COMMANDS).join(", ");
    throw new UsageError(`Unknown command: ${printable(name)}; there are ${names}`);
  }
  const loaded = await entry.load(rest);
  const { command, args } = "command" in loaded ? loaded : { command: loaded, args: rest };
  const flags = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  if (flags.includes("--help") || flags.includes("-h")) return result(command.help);
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

if (import.meta.main) {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      // Who asks twice does not want to wait.
      if (stop.signal.aborted) Deno.exit(EXIT.interrupted);
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
