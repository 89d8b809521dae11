/**
 * The main job, end to end, on one machine: `deno task demo`. Starts a server, uploads a real file,
 * kills the upload half-way, runs the same command again, and compares what arrived. Exit code 0 only
 * if every digest is equal; nothing is left behind.
 */

import { fromFileUrl, join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { createHash, randomFillSync } from "node:crypto";
import { formatBytes } from "./terminal/format.ts";
import { printResult } from "./terminal/output.ts";

const SIZE = 64 * 1024 * 1024;
const MAIN = fromFileUrl(new URL("./main.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("./deno.json", import.meta.url));
/** Nothing here takes this long; a demo that hangs is worse than one that fails. */
const LIMIT_MS = 120_000;

function transfer(args: readonly string[], signal: AbortSignal): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", CONFIG, MAIN, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal,
  }).spawn();
}

/** Waits until half the file is on the server's disk. */
async function halfThere(uploads: string, client: Deno.ChildProcess): Promise<number> {
  using watcher = Deno.watchFs(uploads);
  // Without a client nothing would ever come.
  void client.status.then(() => watcher.return?.());
  for await (const event of watcher) {
    for (const path of event.paths.filter((each) => each.endsWith(".part"))) {
      const { size } = await Deno.stat(path);
      if (size >= SIZE / 2) return size;
    }
  }
  throw new Error("The upload was not seen");
}

async function end(server: Deno.ChildProcess): Promise<void> {
  try {
    server.kill("SIGTERM");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // It has ended already.
  }
  await server.status;
}

function row(what: string, outcome: string): void {
  printResult(`  ${what.padEnd(34)} ${outcome}`);
}

async function demo(dir: string, signal: AbortSignal): Promise<boolean> {
  const uploads = join(dir, "uploads");
  const file = join(dir, "film.mkv");
  await Deno.mkdir(uploads);
  const bytes = randomFillSync(new Uint8Array(SIZE));
  await Deno.writeFile(file, bytes);
  const expected = createHash("sha256").update(bytes).digest("hex");
  row("A file of random bytes", `film.mkv, ${formatBytes(SIZE)}`);

  const server = transfer(["ws-serve", "--port", "0", "--dir", uploads], signal);
  const lines = server.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  try {
    const port = /:(\d+)\/$/.exec((await lines.read()).value ?? "")?.[1];
    if (port === undefined) throw new Error("The server did not start");
    row("transfer ws-serve", `listening on port ${port}`);
    const args = ["upload", file, "--json", "--ws", `ws://127.0.0.1:${port}/ws`];

    const first = transfer(args, signal);
    const killedAt = await halfThere(uploads, first);
    first.kill("SIGKILL");
    await first.output();
    row("transfer upload film.mkv", `killed (SIGKILL) at ${formatBytes(killedAt)}`);

    const { stdout } = await transfer(args, signal).output();
    const done = JSON.parse(new TextDecoder().decode(stdout).split("\n")[0] ?? "");
    const resumedAt = done.bytes - done.transferredBytes;
    row("transfer upload film.mkv", `went on at ${formatBytes(resumedAt)}, ${done.seconds.toFixed(2)} s`);

    const onDisk = createHash("sha256").update(await Deno.readFile(done.path)).digest("hex");
    const response = await fetch(`http://127.0.0.1:${port}/files/film.mkv`, { signal });
    const fetched = createHash("sha256").update(await response.bytes()).digest("hex");
    const checks = [
      ["SHA-256 of the file", expected, expected],
      ["as the client computed it", done.sha256, expected],
      ["on the server's disk", onDisk, expected],
      ["fetched back over HTTP", fetched, expected],
    ] as const;
    for (const [what, found, wanted] of checks) {
      row(what, `${found.slice(0, 16)}…  ${found === wanted ? "equal" : "DIFFERENT"}`);
    }
    const resumed = resumedAt >= killedAt && resumedAt < SIZE;
    if (!resumed) row("went on where it stopped", "NO");
    return resumed && checks.every(([, found, wanted]) => found === wanted);
  } finally {
    await end(server);
    await lines.cancel();
  }
}

const dir = await Deno.makeTempDir({ prefix: "transfer-demo-" });
let isEqual = false;
try {
  isEqual = await demo(dir, AbortSignal.timeout(LIMIT_MS));
} finally {
  await Deno.remove(dir, { recursive: true });
}
printResult(isEqual ? "All equal, nothing left behind." : "NOT equal.");
Deno.exit(isEqual ? 0 : 1);
