import { TextLineStream } from "@std/streams";
import { startTransfer } from "./program.ts";

/** What a chat prints, parsed. */
// deno-lint-ignore no-explicit-any
export type PrintedEvent = any;

/** A `transfer tracker chat` process without a terminal. */
export interface ChatProcess extends AsyncDisposable {
  /** Types a line. */
  type(line: string): Promise<void>;
  /** The next event of a kind; those before it are dropped. */
  until(kind: string): Promise<PrintedEvent>;
  /** Ends its input. @returns How it ended, and all events that were not read. */
  end(): Promise<{ readonly code: number; readonly rest: readonly PrintedEvent[]; readonly stderr: string }>;
}

/** Starts a {@linkcode ChatProcess}. */
export function startChat(args: readonly string[]): ChatProcess {
  const child = startTransfer(["tracker", "chat", ...args], { hasInput: true });
  const input = child.stdin.getWriter();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  const stderr = new Response(child.stderr).text();
  let isEnded = false;
  const end = async () => {
    isEnded = true;
    await input.close().catch(() => {});
    const rest: PrintedEvent[] = [];
    for (let next = await lines.read(); !next.done; next = await lines.read()) {
      rest.push(JSON.parse(next.value));
    }
    const { code } = await child.status;
    return { code, rest, stderr: await stderr };
  };
  return {
    type: (line) => input.write(new TextEncoder().encode(`${line}\n`)),
    async until(kind) {
      const passed: string[] = [];
      for (let next = await lines.read(); !next.done; next = await lines.read()) {
        const event: PrintedEvent = JSON.parse(next.value);
        if (event.event === kind) return event;
        passed.push(next.value);
      }
      throw new Error(`The chat ended before "${kind}": ${passed.join(" ")} ${await stderr}`);
    },
    end,
    async [Symbol.asyncDispose]() {
      if (!isEnded) await end();
    },
  };
}
