/** Programs that are started, waited for and ended. */

import type { Place, Watch } from "./contender.ts";
import { isBound } from "./measure.ts";

const READY_MS = 15_000;
const END_MS = 5_000;
const NEW_ENV = { NO_COLOR: "1" };

/** A server that listens. */
export interface Server extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** SIGKILL. */
  kill(): void;
}

/** Whether there is such a program. */
export function isInstalled(program: string): boolean {
  if (program.includes("/")) return isFile(program);
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"];
  return folders.some((folder) => isFile(`${folder}/${program}`));
}

/** A port that nobody has. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a server, and waits until it listens at its port. @throws {Error} It ended: what it wrote as errors. */
export async function startServer(
  words: readonly string[],
  { port, cwd, env = {} }: {
    readonly port: number;
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Server> {
  const child = command(words, { cwd, env, stdout: "null", stderr: "piped" }).spawn();
  const errors = new Response(child.stderr).text();
  let hasEnded = false;
  void child.status.then(() => hasEnded = true);
  const end = async () => {
    await endChild(child, () => hasEnded);
    await errors;
  };
  for (const untilMs = performance.now() + READY_MS; !isBound(child.pid, port) || hasEnded;) {
    if (hasEnded || performance.now() > untilMs) {
      await end();
      throw new Error(`${words.join(" ")} does not listen: ${await errors}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    pid: child.pid,
    port,
    kill: () => hasEnded ? undefined : child.kill("SIGKILL"),
    [Symbol.asyncDispose]: end,
  };
}

/**
 * Runs a client from its start to its end. @returns What it wrote, and the seconds that it took.
 * @throws {Error} It failed: what it wrote as errors.
 */
export async function runClient(
  words: readonly string[],
  { signal, add }: Watch,
  { cwd }: { readonly cwd?: string } = {},
): Promise<{ readonly stdout: string; readonly seconds: number }> {
  signal.throwIfAborted();
  const startedMs = performance.now();
  const child = command(words, { cwd, env: {}, stdout: "piped", stderr: "piped" }).spawn();
  add(child.pid);
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  const texts = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const { success, code } = await child.status;
  const seconds = (performance.now() - startedMs) / 1000;
  signal.removeEventListener("abort", kill);
  const [stdout, stderr] = await texts;
  if (!success) throw new Error(`${words.join(" ")} ended with ${code}: ${stderr.slice(-500)}`);
  return { stdout, seconds };
}

/** A command on the server's side. */
export function onServer({ server }: Place, words: readonly string[]): readonly string[] {
  return [...server, ...words];
}

/** A command on the client's side. */
export function onClient({ client }: Place, words: readonly string[]): readonly string[] {
  return [...client, ...words];
}

async function endChild(child: Deno.ChildProcess, hasEnded: () => boolean): Promise<void> {
  if (!hasEnded()) child.kill("SIGTERM");
  const timer = setTimeout(() => hasEnded() ? undefined : child.kill("SIGKILL"), END_MS);
  await child.status;
  clearTimeout(timer);
}

function command(
  [program = "", ...args]: readonly string[],
  { cwd, env, stdout, stderr }: {
    readonly cwd: string | undefined;
    readonly env: Readonly<Record<string, string>>;
    readonly stdout: "piped" | "null";
    readonly stderr: "piped";
  },
): Deno.Command {
  const options = { args: [...args], env: { ...NEW_ENV, ...env }, stdin: "null" as const, stdout, stderr };
  return new Deno.Command(program, cwd === undefined ? options : { ...options, cwd });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
