import { TextLineStream } from "@std/streams";
import { hashPassword } from "../protocols/tracker/passwords.ts";
import { isUserName, parseUsers } from "../protocols/tracker/users_file.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, defineCommand, EXIT, UsageError } from "./command.ts";
import { text } from "./flag_values.ts";
import { aborted } from "./listening.ts";

/** Shortest password (NIST SP 800-63B section 5.1.1.2). */
const MIN_PASSWORD = 8;

/** `transfer tracker user add`: writes a name and a password's hash into a file. */
export const trackerUserAdd: Command = defineCommand({
  name: "tracker user add",
  summary: "Add a user of a tracker to a file, or change the password",
  examples: [
    ["transfer tracker user add ann --users users.txt", "Asks for Ann's password"],
  ],
  arguments: "NAME",
  details: `
Asks for the password, or reads it from standard input. The tracker reads the file when
it starts.`,
  flags: {
    users: {
      summary: "File to write to; made when it is not there",
      valueName: "FILE",
      default: "users.txt",
      parse: text,
    },
  },
  async run({ users: path }, { args, signal }) {
    const [name = "", ...more] = args;
    if (!isUserName(name) || more.length > 0) {
      throw new UsageError("Expected one NAME, without colon and control characters");
    }
    const password = await askPassword(signal);
    if (password === undefined) return EXIT.interrupted;
    if (password.length < MIN_PASSWORD) {
      throw new UsageError(
        `The password needs at least ${MIN_PASSWORD} characters, and has ${password.length}`,
      );
    }
    const users = await read(path);
    const isNew = !users.has(name);
    users.set(name, await hashPassword(password));
    await replace(path, [...users].map(([each, hash]) => `${each}:${hash}\n`).join(""));
    printResult(`${isNew ? "Added" : "Changed"} ${printable(name)} in ${printable(path)}`);
    return EXIT.done;
  },
});

/** @returns `undefined`: it was interrupted. */
async function askPassword(signal: AbortSignal): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) {
    const input = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of input) return line;
    return "";
  }
  printNote("Password:");
  Deno.stdin.setRaw(true, { cbreak: true });
  try {
    return await Promise.race([readUnseen(), aborted(signal).then(() => undefined)]);
  } finally {
    Deno.stdin.setRaw(false);
  }
}

/** What is typed up to the end of the line, which the terminal does not show. */
async function readUnseen(): Promise<string> {
  const buffer = new Uint8Array(1024);
  const decoder = new TextDecoder();
  let typed = "";
  for (;;) {
    const count = await Deno.stdin.read(buffer);
    if (count === null) return typed;
    for (const char of decoder.decode(buffer.subarray(0, count), { stream: true })) {
      if (char === "\n" || char === "\r") return typed;
      typed = char === "\x7f" || char === "\b" ? [...typed].slice(0, -1).join("") : typed + char;
    }
  }
}

async function read(path: string): Promise<Map<string, string>> {
  try {
    return parseUsers(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--users ${printable(path)}: ${why}`, { cause: error });
  }
}

/** Readable by its owner alone, and never half written. */
async function replace(path: string, content: string): Promise<void> {
  const part = `${path}.part`;
  await Deno.writeTextFile(part, content, { mode: 0o600 });
  using file = await Deno.open(part, { read: true, write: true });
  await file.sync();
  await Deno.rename(part, path);
}
