/**
 * Speed and peak memory of one upload over loopback, with the real programs: `deno task bench`.
 *
 *   deno run -A bench/ws_upload.ts [--size 1G] [--chunk 1M] [--dir DIR] [--rounds 3]
 *
 * `--dir /dev/shm` takes the disk out of it. Memory is the kernel's own high-water mark (VmHWM).
 */

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { startServer, startTransfer } from "../tests/support/program.ts";

const POLL_MS = 50;

interface Round {
  readonly seconds: number;
  readonly clientMb: number;
  readonly serverMb: number;
}

async function peakMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? NaN) * 1024 / 1e6;
}

/** Looks at a process until it is gone; its high-water mark can't be read afterwards. */
async function peakUntilEnd(child: Deno.ChildProcess): Promise<number> {
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

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const bytes of file.readable) hash.update(bytes);
  return hash.digest("hex");
}

async function round(
  file: string,
  options: { readonly dir: string; readonly chunk: string },
): Promise<Round> {
  const uploads = await Deno.makeTempDir({ dir: options.dir, prefix: "transfer-bench-" });
  try {
    await using server = await startServer(uploads);
    const client = startTransfer(["upload", file, "--json", "--chunk", options.chunk, "--ws", server.ws]);
    const output = new Response(client.stdout).text();
    const errors = new Response(client.stderr).text();
    const clientMb = await peakUntilEnd(client);
    const text = await output;
    if (text === "") throw new Error(`upload failed: ${await errors}`);
    const done = JSON.parse(text);
    if (await digestOf(done.path) !== done.sha256) throw new Error("What arrived differs");
    return { seconds: done.seconds, clientMb, serverMb: await peakMb(server.pid) };
  } finally {
    await Deno.remove(uploads, { recursive: true });
  }
}

const args = parseArgs(Deno.args, { string: ["size", "chunk", "dir", "rounds"] });
const size = byteSize(String(args.size ?? "1G"));
const chunk = String(args.chunk ?? "1M");
const dir = String(args.dir ?? Deno.env.get("TMPDIR") ?? "/tmp");
const source = await Deno.makeTempFile({ dir, prefix: "transfer-bench-" });
try {
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  {
    using file = await Deno.open(source, { write: true });
    const writer = file.writable.getWriter();
    for (let written = 0; written < size; written += block.length) {
      // Another first word each time: no two blocks are the same.
      new DataView(block.buffer).setFloat64(0, written);
      await writer.write(block.slice(0, Math.min(block.length, size - written)));
    }
    writer.releaseLock();
  }
  printResult(`${size} bytes in chunks of ${chunk}, below ${join(dir, "/")}`);
  for (let i = 0; i < Number(args.rounds ?? 3); i++) {
    const { seconds, clientMb, serverMb } = await round(source, { dir, chunk });
    printResult(
      `${seconds.toFixed(2)} s  ${(size / 1e6 / seconds).toFixed(0)} MB/s  ` +
        `peak memory: client ${clientMb.toFixed(0)} MB, server ${serverMb.toFixed(0)} MB`,
    );
  }
} finally {
  await Deno.remove(source);
}
