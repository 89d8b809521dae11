/**
 * Two network namespaces that a program joins by a link with delay, rate and loss: NAME-a (10.77.0.1) and NAME-b
 * (10.77.0.2). Needs root.
 */

import { TextLineStream } from "@std/streams";

/** The link, each direction alone. */
export interface LinkOptions {
  /** The program that makes it. */
  readonly netlab: string;
  readonly prefix: string;
  /** One way, in milliseconds. */
  readonly delay: number;
  /** In Mbit/s. */
  readonly rate: number;
  /** In KB. */
  readonly queue: number;
  /** In percent. */
  readonly loss: number;
}

/** The address of an end. */
export const ADDRESS = { a: "10.77.0.1", b: "10.77.0.2" } as const;

/** A command in one of the namespaces. */
export function inside(
  { prefix }: Pick<LinkOptions, "prefix">,
  end: "a" | "b",
  argv: readonly string[],
  cwd?: string,
): Deno.Command {
  return new Deno.Command("ip", {
    args: ["netns", "exec", `${prefix}-${end}`, ...argv],
    ...cwd === undefined ? {} : { cwd },
    stdout: "piped",
    stderr: "piped",
  });
}

/** Makes the link, runs the task, and takes the link down. */
export async function withLink<T>(options: LinkOptions, task: () => Promise<T>): Promise<T> {
  const flags = (["delay", "rate", "queue", "loss", "prefix"] as const).flatMap((name) => {
    return [`--${name}`, String(options[name])];
  });
  const netlab = new Deno.Command(options.netlab, { args: flags, stdout: "piped", stderr: "piped" });
  return await beside(netlab, (line) => line.includes("ready"), task);
}

/** Starts a program, waits for a line of its output or of its errors, runs the task, and ends the program. */
export async function beside<T>(
  command: Deno.Command,
  isReady: (line: string) => boolean,
  task: () => Promise<T>,
): Promise<T> {
  const child = command.spawn();
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  const watched = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      if (isReady(line)) resolve();
    }
  });
  try {
    await Promise.race([
      ready,
      child.status.then(() => Promise.reject(new Error("A program ended early"))),
    ]);
    return await task();
  } finally {
    try {
      child.kill("SIGINT");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await Promise.all(watched);
  }
}

/** What a command writes. @throws {Error} It fails: what it wrote as errors. */
export async function outputOf(command: Deno.Command): Promise<string> {
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
