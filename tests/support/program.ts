import { dirname, fromFileUrl, join } from "@std/path";
import { TextLineStream } from "@std/streams";

const ROOT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));

/** Shared by all runs, as a user's is; gone when the machine's temporary files go. */
const STATE = join(Deno.env.get("TMPDIR") ?? "/tmp", "transfer-tests-state");

/** What a finished run of the program left. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function command(args: readonly string[], { cwd, env = {} }: RunOptions): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: runArguments(args),
    ...(cwd === undefined ? {} : { cwd }),
    // What it keeps for its user goes beside the tests' other files.
    env: { NO_COLOR: "1", XDG_STATE_HOME: STATE, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

function runArguments(args: readonly string[], ...flags: readonly string[]): string[] {
  return [
    "run",
    "-A",
    "--config",
    join(ROOT, "deno.json"),
    "--frozen",
    ...flags,
    join(ROOT, "main.ts"),
    ...args,
  ];
}

/** Starts `transfer` with arguments on a terminal (of `script`, util-linux), which standard input types on. */
export function startOnTerminal(
  args: readonly string[],
  { columns, rows, cwd }: { readonly columns: number; readonly rows: number; readonly cwd: string },
): Deno.ChildProcess {
  const words = [Deno.execPath(), ...runArguments(args, "--quiet")].map((word) =>
    `'${word.replaceAll("'", "'\\''")}'`
  );
  return new Deno.Command("script", {
    args: ["-qec", `stty cols ${columns} rows ${rows}; exec ${words.join(" ")}`, "/dev/null"],
    cwd,
    env: { NO_COLOR: "1" },
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

/** A `transfer ws-serve` process. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly ws: string;
  /** Ends it and waits until it is gone. */
  end(signal: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** Starts `transfer ws-serve` over a directory; ready when it returns. */
export async function startServer(dir: string, port = 0): Promise<ServerProcess> {
  const child = startTransfer(["ws-serve", "--dir", dir, "--port", String(port)]);
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  const log = new Response(child.stderr).text();
  const { value = "" } = await lines.read();
  const found = /:(\d+)\/$/.exec(value)?.[1];
  if (found === undefined) throw new Error(`ws-serve did not start: ${await log}`);
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
    ws: `ws://127.0.0.1:${found}/ws`,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}
