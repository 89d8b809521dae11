/**
 * `transfer tracker proxy` beside nginx (Debian's nginx-light), each in front of the same upstreams:
 *
 *   deno run -A bench/compare_proxy.ts [--rounds 5] [--size 1G] [--dir /dev/shm] [--seconds 5]
 *
 * prints how fast a file comes through and goes through, what memory that takes, what a small request costs, and what
 * is lost when one of two upstreams is killed under load.
 */

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { makeFile, median, peakMb } from "./measure.ts";
import { download, loadFor, requestMs, upload } from "./proxy_load.ts";
import { startNginxProxy, startPlainServer, startSink, startTransferProxy } from "./proxy_servers.ts";

const args = parseArgs(Deno.args, { string: ["rounds", "size", "dir", "seconds"] });
const rounds = Number(args.rounds ?? 5);
const size = byteSize(String(args.size ?? "1G"));
const seconds = Number(args.seconds ?? 5);
const dir = String(args.dir ?? "/dev/shm");
const LATENCY_REQUESTS = 5_000;
const CONNECTIONS = 64;
const DIRECT = "direct";

/** Something to ask. */
interface Way {
  readonly name: string;
  readonly port: number;
  /** Of the proxy; `undefined`: there is none. */
  readonly pid: number | undefined;
}

await using resources = new AsyncDisposableStack();
const root = await Deno.makeTempDir({ dir, prefix: "transfer-bench-" });
resources.defer(() => Deno.remove(root, { recursive: true }));
await Deno.chmod(root, 0o755);
await makeFile(join(root, "file.bin"), size);
await Deno.writeTextFile(join(root, "small"), "x".repeat(1024));
const files = resources.use(await startPlainServer(root));
const sink = resources.use(startSink(size));

await compareBodies("1 GiB down", files.port, (port) => download(port, "/file.bin", size));
await compareBodies("1 GiB up", sink.port, (port) => upload(port, size));
await compareLatency();
for (const start of [startTransferProxy, startNginxProxy]) await killUnderLoad(start);

async function ways(stack: AsyncDisposableStack, upstream: number): Promise<readonly Way[]> {
  const mine = stack.use(await startTransferProxy([upstream]));
  const nginx = stack.use(await startNginxProxy([upstream]));
  return [
    { name: DIRECT, port: upstream, pid: undefined },
    mine,
    nginx,
  ];
}

async function compareBodies(title: string, upstream: number, pass: (port: number) => Promise<number>) {
  await using stack = new AsyncDisposableStack();
  const all = await ways(stack, upstream);
  const rates = new Map(all.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, port } of all) rates.get(name)?.push(size / 1e6 / await pass(port));
  }
  printResult(`\n${title}: MB/s, median of ${rounds} (all); peak memory of the proxy`);
  for (const { name, pid } of all) {
    const found = rates.get(name) ?? [];
    const memory = pid === undefined ? "" : `${(await peakMb(pid)).toFixed(0)} MB`;
    const list = found.map((rate) => rate.toFixed(0)).join(", ");
    printResult(`  ${name.padEnd(10)} ${median(found).toFixed(0).padStart(5)}  (${list})  ${memory}`);
  }
}

async function compareLatency(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const all = await ways(stack, files.port);
  printResult(
    `\na request of 1 KB: ms at the median and at 99 %, one at a time; a second over ${CONNECTIONS} connections`,
  );
  for (const { name, port } of all) {
    await requestMs(port, { path: "/small", count: 500 });
    const times = (await requestMs(port, { path: "/small", count: LATENCY_REQUESTS })).toSorted((a, b) =>
      a - b
    );
    const late = times[Math.floor(times.length * 0.99)] ?? NaN;
    const { answered } = await loadFor(port, {
      path: "/small",
      connections: CONNECTIONS,
      ms: seconds * 1000,
    });
    const perSecond = (answered / seconds).toFixed(0);
    printResult(
      `  ${name.padEnd(10)} ${median(times).toFixed(3)}  ${late.toFixed(3)}  ${perSecond.padStart(7)}`,
    );
  }
}

async function killUnderLoad(start: typeof startTransferProxy): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const [one, two] = [await startPlainServer(root), stack.use(await startPlainServer(root))];
  const proxy = stack.use(await start([one.port, two.port]));
  const killAtMs = seconds * 1000 / 3;
  const kill = setTimeout(() => one.kill(), killAtMs);
  const { answered, failedAtMs } = await loadFor(proxy.port, {
    path: "/small",
    connections: CONNECTIONS,
    ms: seconds * 1000,
  });
  clearTimeout(kill);
  await one[Symbol.asyncDispose]();
  const later = failedAtMs.filter((ms) => ms > killAtMs + 1000).length;
  printResult(
    `\n${proxy.name}: one of two upstreams killed after ${
      (killAtMs / 1000).toFixed(1)
    } s: ${answered} answered, ` +
      `${failedAtMs.length} failed, ${later} of them later than a second after`,
  );
}
