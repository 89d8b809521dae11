import { ConnectionLimit } from "../../net/connection_limit.ts";
import { type Arrival, listenTcp, type ListenTcpOptions, type TcpListening } from "../../net/tcp_listener.ts";
import { Alarms } from "./alarms.ts";
import { ClientConnection } from "./client_connection.ts";
import type { ProxyConf } from "./conf.ts";
import { CopyMemory } from "./copy_memory.ts";
import { Prober } from "./prober.ts";
import type { ProxyContext, ProxyEvent } from "./proxy_context.ts";
import { PROXY_LIMITS, type ProxyLimits } from "./proxy_limits.ts";
import { ProxyMetrics } from "./proxy_metrics.ts";
import { Routes } from "./routes.ts";
import type { UpstreamOptions } from "./upstream.ts";
import { HEALTH, type HealthOptions } from "./upstream_health.ts";

/** Options of {@linkcode startProxy}. */
export interface ProxyOptions extends Pick<ListenTcpOptions, "host" | "port" | "tls"> {
  readonly conf: ProxyConf;
  /** Most connections of clients at a time. */
  readonly maxConnections: number;
  /** Most of them from one address; of IPv6 from one /64. */
  readonly maxConnectionsPerAddress: number;
  /** A path that upstreams are asked for all the time, to see whether they are up. Default: only those that are down. */
  readonly healthPath?: string | undefined;
  /** Authorities for https upstreams, in PEM, besides those of the system. */
  readonly caCerts?: readonly string[] | undefined;
  readonly limits?: ProxyLimits | undefined;
  readonly health?: HealthOptions | undefined;
  readonly onEvent: (event: ProxyEvent) => void;
}

/** A running proxy. */
export interface Proxy {
  readonly port: number;
  /** Uses another configuration for the requests to come; those under way end as they began. */
  reload(conf: ProxyConf): void;
  /** Uses another certificate for the connections to come. @throws {TypeError} It speaks no TLS. */
  setCertificate: TcpListening["setCertificate"];
  /** What it counts, in Prometheus' text format. */
  metrics(): string;
  /** Stops: nothing new is taken, requests under way are answered, for as long as its limits say. */
  close(): Promise<void>;
}

/** Large buffers for bodies: 16 MiB. Beyond as many bodies at a time, the others go through small ones. */
const LARGE_BUFFERS = 128;
/** Alarms may be that late, and upstreams are looked at as often, in milliseconds. */
const PRECISION_MS = 100;

/**
 * Starts a reverse proxy for HTTP/1.1.
 *
 * @throws {Error} The address can't be listened on; `code` tells why.
 */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  await using opening = new AsyncDisposableStack();
  const { limits = PROXY_LIMITS, onEvent, caCerts = [], healthPath } = options;
  const shortest = Math.min(...Object.values(limits).filter((ms) => ms > 0));
  const alarms = opening.use(new Alarms(Math.min(PRECISION_MS, Math.ceil(shortest / 4))));
  const metrics = new ProxyMetrics();
  const health = options.health ?? { ...HEALTH, probeUpMs: healthPath === undefined ? undefined : 5_000 };
  const upstreamOptions: UpstreamOptions = { health, caCerts, connectMs: limits.connectMs };
  let routes = new Routes(options.conf, upstreamOptions);
  opening.defer(() => {
    for (const upstream of routes.upstreams) upstream.retire();
  });
  const prober = opening.use(new Prober({ path: healthPath, timeoutMs: limits.connectMs, alarms, onEvent }));
  const checks = setInterval(() => {
    prober.look(routes.upstreams);
    for (const upstream of routes.upstreams) upstream.sweep();
  }, Math.min(PRECISION_MS, health.probeMs));
  opening.defer(() => clearInterval(checks));
  const clients = opening.use(
    new Clients(options, {
      limits,
      alarms,
      memory: new CopyMemory(LARGE_BUFFERS),
      metrics,
      scheme: options.tls === undefined ? "http" : "https",
      pseudonym: `transfer-${crypto.randomUUID().slice(0, 8)}`,
      routes: () => routes,
      onEvent,
    }),
  );
  const { port, setCertificate, close } = await listenTcp({
    ...options,
    handshakeMs: limits.handshakeMs,
    onArrival: (arrival) => clients.take(arrival),
  });
  opening.defer(close);
  const running = opening.move();
  return {
    port,
    setCertificate,
    reload: (conf) => void (routes = new Routes(conf, { ...upstreamOptions, before: routes })),
    metrics: () => metrics.render(routes.upstreams),
    close: () => running.disposeAsync(),
  };
}

/** The connections of a proxy's clients. */
class Clients implements AsyncDisposable {
  readonly #context: ProxyContext;
  readonly #limit: ConnectionLimit;
  readonly #serving = new Map<ClientConnection, Promise<void>>();

  constructor(
    { maxConnections, maxConnectionsPerAddress }: ProxyOptions,
    context: ProxyContext,
  ) {
    this.#context = context;
    this.#limit = new ConnectionLimit({ total: maxConnections, perAddress: maxConnectionsPerAddress });
  }

  /** Serves a connection, if there is room for it. */
  take(arrival: Arrival): void {
    const { address } = arrival;
    const { metrics, onEvent } = this.#context;
    const reason = this.#limit.admit(address);
    if (reason !== undefined) {
      arrival.close();
      arrival.stream.then((stream) => stream.close(), () => {});
      metrics.refused(reason).increment();
      return onEvent({ type: "refused", address, reason, message: reason });
    }
    const connection = new ClientConnection(arrival, this.#context);
    metrics.connections.add(1);
    const serving = connection.serve().finally(() => {
      this.#serving.delete(connection);
      this.#limit.release(address);
      metrics.connections.add(-1);
    });
    this.#serving.set(connection, serving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#serving.keys()) connection.leave();
    const timer = setTimeout(() => {
      for (const connection of this.#serving.keys()) connection.close();
    }, this.#context.limits.goodbyeMs);
    await Promise.all(this.#serving.values());
    clearTimeout(timer);
  }
}
