/**
 * `transfer fetch-ranges` beside aria2c, in turn, from an nginx of its own (Debian's packages nginx-light and
 * aria2):
 *
 *   deno run -A bench/compare_download.ts [--rounds 5] [--size 1G] [--dir /dev/shm] [--binary ./transfer]
 *
 * prints a table for a file from and to tmpfs, and one for 20 MB/s each connection. Over a link of netlab, whose
 * namespaces are called NAME-a and NAME-b, both programs with the same number of connections:
 *
 *   netlab --delay 25 --loss 1 --prefix lab &
 *   deno run -A bench/compare_download.ts --link lab --address 10.77.0.2 [--size 32M] [--connections 5]
 *
 * Times are of whole processes. `transfer` computes SHA-256 and syncs the file; aria2c does neither.
 */

import { parseArgs } from "@std/cli";
import { dirname, fromFileUrl, join } from "@std/path";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import {
  ariaDownload,
  type DownloadRound,
  startNginx,
  type Task,
  transferDownload,
} from "./download_round.ts";
import { digestOf, makeFile, median } from "./measure.ts";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));
const FILE = "file.bin";
const LIMIT = 20_000_000;

const args = parseArgs(Deno.args, {
  string: ["rounds", "size", "dir", "binary", "link", "address", "connections", "port"],
});
const link = args.link === undefined ? undefined : String(args.link);
const rounds = Number(args.rounds ?? 5);
const size = byteSize(String(args.size ?? (link === undefined ? "1G" : "32M")));
const dir = String(args.dir ?? "/dev/shm");
const command = args.binary === undefined
  ? [Deno.execPath(), "run", "-A", "--config", join(ROOT, "deno.json"), join(ROOT, "main.ts")]
  : [String(args.binary)];
const inside = (end: "a" | "b") => link === undefined ? [] : ["ip", "netns", "exec", `${link}-${end}`];

const root = await Deno.makeTempDir({ dir, prefix: "transfer-bench-source-" });
try {
  // nginx gives up its rights, and has to get in nevertheless.
  await Deno.chmod(root, 0o755);
  await makeFile(join(root, FILE), size);
  await using nginx = await startNginx({
    root,
    address: String(args.address ?? "127.0.0.1"),
    port: Number(args.port ?? 28_090),
    limitRate: LIMIT,
    prefix: inside("b"),
  });
  const sha256 = await digestOf(join(root, FILE));
  const task = (path: string, connections: number): Task => {
    return { url: `${nginx.origin}/${path}`, sha256, size, connections, dir, prefix: inside("a") };
  };
  if (link !== undefined) {
    const connections = Number(args.connections ?? 5);
    await compare(`${link}, ${connections} connections each`, {
      mine: task(FILE, connections),
      theirs: task(FILE, connections),
    });
  } else {
    const mine = Number(args.connections ?? 5);
    await compare(`loopback, ${mine} connections and aria2c 8`, {
      mine: task(FILE, mine),
      theirs: task(FILE, 8),
    });
    await compare(`${LIMIT / 1e6} MB/s each connection, 5 connections`, {
      mine: task(`limited/${FILE}`, 5),
      theirs: task(`limited/${FILE}`, 5),
    });
  }
} finally {
  await Deno.remove(root, { recursive: true });
}

/** Prints a line a round, and the medians. */
async function compare(title: string, tasks: { readonly mine: Task; readonly theirs: Task }): Promise<void> {
  printResult(`\n${title}: ${(size / 1e6).toFixed(0)} MB, ${rounds} rounds in turn`);
  printResult("             transfer                        aria2c");
  const mine: DownloadRound[] = [];
  const theirs: DownloadRound[] = [];
  // Memory that this machine gets from its host is slow at first.
  await ariaDownload(tasks.theirs);
  for (let index = 0; index < rounds; index++) {
    const one = await transferDownload(command, tasks.mine);
    const other = await ariaDownload(tasks.theirs);
    mine.push(one);
    theirs.push(other);
    printResult(`   ${index + 1}     ${roundText(one)}     ${roundText(other)}`);
  }
  const [own, other] = [mine, theirs].map((each) => median(each.map(({ seconds }) => seconds)));
  if (own === undefined || other === undefined) return;
  printResult(`median   ${rateText(own)}               ${rateText(other)}`);
  printResult(`transfer takes ${(own / other).toFixed(2)} of aria2c's time`);
}

function roundText({ seconds, peakMb }: DownloadRound): string {
  return `${rateText(seconds)} ${peakMb.toFixed(0).padStart(4)} MB peak`;
}

function rateText(seconds: number): string {
  return `${seconds.toFixed(2).padStart(6)} s ${(size / 1e6 / seconds).toFixed(1).padStart(6)} MB/s`;
}
