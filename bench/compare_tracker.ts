/**
 * The tracker beside a bare `Deno.serve`, on one machine, in turn: messages a second from 64 connections, reads a
 * second, and 2,000 readers of events. Needs wrk (apt install wrk).
 *
 *     deno run -A bench/compare_tracker.ts [--rounds 3] [--dir /var/tmp] [--listeners 2000]
 */

import { parseArgs } from "@std/cli";
import { dirname, fromFileUrl, join } from "@std/path";
import { TextLineStream } from "@std/streams";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));
const SECONDS = 4;
const CONNECTIONS = 64;
const MESSAGES = 300;

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** What wrk measured. */
interface Load {
  readonly perSecond: number;
  readonly p99Ms: number;
}

async function start(args: readonly string[]): Promise<Server> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", join(ROOT, "deno.json"), ...args],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  const port = /:(\d+)\/?$/.exec((await lines.read()).value ?? "")?.[1];
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await lines.cancel();
      await child.status;
    },
  };
}

const tracker = (db: string) =>
  start([join(ROOT, "main.ts"), "tracker", "--quiet", "--port", "0", "--db", db]);
const bare = (db: string) => start([join(ROOT, "bench/tracker_bare.ts"), db]);

async function load(url: string, script?: string): Promise<Load> {
  const { stdout } = await new Deno.Command("wrk", {
    args: [
      "-t1",
      `-c${CONNECTIONS}`,
      `-d${SECONDS}`,
      "--latency",
      ...script === undefined ? [] : ["-s", script],
      url,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (/Non-2xx/.test(text)) throw new Error(`Not all was granted:\n${text}`);
  const [, p99 = "", unit = ""] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  const ms = { us: 0.001, ms: 1, s: 1000 }[unit] ?? NaN;
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), p99Ms: Number(p99) * ms };
}

async function post(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  await response.body?.cancel();
}

async function residentKb(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1]);
}

/** Follows events, and tells how many came, and how many of them not in their turn. */
async function listen(url: string): Promise<{ readonly conn: Deno.TcpConn; readonly ids: number[] }> {
  const { hostname, port } = new URL(url);
  const conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(
    new TextEncoder().encode(`GET /events?channel=general HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`),
  );
  const ids: number[] = [];
  const buffer = new Uint8Array(4096);
  // Its header: from then on it is told.
  await conn.read(buffer);
  void (async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      const lines = (rest + decoder.decode(buffer.subarray(0, n))).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("id: ")) ids.push(Number(line.slice(4)));
    }
  })().catch(() => {});
  return { conn, ids };
}

async function readers(server: Server, count: number): Promise<string> {
  const hi = { peer_id: "alice", channel: "general", message: "hello everybody in this channel" };
  for (let i = 0; i < 100; i++) await post(`${server.url}/broadcast-peer`, hi);
  const before = await residentKb(server.pid);
  const open = [];
  for (let i = 0; i < count; i++) open.push(await listen(server.url));
  await post(`${server.url}/broadcast-peer`, hi);
  while (open.some(({ ids }) => ids.length < 1)) await new Promise((resolve) => setTimeout(resolve, 20));
  const idle = await residentKb(server.pid);
  const startedAt = performance.now();
  for (let i = 0; i < MESSAGES; i++) await post(`${server.url}/broadcast-peer`, hi);
  while (open.some(({ ids }) => ids.length < MESSAGES + 1)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await residentKb(server.pid);
  const wrong = open.filter(({ ids }) => ids.some((id, i) => i > 0 && id !== (ids[i - 1] ?? 0) + 1)).length;
  for (const { conn } of open) conn.close();
  const kb = (bytes: number) => ((bytes - before) / count).toFixed(1);
  return `${kb(idle)} KB a reader, ${
    kb(after)
  } KB after ${MESSAGES} messages more; ${wrong} readers were told ` +
    `out of order or twice; ${Math.round(count * MESSAGES / seconds)} events a second`;
}

function row(name: string, loads: readonly Load[]): number {
  const sorted = loads.map(({ perSecond }) => perSecond).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const p99 = Math.max(...loads.map(({ p99Ms }) => p99Ms));
  print(
    `${name.padEnd(34)} ${String(Math.round(median)).padStart(8)}/s (${sorted.map(Math.round).join(", ")})` +
      `  99 %: ${p99.toFixed(1)} ms`,
  );
  return median;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

interface Loads {
  readonly bareReads: Load[];
  readonly reads: Load[];
  readonly bareWrites: Load[];
  readonly memoryWrites: Load[];
  readonly writes: Load[];
}

function report(found: Loads): void {
  const bareReads = row("bare Deno.serve, JSON", found.bareReads);
  const reads = row("tracker, /get-list", found.reads);
  const bareWrites = row("bare, an insert and a sync each", found.bareWrites);
  const inMemory = row("bare, an insert into memory each", found.memoryWrites);
  const writes = row("tracker, /broadcast-peer, synced", found.writes);
  const of = (one: number, other: number) => `${(100 * one / other).toFixed(0)} %`;
  print(
    `reads: ${of(reads, bareReads)} of bare; writes: ${of(writes, bareWrites)} of synced, ${
      of(writes, inMemory)
    } of memory`,
  );
}

const flags = parseArgs(Deno.args, { string: ["rounds", "dir", "listeners"] });
const rounds = Number(flags.rounds ?? 3);
const dir = await Deno.makeTempDir({ dir: String(flags.dir ?? Deno.cwd()), prefix: "bench-tracker-" });
try {
  const script = join(dir, "post.lua");
  await Deno.writeTextFile(
    script,
    `wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n` +
      `wrk.body = '{"peer_id":"alice","channel":"general","message":"hello everybody in this channel"}'\n`,
  );
  const found: Loads = { bareReads: [], reads: [], bareWrites: [], memoryWrites: [], writes: [] };
  for (let round = 0; round < rounds; round++) {
    await using ours = await tracker(join(dir, `tracker-${round}.db`));
    await using theirs = await bare(join(dir, `bare-${round}.db`));
    await using memory = await bare(":memory:");
    await post(`${ours.url}/submit-info`, { peer_id: "alice", ip: "127.0.0.1", port: 9001 });
    found.bareReads.push(await load(`${theirs.url}/get-list`));
    found.reads.push(await load(`${ours.url}/get-list`));
    found.bareWrites.push(await load(`${theirs.url}/broadcast-peer`, script));
    found.memoryWrites.push(await load(`${memory.url}/broadcast-peer`, script));
    found.writes.push(await load(`${ours.url}/broadcast-peer`, script));
  }
  if (rounds > 0) report(found);
  const count = Number(flags.listeners ?? 2000);
  {
    await using ours = await tracker(join(dir, "readers.db"));
    print(`tracker, ${count} readers: ${await readers(ours, count)}`);
  }
  await using theirs = await bare(join(dir, "bare-readers.db"));
  print(`bare stream a reader, ${count}: ${await readers(theirs, count)}`);
} finally {
  await Deno.remove(dir, { recursive: true });
}
