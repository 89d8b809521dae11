/**
 * An upload over a long link beside a bare TCP stream of the same bytes, in turn. The link is made by a program
 * that joins two network namespaces, NAME-a (10.77.0.1) and NAME-b (10.77.0.2); needs root.
 *
 *   deno run -A bench/long_link.ts --netlab PATH [--delay 50] [--rate 100] [--queue 1250] [--loss 0]
 *     [--size 64M] [--rounds 3] [--dir /dev/shm]
 */

import { parseArgs } from "@std/cli";
import { fromFileUrl, join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { makeFile, median } from "./measure.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const PREFIX = "transfer-bench";
const ADDRESS = "10.77.0.2";
const PORT = 4700;

/** A program in one of the namespaces. */
function inside(end: "a" | "b", ...args: string[]): Deno.Command {
  return new Deno.Command("ip", {
    args: ["netns", "exec", `${PREFIX}-${end}`, Deno.execPath(), "run", "-A", ...args],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  });
}

/** Starts a program, waits for a line of its output or of its errors, runs the task, and ends the program. */
async function beside<T>(
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

async function outputOf(command: Deno.Command): Promise<string> {
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function tcpSeconds(file: string): Promise<number> {
  const receiver = inside("b", "bench/bare_tcp.ts", "receive", ADDRESS, String(PORT));
  return await beside(receiver, (line) => line === "listening", async () => {
    return Number(await outputOf(inside("a", "bench/bare_tcp.ts", "send", ADDRESS, String(PORT), file)));
  });
}

async function uploadSeconds(file: string, dir: string): Promise<number> {
  const uploads = await Deno.makeTempDir({ dir, prefix: "transfer-bench-" });
  const address = ["--host", ADDRESS, "--port", String(PORT), "--dir", uploads, "--token", "bench"];
  const client = [
    "main.ts",
    "upload",
    file,
    "--ws",
    `ws://${ADDRESS}:${PORT}/ws`,
    "--token",
    "bench",
    "--json",
  ];
  try {
    return await beside(
      inside("b", "main.ts", "ws-serve", ...address),
      (line) => line.includes("ws://"),
      async () => {
        const events = (await outputOf(inside("a", ...client))).trim().split("\n");
        return JSON.parse(events.at(-1) ?? "").seconds;
      },
    );
  } finally {
    await Deno.remove(uploads, { recursive: true });
  }
}

const args = parseArgs(Deno.args, {
  string: ["netlab", "delay", "rate", "queue", "loss", "size", "rounds", "dir"],
});
const dir = String(args.dir ?? "/dev/shm");
const size = byteSize(String(args.size ?? "64M"));
const link = { delay: "50", rate: "100", queue: "1250", loss: "0", ...args };
const flags = (["delay", "rate", "queue", "loss"] as const).flatMap((
  name,
) => [`--${name}`, String(link[name])]);
const netlab = new Deno.Command(String(args.netlab ?? "netlab"), {
  args: [...flags, "--prefix", PREFIX],
  stdout: "piped",
  stderr: "piped",
});
const source = await Deno.makeTempDir({ dir, prefix: "transfer-bench-source-" });
try {
  const file = join(source, "file.bin");
  await makeFile(file, size);
  await beside(netlab, (line) => line.includes("ready"), async () => {
    const ratios: number[] = [];
    for (let i = 0; i < Number(args.rounds ?? 3); i++) {
      const [tcp, upload] = [await tcpSeconds(file), await uploadSeconds(file, dir)];
      ratios.push(tcp / upload);
      printResult(
        `bare TCP ${tcp.toFixed(2)} s  upload ${upload.toFixed(2)} s  ${
          (100 * tcp / upload).toFixed(1)
        } % of it`,
      );
    }
    printResult(`median: ${(100 * median(ratios)).toFixed(1)} % of bare TCP`);
  });
} finally {
  await Deno.remove(source, { recursive: true });
}
