import { TextLineStream } from "@std/streams";
import { startTransfer } from "./program.ts";

/** A `transfer ws-serve` process whose log is read line by line. */
export interface WsServe extends AsyncDisposable {
  /** The address it printed, without the last slash. */
  readonly url: string;
  /** Reads the log up to the first line that holds `text`. Rejects when the log ends before. */
  logged(text: string): Promise<string>;
  /** All lines of the log that were read so far. */
  readonly log: readonly string[];
  kill(signal: Deno.Signal): void;
  /** Ends it in order, and reads the rest of its log. */
  end(): Promise<Deno.CommandStatus>;
}

/** Starts `transfer ws-serve` on a free port; ready when it returns. */
export async function startWsServe(
  dir: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<WsServe> {
  const child = startTransfer(["ws-serve", "--dir", dir, "--port", "0", ...args], { env });
  const [results, notes] = [child.stdout, child.stderr].map((stream) =>
    stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader()
  );
  const log: string[] = [];
  const logged = async (text: string) => {
    for (;;) {
      const { value, done } = await notes?.read() ?? { done: true };
      if (value === undefined || done) throw new Error(`No "${text}" in the log:\n${log.join("\n")}`);
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
    await results?.cancel();
    return await child.status;
  };
  const url = /https?:\/\/\S+(?=\/$)/.exec((await results?.read())?.value ?? "")?.[0];
  if (url === undefined) {
    await end();
    throw new Error(`ws-serve did not start:\n${log.join("\n")}`);
  }
  return {
    url,
    logged,
    log,
    kill: (signal) => child.kill(signal),
    end,
    async [Symbol.asyncDispose]() {
      await end();
    },
  };
}
