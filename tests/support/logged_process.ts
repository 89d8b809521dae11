import { TextLineStream } from "@std/streams";
import { type RunOptions, startTransfer } from "./program.ts";

/** A process of `transfer` that serves, and whose log is read line by line. */
export interface LoggedProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it printed when it was ready; "": it has ended before. */
  readonly line: string;
  /** The port that `line` ends with. */
  readonly port: number;
  /** All lines of the log that were read so far. */
  readonly log: readonly string[];
  /** Reads the log up to the first line that holds `text`. Rejects when the log ends before. */
  logged(text: string): Promise<string>;
  kill(signal: Deno.Signal): void;
  /** Ends it in order, and reads the rest of its log. */
  end(): Promise<Deno.CommandStatus>;
}

/** Starts a command that serves; ready when it returns. Disposing of it ends it. */
export async function startLogged(args: readonly string[], options?: RunOptions): Promise<LoggedProcess> {
  const child = startTransfer(args, options);
  const [results, notes] = [linesOf(child.stdout), linesOf(child.stderr)];
  const log: string[] = [];
  const logged = async (text: string) => {
    for (;;) {
      const { value } = await notes.read();
      if (value === undefined) throw new Error(`No "${text}" in the log:\n${log.join("\n")}`);
      log.push(value);
      if (value.includes(text)) return value;
    }
  };
  const end = async () => {
    try {
      child.kill("SIGTERM");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended already.
    }
    await logged("\0").catch(() => {});
    await results.cancel();
    return await child.status;
  };
  const { value: line = "" } = await results.read();
  return {
    pid: child.pid,
    line,
    port: Number(/:(\d+)\/?(?: over TLS)?$/.exec(line)?.[1]),
    log,
    logged,
    kill: (signal) => child.kill(signal),
    end,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}

function linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStreamDefaultReader<string> {
  return stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
}
