/**
 * An upload over a long link beside a bare TCP stream of the same bytes, in turn. The link is made by a program
 * that joins two network namespaces, NAME-a (10.77.0.1) and NAME-b (10.77.0.2); needs root.
 *
 *   deno run -A bench/long_link.ts --netlab PATH [--delay 50] [--rate 100] [--queue 1250] [--loss 0]
 *     [--size 64M] [--rounds 3] [--dir /dev/shm]
 */

import { parseArgs } from "@std/cli";
import { fromFileUrl, join } from "@std/path";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { ADDRESS, beside, inside, outputOf, withLink } from "./lab.ts";
import { makeFile, median } from "./measure.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const PREFIX = "transfer-bench";
const PORT = 4700;

/** Deno in one of the namespaces. */
function deno(end: "a" | "b", ...args: string[]): Deno.Command {
  return inside({ prefix: PREFIX }, end, [Deno.execPath(), "run", "-A", ...args], ROOT);
}

async function tcpSeconds(file: string): Promise<number> {
  const receiver = deno("b", "bench/bare_tcp.ts", "receive", ADDRESS.b, String(PORT));
  return await beside(receiver, (line) => line === "listening", async () => {
    return Number(await outputOf(deno("a", "bench/bare_tcp.ts", "send", ADDRESS.b, String(PORT), file)));
  });
}

async function uploadSeconds(file: string, dir: string): Promise<number> {
  const uploads = await Deno.makeTempDir({ dir, prefix: "transfer-bench-" });
  const address = ["--host", ADDRESS.b, "--port", String(PORT), "--dir", uploads, "--token", "bench"];
  const client = [
    "main.ts",
    "upload",
    file,
    "--ws",
    `ws://${ADDRESS.b}:${PORT}/ws`,
    "--token",
    "bench",
    "--json",
  ];
  try {
    return await beside(
      deno("b", "main.ts", "ws-serve", ...address),
      (line) => line.includes("ws://"),
      async () => {
        const events = (await outputOf(deno("a", ...client))).trim().split("\n");
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
const link = {
  netlab: String(args.netlab ?? "netlab"),
  prefix: PREFIX,
  delay: Number(args.delay ?? 50),
  rate: Number(args.rate ?? 100),
  queue: Number(args.queue ?? 1250),
  loss: Number(args.loss ?? 0),
};
const source = await Deno.makeTempDir({ dir, prefix: "transfer-bench-source-" });
try {
  const file = join(source, "file.bin");
  await makeFile(file, size);
  await withLink(link, async () => {
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
