import { dirname, fromFileUrl, join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { tmpdir } from "node:os";

/** The source tree. */
export const ROOT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));

/** Shared by all runs, as a user's is; gone when the machine's temporary files go. */
export const STATE = join(tmpdir(), "transfer-tests-state");

/** What is run instead of `main.ts`: the path of a compiled binary, outside of the source tree. */
export const BINARY = Deno.env.get("TRANSFER_BINARY");

/** Whether a binary can be kept from the source tree: by root, in a mount namespace of its own. */
export const CAN_HIDE_TREE = Deno.build.os === "linux" && Deno.uid() === 0;

/** What a finished run of the program left. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a run of the program is started. */
export interface RunOptions {
  /** Whether it is to be written to; else standard input is empty. */
  readonly hasInput?: boolean;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Most files that it may have open, sockets and all. */
  readonly maxFiles?: number;
}

function command(
  args: readonly string[],
  { cwd, env = {}, hasInput = false, maxFiles }: RunOptions,
): Deno.Command {
  const run = BINARY === undefined
    ? [Deno.execPath(), ...runArguments(args, { cwd })]
    : apart([BINARY, ...args]);
  const limited = ["sh", "-c", `ulimit -n ${maxFiles} && exec "$@"`, "sh", ...run];
  const [program = "", ...words] = maxFiles === undefined ? run : limited;
  const workingDir = cwd ?? (BINARY === undefined ? undefined : emptyDir());
  return new Deno.Command(program, {
    args: words,
    ...(workingDir === undefined ? {} : { cwd: workingDir }),
    // What it keeps for its user goes beside the tests' other files.
    env: { NO_COLOR: "1", XDG_STATE_HOME: STATE, ...env },
    stdin: hasInput ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** A command line that runs another where the source tree is an empty directory, as it is elsewhere. */
export function apart(words: readonly [string, ...string[]]): readonly [string, ...string[]] {
  if (!CAN_HIDE_TREE) return words;
  const script = 'mount -t tmpfs -o ro none "$0" && exec "$@"';
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, ROOT, ...words];
}

/** Where a binary is started unless the test says otherwise. */
function emptyDir(): string {
  const dir = join(STATE, "empty");
  Deno.mkdirSync(dir, { recursive: true });
  return dir;
}

/** Says what a run may do, by its arguments and the directory that it is started in. */
export type Permissions = (args: readonly string[], cwd: string | undefined) => readonly string[];

let permissions: Permissions = () => ["-A"];

/** Until it is disposed of, what is started may do no more than this says, and asks nobody for more. */
export function restrict(to: Permissions): Disposable {
  const before = permissions;
  permissions = (...run) => ["--no-prompt", ...to(...run)];
  return {
    [Symbol.dispose]() {
      permissions = before;
    },
  };
}

function runArguments(
  args: readonly string[],
  { cwd, flags = [] }: { readonly cwd: string | undefined; readonly flags?: readonly string[] },
): string[] {
  return [
    "run",
    ...permissions(args, cwd),
    "--config",
    join(ROOT, "deno.json"),
    "--frozen",
    ...flags,
    join(ROOT, "main.ts"),
    ...args,
  ];
}

/** How `transfer` is run on a terminal. */
export interface OnTerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The bash script that runs it, of the command line that does. Default: nothing else. */
  readonly script?: (line: string) => string;
}

/** Starts `transfer` with arguments on a terminal (of `script`, util-linux), which standard input types on. */
export function startOnTerminal(
  args: readonly string[],
  { columns, rows, cwd, env = {}, script = (line) => `exec ${line}` }: OnTerminalOptions,
): Deno.ChildProcess {
  const words = [Deno.execPath(), ...runArguments(args, { cwd, flags: ["--quiet"] })].map((word) =>
    `'${word.replaceAll("'", "'\\''")}'`
  );
  return new Deno.Command("script", {
    args: ["-qec", `stty cols ${columns} rows ${rows}; ${script(words.join(" "))}`, "/dev/null"],
    cwd,
    env: { NO_COLOR: "1", SHELL: "/bin/bash", XDG_STATE_HOME: STATE, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs `transfer` with arguments to its end. */
export async function transfer(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return await finished(startTransfer(args, options));
}

/** Starts `transfer` with arguments. */
export function startTransfer(args: readonly string[], options: RunOptions = {}): Deno.ChildProcess {
  return command(args, options).spawn();
}

/** Waits for the end of a run that was started, and collects what it wrote. */
export async function finished(child: Deno.ChildProcess): Promise<Finished> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A process of `transfer` that serves. */
export interface ServingProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Ends it and waits until it is gone. */
  end(signal: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** A `transfer ws-serve` process. */
export interface ServerProcess extends ServingProcess {
  readonly ws: string;
}

/** Starts `transfer ws-serve` over a directory; ready when it returns. */
export async function startServer(dir: string, port = 0): Promise<ServerProcess> {
  const server = await startServing(["ws-serve", "--dir", dir, "--port", String(port)]);
  return { ...server, ws: `ws://127.0.0.1:${server.port}/ws` };
}

/** Starts `transfer tcp-serve` over a directory, its list beside it; ready when it returns. */
export async function startTcpServer(
  dir: string,
  { port = 0, flags = [] }: { readonly port?: number; readonly flags?: readonly string[] } = {},
): Promise<ServingProcess> {
  return await startServing(["tcp-serve", dir, "--port", String(port), "--list", `${dir}.txt`, ...flags]);
}

/** Starts `transfer udp-serve` over a directory, its list beside it; ready when it returns. */
export async function startUdpServer(
  dir: string,
  { port = 0, flags = [] }: { readonly port?: number; readonly flags?: readonly string[] } = {},
): Promise<ServingProcess> {
  return await startServing(["udp-serve", dir, "--port", String(port), "--list", `${dir}.txt`, ...flags]);
}

/** Starts `transfer tracker` over a database; ready when it returns. */
export async function startTracker(
  db: string,
  { port = 0, flags = [], words = ["tracker"] }: {
    readonly port?: number;
    readonly flags?: readonly string[];
    /** The command, by either of its names. */
    readonly words?: readonly string[];
  } = {},
): Promise<ServingProcess> {
  return await startServing([...words, "--db", db, "--port", String(port), "--quiet", ...flags]);
}

/** Starts a command whose first line of output ends with where it listens. */
export async function startServing(
  args: readonly string[],
  options: RunOptions = {},
): Promise<ServingProcess> {
  const child = startTransfer(args, options);
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  const log = new Response(child.stderr).text();
  const { value = "" } = await lines.read();
  const found = /:(\d+)\/?(?: over TLS)?$/.exec(value)?.[1];
  if (found === undefined) {
    await Promise.all([child.status, lines.cancel()]);
    throw new Error(`${args[0]} did not start: ${await log}`);
  }
  const end = async (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended already.
    }
    const status = await child.status;
    await log;
    await lines.cancel();
    return status;
  };
  return {
    pid: child.pid,
    port: Number(found),
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}
