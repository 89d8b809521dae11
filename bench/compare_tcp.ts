/**
 * `transfer tcp-get` from `tcp-serve` beside rsync from its daemon and lftp (`pget -n 4`) from nginx, in turn, from
 * and to tmpfs over loopback (Debian's packages rsync, lftp, nginx-light and iperf3):
 *
 *   deno run -A bench/compare_tcp.ts [--rounds 5] [--size 1G] [--files 10000] [--dir /dev/shm] [--binary ./transfer]
 *
 * prints a table for one large file, and one for many of 4 KiB. Times are of whole processes, and what arrived is
 * compared after each. `transfer` checks SHA-256 and syncs; rsync checks its own digest; lftp does neither.
 */

import { parseArgs } from "@std/cli";
import { dirname, fromFileUrl, join } from "@std/path";
import { byteSize } from "../commands/flag_values.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { startTcpServer } from "../tests/support/program.ts";
import { type DownloadRound, startNginx, timedRun } from "./download_round.ts";
import { digestOf, makeFile, median, peakMb } from "./measure.ts";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));
const PORTS = { nginx: 28_190, rsync: 28_191, iperf: 28_192 };
const LARGE = "large.bin";

const args = parseArgs(Deno.args, { string: ["rounds", "size", "files", "dir", "binary"] });
const rounds = Number(args.rounds ?? 5);
const size = byteSize(String(args.size ?? "1G"));
const fileCount = Number(args.files ?? 10_000);
const dir = String(args.dir ?? "/dev/shm");
const transfer = args.binary === undefined
  ? [Deno.execPath(), "run", "-A", "--config", join(ROOT, "deno.json"), join(ROOT, "main.ts")]
  : [String(args.binary)];

/** A program of the comparison. */
interface Contender {
  readonly name: string;
  readonly command: (dir: string) => readonly string[];
}

const root = await Deno.makeTempDir({ dir, prefix: "transfer-bench-source-" });
try {
  await Deno.chmod(root, 0o755);
  const served = join(root, "served");
  await Deno.mkdir(join(served, "many"), { recursive: true });
  await makeFile(join(served, LARGE), size);
  const digest = await digestOf(join(served, LARGE));
  for (let index = 0; index < fileCount; index++) {
    await Deno.writeFile(join(served, "many", `${index}.bin`), crypto.getRandomValues(new Uint8Array(4096)));
  }
  await using server = await startTcpServer(served);
  await using _rsync = await startRsync(served);
  await using nginx = await startNginx({
    root: served,
    address: "127.0.0.1",
    port: PORTS.nginx,
    limitRate: 0,
    prefix: [],
  });
  printResult(`iperf3, one stream: ${await iperfRate()} MB/s`);
  const get = (name: string) => (to: string) => {
    return [...transfer, "tcp-get", `127.0.0.1:${server.port}`, name, "--out", to, "--quiet"];
  };
  const rsync =
    (name: string) => (to: string) => ["rsync", "-a", `rsync://127.0.0.1:${PORTS.rsync}/served/${name}`, to];
  const lftp = (to: string) => ["lftp", "-c", `pget -n 4 ${nginx.origin}/${LARGE} -o ${join(to, LARGE)}`];
  await compare(`one file of ${(size / 1e6).toFixed(0)} MB`, {
    contenders: [
      { name: "transfer", command: get(LARGE) },
      { name: "rsync", command: rsync(LARGE) },
      { name: "lftp", command: lftp },
    ],
    bytes: size,
    check: async (to) => {
      if (await digestOf(join(to, LARGE)) !== digest) throw new Error("What arrived differs");
    },
  });
  await compare(`${fileCount} files of 4 KiB`, {
    contenders: [{ name: "transfer", command: get("many") }, { name: "rsync", command: rsync("many") }],
    bytes: fileCount * 4096,
    check: (to) => sameTree(join(served, "many"), join(to, "many")),
  });
  printResult(`\ntcp-serve at its peak: ${(await peakMb(server.pid)).toFixed(0)} MB`);
} finally {
  await Deno.remove(root, { recursive: true });
}

/** Prints a line a round, and the medians. */
async function compare(
  title: string,
  { contenders, bytes, check }: {
    readonly contenders: readonly Contender[];
    readonly bytes: number;
    readonly check: (dir: string) => Promise<void>;
  },
): Promise<void> {
  printResult(`\n${title}, ${rounds} rounds in turn: seconds, MB/s, peak of the client`);
  printResult(`        ${contenders.map(({ name }) => name.padEnd(28)).join("")}`);
  const all = new Map<string, DownloadRound[]>(contenders.map(({ name }) => [name, []]));
  const text = (seconds: number) =>
    `${seconds.toFixed(2).padStart(6)} s ${(bytes / 1e6 / seconds).toFixed(0).padStart(5)} MB/s`;
  // The first of all is for memory that this machine gets from its host, which is slow at first.
  for (let index = 0; index <= rounds; index++) {
    const cells: string[] = [];
    for (const { name, command } of contenders) {
      const round = await timedRun({ dir, command, check });
      if (index > 0) all.get(name)?.push(round);
      cells.push(`${text(round.seconds)} ${round.peakMb.toFixed(0).padStart(4)} MB`.padEnd(28));
    }
    if (index > 0) printResult(`${String(index).padStart(6)}  ${cells.join("")}`);
  }
  const medians = contenders.map(({ name }) => median((all.get(name) ?? []).map(({ seconds }) => seconds)));
  printResult(`median  ${medians.map((seconds) => text(seconds).padEnd(28)).join("")}`);
  const [own = NaN, ...others] = medians;
  for (const [index, other] of others.entries()) {
    printResult(`transfer takes ${(own / other).toFixed(2)} of the time of ${contenders[index + 1]?.name}`);
  }
}

async function sameTree(one: string, other: string): Promise<void> {
  const { success } = await new Deno.Command("diff", { args: ["-rq", one, other], stdout: "null" }).output();
  if (!success) throw new Error(`${other} is not what ${one} is`);
}

/** Starts an rsync daemon over a directory, with one module. */
async function startRsync(path: string): Promise<AsyncDisposable> {
  const config = await Deno.makeTempFile({ prefix: "transfer-bench-rsync-" });
  await Deno.writeTextFile(
    config,
    `port = ${PORTS.rsync}\naddress = 127.0.0.1\nuse chroot = no\nlock file = ${config}.lock\n[served]\npath = ${path}\n`,
  );
  const child = new Deno.Command("rsync", {
    args: ["--daemon", "--no-detach", `--config=${config}`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  await untilListening(PORTS.rsync);
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(config);
    },
  };
}

/** What one TCP stream carries between two processes here, in MB/s. */
async function iperfRate(): Promise<string> {
  const server = new Deno.Command("iperf3", { args: ["-s", "-1", "-p", String(PORTS.iperf)], stdout: "null" })
    .spawn();
  try {
    for (;;) {
      const { stdout } = await new Deno.Command("iperf3", {
        args: ["-c", "127.0.0.1", "-p", String(PORTS.iperf), "-t", "3", "-J"],
      }).output();
      const rate = JSON.parse(new TextDecoder().decode(stdout)).end?.sum_received?.bits_per_second;
      if (typeof rate === "number") return (rate / 8e6).toFixed(0);
      printNote("iperf3 is not ready yet");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    await server.status;
  }
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
