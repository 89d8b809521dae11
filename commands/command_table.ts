import { printable } from "../terminal/printable.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./exit_code.ts";
import { suggestion, unknownFlag } from "./suggestion.ts";

/** A command before it is needed. */
export interface CommandEntry {
  /** One line. */
  readonly summary: string;
  /** Imports it; so `transfer --help` reads none of them. */
  readonly load: () => Promise<Command>;
  /** Others below its name, by the words that follow it. */
  readonly subcommands?: CommandTable;
}

/** Commands by their names. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;

const TRACKER_COMMANDS: CommandTable = {
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

/** All commands. */
export const COMMANDS: CommandTable = {
  "ws-serve": {
    summary: "Receive resumable uploads over WebSocket, with a web page",
    load: async () => (await import("./ws_serve.ts")).wsServe,
  },
  "upload": {
    summary: "Send files to a server of that kind, and go on where it stopped",
    load: async () => (await import("./upload.ts")).upload,
  },
  "fetch-ranges": {
    summary: "Download files over several connections, and go on where it stopped",
    load: async () => (await import("./fetch_ranges.ts")).fetchRanges,
  },
  "tcp-serve": {
    summary: "Hand out the files of a directory over TCP",
    load: async () => (await import("./tcp_serve.ts")).tcpServe,
  },
  "tcp-get": {
    summary: "Fetch files from a server of tcp-serve, and go on where it stopped",
    load: async () => (await import("./tcp_get.ts")).tcpGet,
  },
  "udp-serve": {
    summary: "Hand out the files of a directory over UDP, for long and lossy links",
    load: async () => (await import("./udp_serve.ts")).udpServe,
  },
  "udp-get": {
    summary: "Fetch files from a server of udp-serve, and go on where it stopped",
    load: async () => (await import("./udp_get.ts")).udpGet,
  },
  "tracker": {
    summary: "Let peers find each other and talk, with a web page",
    load: async () => (await import("./tracker_serve.ts")).trackerServe,
    subcommands: TRACKER_COMMANDS,
  },
  "completions": {
    summary: "Print what makes a shell complete commands, flags and values",
    load: async () => (await import("./completions.ts")).completions,
  },
  "config": {
    summary: "Show the settings that hold, and where each comes from",
    load: async () => (await import("./config.ts")).config,
  },
};

/** Imports all commands of a table, each once, those below others after them. */
export async function loadAll(table: CommandTable): Promise<readonly Command[]> {
  const commands = new Set<Command>();
  for (const { load, subcommands = {} } of Object.values(table)) {
    commands.add(await load());
    for (const command of await loadAll(subcommands)) commands.add(command);
  }
  return [...commands];
}

/** A command that was asked for. */
export interface Resolved {
  /** Its whole name: `tracker user add`. */
  readonly name: string;
  readonly entry: CommandEntry;
  /** What follows the name. */
  readonly args: readonly string[];
}

/**
 * Finds the command that a command line begins with.
 *
 * @throws {UsageError} There is none of that name.
 */
export function resolveCommand(argv: readonly string[], table: CommandTable = COMMANDS): Resolved {
  const [first = "", ...args] = argv;
  const entry = Object.hasOwn(table, first) ? table[first] : undefined;
  if (entry === undefined) throw unknownCommand("", argv, table);
  const { subcommands } = entry;
  const [next] = args;
  if (subcommands === undefined || next === undefined || next.startsWith("-")) {
    return { name: first, entry, args };
  }
  for (const [name, subcommand] of Object.entries(subcommands)) {
    const words = name.split(" ");
    if (words.some((word, i) => word !== args[i])) continue;
    return { name: `${first} ${name}`, entry: subcommand, args: args.slice(words.length) };
  }
  throw unknownCommand(`${first} `, args, subcommands);
}

function unknownCommand(before: string, args: readonly string[], table: CommandTable): UsageError {
  const [word = ""] = args;
  if (before === "" && word.startsWith("-")) return unknownFlag(word, ["help", "version"]);
  const names = Object.keys(table);
  // Both words of "usr add" are one name, and so may those of "tcp get" be.
  const meant = suggestion(args.slice(0, 2).join(" "), names) ?? suggestion(word, names) ??
    below(word, table);
  return new UsageError(
    `Unknown command: ${before}${printable(word)}; ` +
      (meant === undefined ? `there are ${names.join(", ")}` : `did you mean "transfer ${before}${meant}"?`),
  );
}

/** The whole name of a command that was called without what it stands below. */
function below(word: string, table: CommandTable): string | undefined {
  const above = Object.entries(table).find(([, { subcommands = {} }]) => Object.hasOwn(subcommands, word));
  return above && `${above[0]} ${word}`;
}
