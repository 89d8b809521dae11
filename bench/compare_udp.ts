/**
 * `transfer udp-get` from `udp-serve` over a link that loses, beside QUIC (ngtcp2's gtlsclient and gtlsserver), TCP
 * (iperf3) with BBR and CUBIC, and TFTP (atftp), each as far as it is installed (Debian's packages ngtcp2-client,
 * ngtcp2-server, iperf3, atftp, atftpd); needs root. `bench/lab.ts` says what NETLAB has to do.
 *
 *   deno run -A bench/compare_udp.ts --netlab PATH [--delay 25] [--rate 200] [--queue 1250] [--losses 1,5,10]
 *     [--sizes 64M,256M] [--rounds 3] [--with transfer,quic,tcp,tftp,fairness,loopback] [--dir /dev/shm]
 *
 * prints Mbit/s of file data, the median of the rounds, of whole processes; what arrived is compared. Of TCP it is
 * what iperf3 measures in ten seconds. `fairness` runs `transfer` beside a TCP flow on a link without loss and
 * prints what each gets. `loopback` needs no link.
 */

import { parseArgs } from "@std/cli";
import { fromFileUrl, join } from "@std/path";
import { byteSize } from "../commands/flag_values.ts";
import { printNote, printResult } from "../terminal/output.ts";
import { testCertificate } from "../tests/support/certificate.ts";
import { startUdpServer } from "../tests/support/program.ts";
import { ADDRESS, beside, inside, type LinkOptions, outputOf, withLink } from "./lab.ts";
import { digestOf, makeFile, median, peakMb, peakUntilEnd } from "./measure.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const PREFIX = "transfer-udp";
const PORT = 12_345;
/** Who has not ended by then has lost, in seconds. */
const PATIENCE_S = 120;

const args = parseArgs(Deno.args, {
  string: ["netlab", "delay", "rate", "queue", "losses", "sizes", "rounds", "with", "dir"],
});
const rounds = Number(args.rounds ?? 3);
const sizes = String(args.sizes ?? "64M,256M").split(",");
const losses = String(args.losses ?? "1,5,10").split(",").map(Number);
const wanted = new Set(String(args.with ?? "transfer,quic,tcp,tftp,fairness,loopback").split(","));
const link: LinkOptions = {
  netlab: String(args.netlab ?? "netlab"),
  prefix: PREFIX,
  delay: Number(args.delay ?? 25),
  rate: Number(args.rate ?? 200),
  queue: Number(args.queue ?? 1250),
  loss: 0,
};
const transfer = [Deno.execPath(), "run", "-A", "--config", join(ROOT, "deno.json"), join(ROOT, "main.ts")];

/** A way to get a file over the link: a server in one namespace, a client in the other. */
interface Contender {
  readonly name: string;
  readonly program: string;
  readonly server: readonly string[];
  /** What of the server's output says that it listens; `undefined`: it says nothing, and is given a second. */
  readonly ready: RegExp | undefined;
  readonly client: (name: string, to: string) => readonly string[];
}

const root = await Deno.makeTempDir({ dir: String(args.dir ?? "/dev/shm"), prefix: "transfer-bench-" });
try {
  const served = join(root, "served");
  await Deno.mkdir(served);
  for (const size of sizes) await makeFile(join(served, size), byteSize(size));
  const contenders = await installed(await contendersFor(served));
  for (const loss of losses) await compare(loss, contenders, served);
  if (wanted.has("fairness")) {
    for (const congestion of ["rate", "cubic"]) {
      for (const tcp of ["bbr", "cubic"]) await share(served, { congestion, tcp });
    }
  }
  if (wanted.has("loopback")) await overLoopback(served);
} finally {
  await Deno.remove(root, { recursive: true });
}

async function contendersFor(served: string): Promise<Contender[]> {
  const { cert, key } = testCertificate();
  const [certFile, keyFile] = [join(root, "cert.pem"), join(root, "key.pem")];
  await Deno.writeTextFile(certFile, cert);
  await Deno.writeTextFile(keyFile, key);
  const list = join(root, "list.txt");
  const serve = [...transfer, "udp-serve", served, "--host", ADDRESS.a, "--list", list, "--quiet"];
  return [
    ...["rate", "cubic"].map((congestion): Contender => ({
      name: `transfer ${congestion}`,
      program: Deno.execPath(),
      server: serve,
      ready: /^Serving/,
      client: (name, to) => {
        const flags = ["--out", to, "--quiet", "--congestion", congestion];
        return [...transfer, "udp-get", ADDRESS.a, name, ...flags];
      },
    })),
    ...["bbr", "cubic"].map((congestion): Contender => ({
      name: `quic ${congestion}`,
      program: "gtlsclient",
      server: [
        "gtlsserver",
        "-q",
        `--cc=${congestion}`,
        "-d",
        served,
        ADDRESS.a,
        String(PORT),
        keyFile,
        certFile,
      ],
      ready: undefined,
      client: (name, to) => [
        "gtlsclient",
        "-q",
        `--download=${to}`,
        "--exit-on-all-streams-close",
        ADDRESS.a,
        String(PORT),
        `https://${ADDRESS.a}:${PORT}/${name}`,
      ],
    })),
    {
      name: "tftp, window 64",
      program: "atftp",
      server: ["atftpd", "--daemon", "--no-fork", "--bind-address", ADDRESS.a, served],
      ready: undefined,
      client: (name, to) => [
        "atftp",
        "--option",
        "blksize 1428",
        "--option",
        "windowsize 64",
        "-g",
        "-r",
        name,
        "-l",
        join(to, name),
        ADDRESS.a,
      ],
    },
  ];
}

/** Those that were asked for and are installed. */
async function installed(contenders: readonly Contender[]): Promise<Contender[]> {
  const found: Contender[] = [];
  for (const contender of contenders) {
    if (!wanted.has(/^\w+/.exec(contender.name)?.[0] ?? "")) continue;
    const { success } = await new Deno.Command("which", { args: [contender.program], stdout: "null" })
      .output();
    if (success) found.push(contender);
    else printNote(`${contender.program} is not installed`);
  }
  return found;
}

async function compare(loss: number, contenders: readonly Contender[], served: string): Promise<void> {
  const { rate, delay } = link;
  printResult(`\n${rate} Mbit/s, round trip ${2 * delay} ms, ${loss} % lost: Mbit/s of file data`);
  await withLink({ ...link, loss }, async () => {
    for (const contender of contenders) {
      const cells: string[] = [];
      for (const name of sizes) {
        const rates: number[] = [];
        for (let round = 0; round < rounds; round++) rates.push(await getOnce(contender, name, served));
        cells.push(`${name} ${median(rates).toFixed(0).padStart(4)}`);
      }
      printResult(`${contender.name.padEnd(20)} ${cells.join("   ")}`);
    }
    if (!wanted.has("tcp")) return;
    for (const congestion of ["bbr", "cubic"]) {
      printResult(`${`tcp ${congestion}`.padEnd(20)} ${(await tcpRate(congestion, 10)).toFixed(0)}`);
    }
  });
}

/** @returns Mbit/s; 0: it did not end in time, or what arrived differs. */
async function getOnce(contender: Contender, name: string, served: string): Promise<number> {
  const to = await Deno.makeTempDir({ dir: root });
  const server = inside(link, "a", contender.server);
  const task = async () => {
    if (contender.ready === undefined) await new Promise((resolve) => setTimeout(resolve, 1000));
    const client = ["timeout", String(PATIENCE_S), ...contender.client(name, to)];
    const startedMs = performance.now();
    const { success } = await inside(link, "b", client, root).output();
    const seconds = (performance.now() - startedMs) / 1000;
    const arrived = success && await digestOf(join(to, name)).catch(() => "") ===
        await digestOf(join(served, name));
    return arrived ? byteSize(name) * 8 / 1e6 / seconds : 0;
  };
  try {
    const { ready } = contender;
    return ready === undefined
      ? await besideSilent(server, task)
      : await beside(server, (line) => ready.test(line), task);
  } finally {
    await Deno.remove(to, { recursive: true });
  }
}

/** As `beside`, for a program that says nothing. */
async function besideSilent<T>(command: Deno.Command, task: () => Promise<T>): Promise<T> {
  const child = command.spawn();
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  try {
    return await task();
  } finally {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await output;
  }
}

/** Mbit/s of one TCP flow, as iperf3 measures it at the receiver. */
async function tcpRate(congestion: string, seconds: number): Promise<number> {
  const server = inside(link, "b", ["iperf3", "-s", "--forceflush"]);
  return await beside(server, (line) => line.includes("listening"), async () => {
    const client = ["iperf3", "-c", ADDRESS.b, "-C", congestion, "-t", String(seconds), "-J"];
    const report = JSON.parse(await outputOf(inside(link, "a", client)));
    return report.end.sum_received.bits_per_second / 1e6;
  });
}

/** What a transfer and a TCP flow get of a link without random loss. */
async function share(
  served: string,
  { congestion, tcp }: { readonly congestion: string; readonly tcp: string },
): Promise<void> {
  const [name = "256M"] = sizes.slice(-1);
  const contender = (await contendersFor(served)).find((each) => each.name === `transfer ${congestion}`);
  if (contender === undefined) return;
  await withLink({ ...link, loss: 0 }, async () => {
    const [own, other] = await Promise.all([getOnce(contender, name, served), tcpRate(tcp, 15)]);
    printResult(
      `beside each other: transfer ${congestion} ${own.toFixed(0)}, tcp ${tcp} ${other.toFixed(0)} Mbit/s`,
    );
  });
}

async function overLoopback(served: string): Promise<void> {
  const [name = "256M"] = sizes.slice(-1);
  await using server = await startUdpServer(served);
  const rates: number[] = [];
  let clientMb = 0;
  for (let round = 0; round < rounds; round++) {
    const to = await Deno.makeTempDir({ dir: root });
    const [program = "", ...command] = transfer;
    const startedMs = performance.now();
    const flags = ["--out", to, "--quiet"];
    const child = new Deno.Command(program, {
      args: [...command, "udp-get", `127.0.0.1:${server.port}`, name, ...flags],
      stdout: "null",
    }).spawn();
    const [peak, { success }] = await Promise.all([peakUntilEnd(child), child.status]);
    if (!success) throw new Error("udp-get failed");
    rates.push(byteSize(name) / 1e6 / ((performance.now() - startedMs) / 1000));
    clientMb = Math.max(clientMb, peak);
    await Deno.remove(to, { recursive: true });
  }
  const peaks = `peak of the client ${clientMb.toFixed(0)} MB, of the server ${
    (await peakMb(server.pid)).toFixed(0)
  } MB`;
  printResult(`\nloopback: ${median(rates).toFixed(0)} MB/s; ${peaks}`);
}
