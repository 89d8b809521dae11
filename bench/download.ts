/** `fetch-ranges` beside the downloaders people use, all from the same nginx. */

import { join } from "@std/path";
import { type Bench, carrying } from "./bench.ts";
import { type Contender, type Link, type Row, SECONDS } from "./contender.ts";
import { checkFile, type Source } from "./files.ts";
import { startFileNginx } from "./nginx.ts";

const LIMIT = 20_000_000;
const LOSSY: Link = { delay: 25, rate: 0, queue: 1250, loss: 1 };

/** Connections for one file, as far as a program can be told. */
interface Settings {
  readonly transfer: number;
  readonly others: number;
  /** Bytes a second of each connection; 0: as fast as it goes. */
  readonly limitRate: number;
}

/** The rows. */
export function download(bench: Bench): readonly Row[] {
  const [large, half, small] = [
    bench.sources.file("1G"),
    bench.sources.file("512M"),
    bench.sources.file("32M"),
  ];
  const largest = bench.sources.file("4G");
  return [
    {
      name: "download loopback",
      title: "Download, 1 GiB over loopback (5 connections allowed; aria2c, axel and lftp 8)",
      unit: SECONDS,
      bytes: large.bytes,
      files: [large],
      contenders: contenders(bench, large, { transfer: 5, others: 8, limitRate: 0 }),
    },
    {
      name: "download limited",
      title: "Download, 512 MiB, the server gives each connection 20 MB/s; 5 connections",
      unit: SECONDS,
      bytes: half.bytes,
      files: [half],
      hasWarmUp: false,
      contenders: contenders(bench, half, { transfer: 5, others: 5, limitRate: LIMIT }),
    },
    {
      name: "download lossy",
      title: "Download, 32 MiB over 50 ms round trip with 1 % loss; 5 connections",
      unit: SECONDS,
      bytes: small.bytes,
      files: [small],
      link: LOSSY,
      repeats: 3,
      contenders: contenders(bench, small, { transfer: 5, others: 5, limitRate: 0 }),
    },
    {
      name: "download large",
      title: "Download, 4 GiB over loopback, 8 connections: memory",
      unit: SECONDS,
      bytes: largest.bytes,
      files: [largest],
      mostRounds: 1,
      hasWarmUp: false,
      contenders: contenders(bench, largest, { transfer: 8, others: 8, limitRate: 0 }).slice(0, 2),
    },
  ];
}

function contenders(
  bench: Bench,
  source: Source,
  { transfer, others, limitRate }: Settings,
): readonly Contender[] {
  const file = (to: string) => join(to, source.name);
  const getter = (
    name: string,
    words: (url: string, to: string) => readonly string[],
    programs: readonly string[],
  ): Contender =>
    carrying(bench, {
      name,
      programs: ["nginx", ...programs],
      serve: (at) => startFileNginx(at, { state: bench.dir, root: bench.sources.dir, limitRate }),
      client: ({ address, to }, { port }) => words(`http://${address}:${port}/${source.name}`, to),
      check: (to) => checkFile(file(to), source),
    });
  return [
    getter("transfer", (url, to) => {
      return [
        ...bench.transfer,
        "fetch-ranges",
        url,
        "--threads",
        String(transfer),
        "--out",
        `${to}/`,
        "--quiet",
      ];
    }, []),
    getter(`aria2c -x${others} -s${others} -k1M`, (url, to) => {
      const split = [`-x${others}`, `-s${others}`, "-k1M"];
      return ["aria2c", "--quiet", "--no-conf", `--dir=${to}`, ...split, "--file-allocation=none", url];
    }, ["aria2c"]),
    getter(`axel -n ${others}`, (url, to) => ["axel", "-q", "-n", String(others), "-o", file(to), url], [
      "axel",
    ]),
    getter("curl", (url, to) => ["curl", "-q", "-sS", "-f", "-o", file(to), url], ["curl"]),
    getter(`wget2 --max-threads ${others}`, (url, to) => {
      const split = ["--chunk-size=16M", `--max-threads=${others}`];
      return ["wget2", "--no-config", "--quiet", ...split, "-O", file(to), url];
    }, ["wget2"]),
    getter(`lftp pget -n ${others}`, (url, to) => {
      return ["lftp", "--norc", "-c", `set xfer:use-temp-file no; pget -n ${others} ${url} -o ${file(to)}`];
    }, ["lftp"]),
  ];
}
