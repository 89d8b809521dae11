/** The tracker beside a bare `Deno.serve`, and beside redis for messages to many. */

import { join } from "@std/path";
import { type Bench, serveBare, serveTransfer } from "./bench.ts";
import { A_SECOND, type Contender, type Outcome, type Place, type Row, type Watch } from "./contender.ts";
import { fanOut, type Hub } from "./fan_out.ts";
import { residentKb } from "./measure.ts";
import { freePort, onServer, runClient, type Server, startServer } from "./processes.ts";

const CONNECTIONS = 64;
const SECONDS = 4;
const LISTENERS = 2_000;
const MESSAGES = 300;
const TEXT = "hello everybody in this channel";
const MESSAGE = JSON.stringify({ peer_id: "alice", channel: "general", message: TEXT });
const MS = { us: 0.001, ms: 1, s: 1000 } as const;

/** How a server is started, and what is asked of it. */
interface Asked {
  readonly name: string;
  readonly programs?: readonly string[];
  readonly serve: (place: Place) => Promise<Server>;
  readonly run: (server: Server, watch: Watch) => Promise<Outcome>;
}

/** The rows. */
export function tracker(bench: Bench): readonly Row[] {
  const script = join(bench.dir, "post.lua");
  const posting = {
    make: () => {
      const head = `wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n`;
      return Deno.writeTextFile(script, `${head}wrk.body = '${MESSAGE}'\n`);
    },
  };
  const [own, synced, memory] = [
    (place: Place) => startTracker(bench, place),
    (place: Place) =>
      serveBare(place, "bare_tracker.ts", [join(bench.disk, `bare-${crypto.randomUUID()}.db`)]),
    (place: Place) => serveBare(place, "bare_tracker.ts"),
  ];
  const loaded = (name: string, serve: Asked["serve"], path: string, flags: readonly string[] = []) =>
    asking({ name, programs: ["wrk"], serve, run: (server, watch) => load({ server, path, flags }, watch) });
  const post = ["-s", script];
  return [
    {
      name: "tracker writes",
      title: `Tracker, messages a second committed, ${CONNECTIONS} connections (wrk)`,
      unit: A_SECOND,
      files: [posting],
      contenders: [
        loaded("transfer, /broadcast-peer", own, "/broadcast-peer", post),
        loaded("bare Deno.serve, SQLite, an insert and a sync each", synced, "/broadcast-peer", post),
        loaded("bare Deno.serve, SQLite in memory", memory, "/broadcast-peer", post),
      ],
    },
    {
      name: "tracker reads",
      title: `Tracker, reads a second, ${CONNECTIONS} connections (wrk)`,
      unit: A_SECOND,
      files: [],
      contenders: [
        loaded("transfer, /get-list", own, "/get-list"),
        loaded("bare Deno.serve, JSON", memory, "/get-list"),
      ],
    },
    {
      name: "tracker listeners",
      title: `Tracker, ${LISTENERS} listeners in a channel: messages told, all together a second`,
      unit: A_SECOND,
      files: [],
      contenders: [
        asking({ name: "transfer, /events", serve: own, run: tellByHttp }),
        asking({ name: "bare Deno.serve, a stream each", serve: memory, run: tellByHttp }),
        asking({
          name: "redis pub/sub (limit)",
          programs: ["redis-server"],
          serve: (place) => startRedis(bench, place),
          run: tellByRedis,
        }),
      ],
    },
  ];
}

function asking({ name, programs = [], serve, run }: Asked): Contender {
  return {
    name,
    programs,
    start: async (place) => {
      const server = await serve(place);
      return {
        servers: [server.pid],
        run: (watch) => run(server, watch),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  };
}

async function startTracker(bench: Bench, place: Place): Promise<Server> {
  const db = join(bench.disk, `tracker-${crypto.randomUUID()}.db`);
  const server = await serveTransfer(bench, place, ["tracker", "--db", db]);
  const alice = { peer_id: "alice", ip: "127.0.0.1", port: 9001 };
  await post(`http://127.0.0.1:${server.port}/submit-info`, JSON.stringify(alice));
  return server;
}

async function startRedis(bench: Bench, place: Place): Promise<Server> {
  const port = freePort();
  const settings = ["--port", String(port), "--bind", place.address, "--save", "", "--appendonly", "no"];
  return await startServer(onServer(place, ["redis-server", ...settings, "--dir", bench.dir]), { port });
}

async function load(
  { server: { port }, path, flags }: {
    readonly server: Server;
    readonly path: string;
    readonly flags: readonly string[];
  },
  watch: Watch,
): Promise<Outcome> {
  const settings = ["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}`, "--latency", ...flags];
  const { stdout } = await runClient(["wrk", ...settings, `http://127.0.0.1:${port}${path}`], watch);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`not all was granted:\n${stdout}`);
  const [, p99 = "", unit = ""] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  const ms = Number(p99) * (unit === "us" || unit === "ms" || unit === "s" ? MS[unit] : NaN);
  return {
    value: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    remark: `99 %: ${ms.toFixed(1)} ms`,
  };
}

async function tellByHttp(server: Server, { signal }: Watch): Promise<Outcome> {
  const origin = `http://127.0.0.1:${server.port}`;
  return await told(server, signal, {
    hostname: "127.0.0.1",
    port: server.port,
    subscription: "GET /events?channel=general HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    tell: () => post(`${origin}/broadcast-peer`, MESSAGE),
  });
}

async function tellByRedis(server: Server, { signal }: Watch): Promise<Outcome> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  conn.setNoDelay();
  const buffer = new Uint8Array(4096);
  let id = 0;
  return await told(server, signal, {
    hostname: "127.0.0.1",
    port: server.port,
    subscription: "SUBSCRIBE general\r\n",
    tell: async () => {
      await conn.write(new TextEncoder().encode(`PUBLISH general "id: ${++id} ${TEXT}"\r\n`));
      await conn.read(buffer);
    },
  });
}

async function told(server: Server, signal: AbortSignal, hub: Hub): Promise<Outcome> {
  const beforeKb = residentKb(server.pid);
  let idleKb = NaN;
  const { perSecond, wrong } = await fanOut(hub, {
    listeners: LISTENERS,
    messages: MESSAGES,
    signal,
    meanwhile: () => idleKb = residentKb(server.pid),
  });
  const afterKb = residentKb(server.pid);
  const each = (kb: number) => ((kb - beforeKb) / LISTENERS).toFixed(1);
  const remark = `${each(idleKb)} KB each, ${each(afterKb)} after the messages; ${wrong} told wrong`;
  return { value: perSecond, remark };
}

async function post(url: string, body: string): Promise<void> {
  const response = await fetch(url, { method: "POST", body });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}
