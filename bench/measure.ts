/** What the benchmarks have in common: a file to send, peak memory, and one upload by the real programs. */

import { createHash } from "node:crypto";
import { startServer, startTransfer } from "../tests/support/program.ts";

const POLL_MS = 50;

/** One measured upload. */
export interface Round {
  readonly seconds: number;
  /** Peak memory in MB: the kernel's own high-water mark (VmHWM). */
  readonly clientMb: number;
  readonly serverMb: number;
}

/** Makes a file whose blocks are all different. */
export async function makeFile(path: string, size: number): Promise<void> {
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  using file = await Deno.create(path);
  for (let written = 0; written < size; written += block.length) {
    new DataView(block.buffer).setFloat64(0, written);
    await file.write(block.subarray(0, Math.min(block.length, size - written)));
  }
}

/** SHA-256 of a file in hexadecimal. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const bytes of file.readable) hash.update(bytes);
  return hash.digest("hex");
}

/** Peak memory of a process that runs, in MB. */
export async function peakMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? NaN) * 1024 / 1e6;
}

/** Looks at a process until it is gone; its high-water mark can't be read afterwards. */
export async function peakUntilEnd(child: Deno.ChildProcess): Promise<number> {
  let peak = 0;
  let hasEnded = false;
  void child.status.then(() => hasEnded = true);
  while (!hasEnded) {
    // Of a process that is ending the kernel no longer tells.
    peak = Math.max(peak, await peakMb(child.pid).catch(() => 0) || 0);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return peak;
}

/** Uploads with `transfer upload` to `transfer ws-serve`, and compares what arrived. */
export async function transferRound(
  paths: readonly string[],
  options: { readonly dir: string; readonly flags?: readonly string[] },
): Promise<Round> {
  const uploads = await Deno.makeTempDir({ dir: options.dir, prefix: "transfer-bench-" });
  try {
    await using server = await startServer(uploads);
    const client = startTransfer(["upload", ...paths, "--json", "--ws", server.ws, ...options.flags ?? []]);
    const output = new Response(client.stdout).text();
    const errors = new Response(client.stderr).text();
    const clientMb = await peakUntilEnd(client);
    const { code } = await client.status;
    if (code !== 0) throw new Error(`upload failed: ${await errors}`);
    const events = (await output).trim().split("\n").map((line) => JSON.parse(line));
    for (const done of events.filter(({ event }) => event === "done").slice(0, 3)) {
      if (await digestOf(done.path) !== done.sha256) throw new Error("What arrived differs");
    }
    return { seconds: events.at(-1).seconds, clientMb, serverMb: await peakMb(server.pid) };
  } finally {
    await Deno.remove(uploads, { recursive: true });
  }
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
