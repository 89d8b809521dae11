/** `tracker proxy` beside nginx, each in front of the same servers, and the servers without any. */

import { join } from "@std/path";
import { type Bench, serveBare, serveTransfer } from "./bench.ts";
import {
  A_SECOND,
  type Contender,
  MEGABYTES_A_SECOND,
  MILLISECONDS,
  type Outcome,
  type Place,
  type Row,
  type Unit,
} from "./contender.ts";
import { startNginx } from "./nginx.ts";
import type { Server } from "./processes.ts";
import { download, loadFor, requestMs, upload } from "./proxy_load.ts";
import { median } from "./table.ts";

const REQUESTS = 5_000;
const CONNECTIONS = 64;
const SMALL = "1K";
const LOAD_MS = 4_000;
const KILL_AFTER_MS = 1_500;
const FAILED: Unit = { name: "failed", better: "less", digits: 0 };

/** How an upstream is started. */
type Start = (place: Place) => Promise<Server>;
/** A proxy in front of some ports. */
type StartProxy = (place: Place, upstreams: readonly number[]) => Promise<Server>;

/** The rows. */
export function proxy(bench: Bench): readonly Row[] {
  return [...copyRows(bench), ...requestRows(bench)];
}

/** A GiB, down and up. */
function copyRows(bench: Bench): readonly Row[] {
  const large = bench.sources.file("1G");
  const sink: Start = (place) => serveBare(place, "bare_sink.ts", [String(large.bytes)]);
  const rate = (seconds: number): Outcome => ({ value: large.bytes / 1e6 / seconds });
  return [
    {
      name: "proxy down",
      title: "Proxy, 1 GiB down",
      unit: MEGABYTES_A_SECOND,
      files: [large],
      contenders: through(
        bench,
        files(bench),
        async (port) => rate(await download(port, `/${large.name}`, large.bytes)),
      ),
    },
    {
      name: "proxy up",
      title: "Proxy, 1 GiB up",
      unit: MEGABYTES_A_SECOND,
      files: [large],
      contenders: through(bench, sink, async (port) => rate(await upload(port, large.bytes))),
    },
  ];
}

/** Many small requests. */
function requestRows(bench: Bench): readonly Row[] {
  const upstream = files(bench);
  const row = { files: [bench.sources.file(SMALL)] };
  return [
    {
      ...row,
      name: "proxy request",
      title: `Proxy, a request of 1 KiB, one at a time; a round is the median of ${REQUESTS}`,
      unit: MILLISECONDS,
      contenders: through(bench, upstream, async (port) => {
        const times = (await requestMs(port, { path: `/${SMALL}`, count: REQUESTS })).toSorted((a, b) =>
          a - b
        );
        return {
          value: median(times),
          remark: `99 %: ${times[Math.floor(times.length * 0.99)]?.toFixed(3)} ms`,
        };
      }),
    },
    {
      ...row,
      name: "proxy load",
      title: `Proxy, requests of 1 KiB a second over ${CONNECTIONS} connections`,
      unit: A_SECOND,
      contenders: through(bench, upstream, async (port) => {
        const load = { path: `/${SMALL}`, connections: CONNECTIONS, ms: LOAD_MS };
        const { answered } = await loadFor(port, load);
        return { value: answered / (LOAD_MS / 1000) };
      }),
    },
    {
      ...row,
      name: "proxy killed",
      title: `Proxy, requests that failed when one of two upstreams is killed under load of ${
        LOAD_MS / 1000
      } s`,
      unit: FAILED,
      hasWarmUp: false,
      contenders: [
        killing("transfer", upstream, (...all) => startOwn(bench, ...all)),
        killing("nginx, one process", upstream, (...all) => startOther(bench, ...all)),
      ],
    },
  ];
}

/** An upstream that serves the files of the bench. */
function files(bench: Bench): Start {
  return (place) => startNginx(place, { state: bench.dir, inside: `root ${bench.sources.dir};`, workers: 1 });
}

function through(bench: Bench, upstream: Start, run: (port: number) => Promise<Outcome>): Contender[] {
  return [
    asking("transfer", { upstream, proxy: (...all) => startOwn(bench, ...all), run }),
    asking("nginx, one process", { upstream, proxy: (...all) => startOther(bench, ...all), run }),
    asking("no proxy (limit)", { upstream, run }),
  ];
}

/** A proxy, or none, that is asked by this process; what is measured is the proxy alone. */
function asking(
  name: string,
  { upstream, proxy, run }: {
    readonly upstream: Start;
    readonly proxy?: StartProxy;
    readonly run: (port: number) => Promise<Outcome>;
  },
): Contender {
  return {
    name,
    programs: ["nginx"],
    start: async (place) => {
      await using stack = new AsyncDisposableStack();
      const behind = stack.use(await upstream(place));
      const front = proxy === undefined ? behind : stack.use(await proxy(place, [behind.port]));
      const kept = stack.move();
      return {
        servers: [front.pid],
        run: () => run(front.port),
        [Symbol.asyncDispose]: () => kept.disposeAsync(),
      };
    },
  };
}

/** All is started anew each round: one of the upstreams does not outlive it. */
function killing(name: string, upstream: Start, proxy: StartProxy): Contender {
  return {
    name,
    programs: ["nginx"],
    start: (place) =>
      Promise.resolve({
        servers: [],
        run: async () => {
          await using one = await upstream(place);
          await using two = await upstream(place);
          await using front = await proxy(place, [one.port, two.port]);
          const timer = setTimeout(() => one.kill(), KILL_AFTER_MS);
          const load = { path: `/${SMALL}`, connections: CONNECTIONS, ms: LOAD_MS };
          const { answered, failedAtMs } = await loadFor(front.port, load);
          clearTimeout(timer);
          const late = failedAtMs.filter((ms) => ms > KILL_AFTER_MS + 1000).length;
          const remark = `${answered} answered; ${late} failed later than a second after the kill`;
          return { value: failedAtMs.length, remark };
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

async function startOwn(bench: Bench, place: Place, upstreams: readonly number[]): Promise<Server> {
  const conf = join(bench.dir, `proxy-${upstreams.join("-")}.conf`);
  const passes = upstreams.map((port) => `proxy_pass http://127.0.0.1:${port};`).join(" ");
  await Deno.writeTextFile(conf, `host 127.0.0.1 { ${passes} }`);
  return await serveTransfer(bench, place, ["tracker", "proxy", "--conf", conf]);
}

/** nginx as a proxy that streams, with connections to its upstreams kept, as its manual has it. */
async function startOther(bench: Bench, place: Place, upstreams: readonly number[]): Promise<Server> {
  const servers = upstreams.map((port) => `server 127.0.0.1:${port};`).join(" ");
  return await startNginx(place, {
    state: bench.dir,
    workers: 1,
    outside: `upstream all { ${servers} keepalive 64; }`,
    inside: `location / {
      proxy_pass http://all; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_max_temp_file_size 0; client_max_body_size 0;
    }`,
  });
}
