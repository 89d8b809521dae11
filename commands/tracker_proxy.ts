import type { Logger } from "@logtape/logtape";
import { parseConf, type ProxyConf } from "../protocols/proxy/conf.ts";
import { ConfProblem } from "../protocols/proxy/conf_tokens.ts";
import { serveMetrics } from "../protocols/proxy/metrics_server.ts";
import { PROXY_LIMITS } from "../protocols/proxy/proxy_limits.ts";
import { type Proxy, type ProxyOptions, startProxy } from "../protocols/proxy/server.ts";
import { setUpLog } from "../terminal/log.ts";
import { printResult } from "../terminal/output.ts";
import { printable } from "../terminal/printable.ts";
import { AccessLog } from "./access_log.ts";
import { type Command, defineCommand, EXIT } from "./command.ts";
import { fileProblem } from "./file_problem.ts";
import { duration, text, toggle, token, wholeNumber } from "./flag_values.ts";
import { explainListen, listening, untilAborted, urlHost, warnIfOpen } from "./listening.ts";
import {
  aliasedListenFlags,
  certificateFlags,
  connectionFlags,
  listenAddress,
  logFlags,
} from "./serving_flags.ts";
import { reloadOnHangUp, servedCertificate, trusted } from "./tls_flags.ts";
import { proxyLog } from "./tracker_proxy_log.ts";

/** `transfer tracker proxy`: a reverse proxy for HTTP and WebSockets. */
export const trackerProxy: Command = defineCommand({
  name: "tracker proxy",
  summary: "Pass HTTP requests on to other servers, by the host they are for",
  examples: [
    ["transfer tracker proxy --conf proxy.conf --host 0.0.0.0", "Passes on what others ask for"],
    ["transfer tracker proxy --conf proxy.conf --check", "Says where the file has mistakes, and ends"],
  ],
  arguments: "",
  details: `
The configuration names hosts, and the servers that share the requests of each:

  host "app.local" {                  # "app.local:8080": with that port only
      proxy_pass http://127.0.0.1:9001;
      proxy_pass http://127.0.0.1:9002;
      proxy_set_header Host $host;    # else the server's own
      dist_policy least-conn          # round-robin, least-conn, random, ip-hash
  }

SIGHUP reads it again, with the certificate, and reopens the access log; requests
under way are not disturbed, and what has mistakes is told and not used.`,
  flags: {
    conf: { summary: "The configuration", valueName: "FILE", default: "proxy.conf", parse: text },
    check: {
      summary: "Only say what is wrong with the configuration, or that nothing is",
      default: "false",
      parse: toggle,
    },
    ...aliasedListenFlags(8080),
    timeout: {
      summary: "How long a server may take to begin its answer, or to go on with it",
      valueName: "TIME",
      default: "60s",
      parse: timeSpan,
    },
    healthPath: {
      summary:
        "Path to ask servers for every 5 s, to see whether they are up; else only those that were down",
      valueName: "PATH",
      parse: path,
    },
    ca: {
      summary: "Trust the authorities in this PEM file too, for https servers",
      valueName: "FILE",
      parse: text,
    },
    ...certificateFlags("listen with TLS"),
    accessLog: { summary: "Write a line a request to this file", valueName: "FILE", parse: text },
    metricsPort: {
      summary: "Serve /metrics and /healthz on this port of --metrics-host, 0 for a free one",
      valueName: "PORT",
      parse: wholeNumber(0, 65_535),
    },
    metricsHost: { summary: "Address for the metrics", valueName: "HOST", default: "127.0.0.1", parse: text },
    token: {
      summary: "Ask for this token before the metrics are shown; better set by TRANSFER_TOKEN",
      valueName: "TOKEN",
      parse: token,
      isSecret: true,
    },
    ...connectionFlags({ all: 2048, perAddress: 256, of: " of clients" }),
    ...logFlags("both logs"),
  },
  async run({ conf: confFile, check, metricsPort, metricsHost, ...values }, { signal }) {
    const { host, port } = listenAddress(values);
    const conf = await readConf(confFile);
    if (check) {
      printResult(`${printable(confFile)}: ${summary(conf)}`);
      return EXIT.done;
    }
    const log = setUpLog({ format: values.log, quiet: values.quiet });
    const { tls, files } = await servedCertificate(log, values);
    const trust = values.ca === undefined ? undefined : await trusted(values.ca);
    await using resources = new AsyncDisposableStack();
    if (trust !== undefined) resources.use(trust);
    const told = resources.use(proxyLog(log));
    const accessLog = values.accessLog === undefined
      ? undefined
      : resources.use(await AccessLog.open({ path: values.accessLog, format: values.log, log }));
    const options: ProxyOptions = {
      ...values,
      conf,
      host,
      port,
      tls,
      caCerts: trust?.caCerts,
      limits: { ...PROXY_LIMITS, upstreamMs: values.timeout },
      onEvent: (event) => event.type === "request" ? accessLog?.note(event) : told.onEvent(event),
    };
    const proxy = await listening({ host, port }, () => startProxy(options));
    resources.defer(() => proxy.close());
    if (metricsPort !== undefined) {
      resources.use(watch(log, { host: metricsHost, port: metricsPort, token: values.token, proxy }));
    }
    const scheme = tls === undefined ? "http" : "https";
    printResult(`Proxying at ${scheme}://${urlHost(host)}:${proxy.port}`);
    log.info("listening", { host, port: proxy.port, tls: tls !== undefined, conf: summary(conf) });
    reloadOnHangUp(log, { server: proxy, files });
    resources.use(onHangUp(() => reload(log, { proxy, confFile, accessLog })));
    return await untilAborted(signal, { log, stop: () => resources.disposeAsync() });
  },
});

/** @throws {Error} It can't be read, or has mistakes: each with line and column, on a line. */
async function readConf(file: string): Promise<ProxyConf> {
  let written: string;
  try {
    written = await Deno.readTextFile(file);
  } catch (error) {
    const why = fileProblem(error);
    throw new Error(`The configuration ${printable(file)} can't be read: ${why}`, { cause: error });
  }
  try {
    return parseConf(written);
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    const lines = error.errors.filter((each) => each instanceof ConfProblem).map(({ place, message }) =>
      `${printable(file)}:${place.line}:${place.column}: ${printable(message)}`
    );
    throw new Error(["The configuration can't be used", ...lines].join("\n"), { cause: error });
  }
}

async function reload(
  log: Logger,
  { proxy, confFile, accessLog }: {
    readonly proxy: Proxy;
    readonly confFile: string;
    readonly accessLog: AccessLog | undefined;
  },
): Promise<void> {
  await accessLog?.reopen();
  try {
    const conf = await readConf(confFile);
    proxy.reload(conf);
    log.info("configuration reloaded", { conf: summary(conf) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error("configuration not reloaded, the one in use stays", { reason });
  }
}

function summary(conf: ProxyConf): string {
  const hosts = [...conf.values()];
  const upstreams = new Set(hosts.flatMap((each) => each.upstreams.map(({ origin }) => origin)));
  return `${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}, ` +
    `${upstreams.size} ${upstreams.size === 1 ? "server" : "servers"}`;
}

/** Serves the metrics. @throws {Error} The address can't be listened on. */
function watch(
  log: Logger,
  { host, port, token, proxy }: {
    readonly host: string;
    readonly port: number;
    readonly token: string | undefined;
    readonly proxy: Proxy;
  },
): AsyncDisposable {
  warnIfOpen(log, { host, token, can: "read the metrics" });
  try {
    const server = serveMetrics({ host, port, token, render: () => proxy.metrics() });
    log.info("metrics", { url: `http://${urlHost(host)}:${server.port}/metrics` });
    return server;
  } catch (error) {
    throw explainListen(error, { host, port });
  }
}

/** Has SIGHUP call something, one call after the other, until it is disposed of. */
function onHangUp(call: () => Promise<void>): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]: () => {} };
  let last = Promise.resolve();
  const listener = () => void (last = last.then(call));
  Deno.addSignalListener("SIGHUP", listener);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", listener) };
}

function timeSpan(value: string): number {
  const ms = duration(value);
  if (ms < 1000 || ms > 86_400_000) throw new RangeError("a time from 1s to 1d");
  return ms;
}

function path(value: string): string {
  if (!/^\/[\x21-\x7e]*$/.test(value)) throw new RangeError("a path such as /healthz");
  return value;
}
