import { fromFileUrl } from "@std/path";
import { TextLineStream } from "@std/streams";

const MAIN = fromFileUrl(new URL("../main.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../deno.json", import.meta.url));
/** What is kept of what a program writes to standard error, in characters. */
const NOTES_LENGTH = 4_000;

/** A `transfer` that runs. */
export interface Running {
  /** Lines of its standard output. */
  readonly lines: ReadableStreamDefaultReader<string>;
  /** Aborts when it has ended, with what it said last. */
  readonly ended: AbortSignal;
  /** Types a line. */
  type(line: string): Promise<void>;
  /** Ends it and waits until it is gone. */
  end(signal: Deno.Signal): Promise<void>;
  /** Waits for its end. @throws {Error} It failed. */
  done(): Promise<void>;
}

/** A {@linkcode Running} that serves. */
export interface Serving extends Running {
  readonly port: number;
}

/** What a run says of the file that it moved. */
export interface Moved {
  /** What this run moved. */
  readonly bytes: number;
  readonly seconds: number;
  /** Where the file is now. */
  readonly path: string;
}

/** The programs of the demo: none outlives it, however it ends. */
export class Processes implements AsyncDisposable {
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #stateDir: string;
  readonly #signal: AbortSignal;

  /** `stateDir` holds what the programs would keep for their user. When `signal` aborts, all are killed. */
  constructor({ stateDir, signal }: { readonly stateDir: string; readonly signal: AbortSignal }) {
    this.#stateDir = stateDir;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#killAll(), { once: true });
  }

  /** Starts `transfer` with arguments. */
  start(args: readonly string[]): Running {
    this.#signal.throwIfAborted();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--config", CONFIG, MAIN, ...args],
      env: { XDG_STATE_HOME: this.#stateDir },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#children.add(child);
    const notes = lastText(child.stderr);
    const ended = new AbortController();
    const status = child.status.then(async (how) => {
      this.#children.delete(child);
      ended.abort(new Error(`transfer ${args[0]} ended: ${(await notes).trim()}`));
      return how;
    });
    const input = child.stdin.getWriter();
    // What a killed program did not read is nobody's fault.
    input.closed.catch(() => {});
    return {
      lines: child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader(),
      ended: ended.signal,
      type: (line) => input.write(new TextEncoder().encode(`${line}\n`)),
      async end(signal) {
        kill(child, signal);
        await status;
      },
      async done() {
        const { success } = await status;
        if (!success) throw ended.signal.reason;
      },
    };
  }

  /** Starts a command whose first line of output ends with where it listens. */
  async serve(args: readonly string[]): Promise<Serving> {
    const running = this.start([...args, "--quiet"]);
    const { value = "" } = await running.lines.read();
    const port = /:(\d+)\/?$/.exec(value)?.[1];
    if (port === undefined) {
      await running.end("SIGKILL");
      throw running.ended.reason;
    }
    return { ...running, port: Number(port) };
  }

  /**
   * Runs a command that moves one file, and kills it.
   *
   * @param moment Resolves when it is time to, with what has been moved by then.
   */
  async kill(
    args: readonly string[],
    moment: (signal: AbortSignal) => Promise<number>,
  ): Promise<number> {
    const running = this.start([...args, "--quiet"]);
    const bytes = await moment(AbortSignal.any([this.#signal, running.ended]));
    await running.end("SIGKILL");
    return bytes;
  }

  /** Runs a command that moves one file to its end. */
  async finish(args: readonly string[]): Promise<Moved> {
    const running = this.start([...args, "--json"]);
    const events = [];
    for (let next = await running.lines.read(); !next.done; next = await running.lines.read()) {
      events.push(JSON.parse(next.value));
    }
    await running.done();
    const file = events.find(({ event }) => event === "done");
    const { seconds } = events.find(({ event }) => event === "summary");
    return { bytes: file.transferredBytes, seconds, path: file.path };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#children].map((child) => child.status);
    this.#killAll();
    await Promise.all(ends);
  }

  #killAll(): void {
    for (const child of this.#children) kill(child, "SIGKILL");
  }
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // It has ended already.
  }
}

async function lastText(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + piece).slice(-NOTES_LENGTH);
  }
  return text;
}
