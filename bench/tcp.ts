/** `tcp-get` from `tcp-serve` beside rsync from its daemon, lftp from nginx, and what iperf3 carries. */

import { join } from "@std/path";
import { type Bench, carrying, serveTransfer } from "./bench.ts";
import { type Contender, type Place, type Row, SECONDS } from "./contender.ts";
import { checkFile, checkTree } from "./files.ts";
import { startFileNginx } from "./nginx.ts";
import { freePort, onServer, type Server, startServer } from "./processes.ts";

const FILES = 10_000;

/** What is fetched. */
interface Wanted {
  readonly name: string;
  readonly check: (to: string) => Promise<void>;
}

/** The rows. */
export function tcp(bench: Bench): readonly Row[] {
  const { sources } = bench;
  const [source, tree] = [sources.file("1G"), sources.tree(FILES)];
  const file: Wanted = { name: source.name, check: (to) => checkFile(join(to, source.name), source) };
  const files: Wanted = {
    name: tree.name,
    check: (to) => checkTree(join(to, tree.name), join(sources.dir, tree.name)),
  };
  return [
    {
      name: "tcp large",
      title: "TCP, 1 GiB over loopback",
      unit: SECONDS,
      bytes: source.bytes,
      files: [source],
      contenders: [
        tcpGet(bench, file),
        rsync(bench, file),
        lftp(bench, file, "pget -n 4"),
        iperf(bench, source.bytes),
      ],
    },
    {
      name: "tcp many",
      title: "TCP, 10,000 files of 4 KiB over loopback",
      unit: SECONDS,
      bytes: FILES * 4096,
      files: [tree],
      contenders: [tcpGet(bench, files), rsync(bench, files), lftp(bench, files, "mirror -P 8")],
    },
  ];
}

function tcpGet(bench: Bench, { name, check }: Wanted): Contender {
  return carrying(bench, {
    name: "transfer",
    serve: (at) => {
      return serveTransfer(bench, at, [
        "tcp-serve",
        bench.sources.dir,
        "--list",
        join(bench.dir, "list.txt"),
      ]);
    },
    client: ({ address, to }, { port }) => {
      return [...bench.transfer, "tcp-get", `${address}:${port}`, name, "--out", to, "--quiet"];
    },
    check,
  });
}

function rsync(bench: Bench, { name, check }: Wanted): Contender {
  return carrying(bench, {
    name: "rsync -a from its daemon",
    programs: ["rsync"],
    serve: (at) => startRsync(at, bench),
    client: ({ address, to }, { port }) => ["rsync", "-a", `rsync://${address}:${port}/served/${name}`, to],
    check,
  });
}

/** An rsync daemon with one module. */
async function startRsync(place: Place, { dir, sources }: Bench): Promise<Server> {
  const port = freePort();
  const config = join(dir, `rsyncd-${port}.conf`);
  const user = Deno.uid() === 0 ? "uid = root\ngid = root\n" : "";
  await Deno.writeTextFile(
    config,
    `port = ${port}\naddress = ${place.address}\nuse chroot = no\nlock file = ${config}.lock\n` +
      `log file = ${config}.log\n${user}[served]\npath = ${sources.dir}\n`,
  );
  return await startServer(onServer(place, ["rsync", "--daemon", "--no-detach", `--config=${config}`]), {
    port,
  });
}

function lftp(bench: Bench, { name, check }: Wanted, command: "pget -n 4" | "mirror -P 8"): Contender {
  return carrying(bench, {
    name: `lftp ${command} from nginx`,
    programs: ["lftp", "nginx"],
    serve: (at) => startFileNginx(at, { state: bench.dir, root: bench.sources.dir }),
    client: ({ address, to }, { port }) => {
      const url = `http://${address}:${port}/${name}`;
      const target = command === "pget -n 4" ? `-o ${join(to, name)}` : join(to, name);
      return ["lftp", "--norc", "-c", `set xfer:use-temp-file no; ${command} ${url} ${target}`];
    },
    check,
  });
}

/** One stream, with nothing read from files or written to them. */
function iperf(bench: Bench, bytes: number): Contender {
  return carrying(bench, {
    name: "iperf3, one stream (limit)",
    programs: ["iperf3"],
    serve: (at) => startIperf(at),
    client: (
      { address },
      { port },
    ) => ["iperf3", "-c", address, "-p", String(port), "-R", "-n", String(bytes)],
  });
}

/** iperf3's server. */
export async function startIperf(place: Place): Promise<Server> {
  const port = freePort();
  const words = ["iperf3", "-s", "-B", place.address, "-p", String(port)];
  return await startServer(onServer(place, words), { port });
}
