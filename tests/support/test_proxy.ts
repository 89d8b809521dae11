import { parseConf } from "../../protocols/proxy/conf.ts";
import type { ProxyEvent, RequestEvent } from "../../protocols/proxy/proxy_context.ts";
import { PROXY_LIMITS, type ProxyLimits } from "../../protocols/proxy/proxy_limits.ts";
import { type Proxy, type ProxyOptions, startProxy } from "../../protocols/proxy/server.ts";
import { HEALTH, type HealthOptions } from "../../protocols/proxy/upstream_health.ts";

/** A proxy in this process, whose only host is `site.test` unless a configuration is given. */
export interface TestProxy extends AsyncDisposable {
  readonly port: number;
  readonly proxy: Proxy;
  /** All that it told so far. */
  readonly events: readonly ProxyEvent[];
  /** Waits until it has told of something. */
  told(is: (event: ProxyEvent) => boolean): Promise<ProxyEvent>;
  /** Waits for the end of so many requests. */
  requests(count: number): Promise<readonly RequestEvent[]>;
}

/** Starts a {@linkcode TestProxy}. */
export async function testProxy(
  upstreams: readonly string[],
  { conf, limits, health, ...options }: Partial<Omit<ProxyOptions, "conf" | "limits" | "health">> & {
    readonly conf?: string;
    readonly limits?: Partial<ProxyLimits>;
    readonly health?: Partial<HealthOptions>;
  } = {},
): Promise<TestProxy> {
  const events: ProxyEvent[] = [];
  const waiting = new Set<() => void>();
  const passes = upstreams.map((each) => `proxy_pass ${each};`).join(" ");
  const proxy = await startProxy({
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    conf: parseConf(conf ?? `host site.test { ${passes} }`),
    maxConnections: 1000,
    maxConnectionsPerAddress: 1000,
    limits: { ...PROXY_LIMITS, ...limits },
    health: { ...HEALTH, probeMs: 3_600_000, probeMostMs: 3_600_000, ...health },
    onEvent: (event) => {
      events.push(event);
      for (const look of waiting) look();
    },
    ...options,
  });
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = () => {
      const found = find();
      if (found !== undefined) resolve(found);
    };
    waiting.add(look);
    look();
    try {
      return await promise;
    } finally {
      waiting.delete(look);
    }
  };
  return {
    port: proxy.port,
    proxy,
    events,
    told: (is) => until(() => events.find(is)),
    requests: (count) =>
      until(() => {
        const over = events.filter((event) => event.type === "request");
        return over.length >= count ? over : undefined;
      }),
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}
