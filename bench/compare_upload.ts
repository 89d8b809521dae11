/**
 * One upload over loopback by `transfer`, beside tus-js-client to @tus/server (npm, under Node), beside a bare
 * binary WebSocket echo of the same frames, in turn: `deno run -A bench/compare_upload.ts [--size 1G]
 * [--rounds 5] [--dir /dev/shm]`. Prints each, the medians, and their ratios.
 *
 * `transfer` checks a CRC-32 of each frame and SHA-256 of the whole on both sides, and syncs; tus does neither.
 */

import { parseArgs } from "@std/cli";
import { fromFileUrl, join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { makeFile, median, transferRound } from "./measure.ts";

const HERE = fromFileUrl(new URL(".", import.meta.url));

async function install(directory: string): Promise<void> {
  for (const name of ["package.json", "server.mjs", "client.mjs"]) {
    await Deno.copyFile(join(HERE, "tus", name), join(directory, name));
  }
  const { success } = await new Deno.Command("npm", {
    args: ["install", "--silent", "--no-audit", "--no-fund"],
    cwd: directory,
  }).output();
  if (!success) throw new Error("npm could not install tus");
}

/** Starts a server that prints its port, runs a client that prints its seconds, and ends the server. */
async function serverAndClient(
  server: Deno.Command,
  client: (port: string) => Deno.Command,
): Promise<number> {
  const running = server.spawn();
  const lines = running.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  try {
    const { value: port = "" } = await lines.read();
    const { stdout, success } = await client(port).output();
    if (!success) throw new Error("The client failed");
    return Number(new TextDecoder().decode(stdout));
  } finally {
    running.kill("SIGTERM");
    await running.status;
    await lines.cancel();
  }
}

async function tusRound(directory: string, file: string, target: string): Promise<number> {
  const uploads = await Deno.makeTempDir({ dir: target, prefix: "transfer-bench-" });
  const node = (...args: string[]) => new Deno.Command("node", { args, cwd: directory, stdout: "piped" });
  try {
    return await serverAndClient(node("server.mjs", uploads), (port) => node("client.mjs", file, port));
  } finally {
    await Deno.remove(uploads, { recursive: true });
  }
}

function echoRound(size: number): Promise<number> {
  const deno = (...args: string[]) => {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(HERE, "echo.ts"), ...args],
      stdout: "piped",
    });
  };
  return serverAndClient(deno("serve"), (port) => deno("send", port, String(size)));
}

const args = parseArgs(Deno.args, { string: ["size", "rounds", "dir"] });
const size = byteSize(String(args.size ?? "1G"));
const dir = String(args.dir ?? "/dev/shm");
const source = await Deno.makeTempDir({ dir, prefix: "transfer-bench-source-" });
const tus = await Deno.makeTempDir({ prefix: "transfer-bench-tus-" });
try {
  await install(tus);
  const file = join(source, "file.bin");
  await makeFile(file, size);
  const rates = { transfer: [] as number[], tus: [] as number[], echo: [] as number[] };
  for (let i = 0; i < Number(args.rounds ?? 5); i++) {
    const round = await transferRound([file], { dir });
    const seconds = {
      transfer: round.seconds,
      tus: await tusRound(tus, file, dir),
      echo: await echoRound(size),
    };
    rates.transfer.push(size / 1e6 / seconds.transfer);
    rates.tus.push(size / 1e6 / seconds.tus);
    rates.echo.push(size / 1e6 / seconds.echo);
    const [mine = 0, theirs = 0, bare = 0] = [rates.transfer.at(-1), rates.tus.at(-1), rates.echo.at(-1)];
    printResult(
      `transfer ${mine.toFixed(0)} MB/s (client ${round.clientMb.toFixed(0)} MB, server ` +
        `${round.serverMb.toFixed(0)} MB)  tus ${theirs.toFixed(0)} MB/s  echo ${bare.toFixed(0)} MB/s`,
    );
  }
  const [mine, theirs, bare] = [median(rates.transfer), median(rates.tus), median(rates.echo)];
  printResult(`medians: transfer ${mine.toFixed(0)}, tus ${theirs.toFixed(0)}, echo ${bare.toFixed(0)} MB/s`);
  printResult(
    `transfer is ${(mine / theirs).toFixed(2)} times as fast as tus, ${(mine / bare).toFixed(2)} of the echo`,
  );
} finally {
  await Deno.remove(source, { recursive: true });
  await Deno.remove(tus, { recursive: true });
}
