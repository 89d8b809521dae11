import { parseResponseHead } from "../../net/response_head.ts";
import type { Alarms } from "./alarms.ts";
import { encodeHead } from "./encoded_head.ts";
import type { ProxyEvent } from "./proxy_context.ts";
import { HEAD_RULES } from "./proxy_limits.ts";
import type { Upstream, UpstreamConnection } from "./upstream.ts";
import type { UpstreamFault } from "./upstream_health.ts";

/** How upstreams are probed. */
export interface ProbeOptions {
  /**
   * What is asked for, with GET; it has to be answered with 2xx or 3xx. `undefined`: `HEAD /`, and any answer
   * below 500 will do.
   */
  readonly path: string | undefined;
  /** How long one may take, after the connection is made, in milliseconds. */
  readonly timeoutMs: number;
}

/** What a probe found; "nothing": it could not be made. */
type Finding = "fine" | "nothing" | { readonly fault: UpstreamFault; readonly reason: string };

/** Asks upstreams whether they are up. Disposing of it ends the probes under way. */
export class Prober implements AsyncDisposable {
  readonly #options: ProbeOptions & {
    readonly alarms: Alarms;
    readonly onEvent: (event: ProxyEvent) => void;
  };
  readonly #stop = new AbortController();
  readonly #probing = new Map<Upstream, Promise<void>>();

  constructor(
    options: ProbeOptions & { readonly alarms: Alarms; readonly onEvent: (event: ProxyEvent) => void },
  ) {
    this.#options = options;
  }

  /** Begins to probe each upstream that is due. */
  look(upstreams: Iterable<Upstream>): void {
    const nowMs = performance.now();
    for (const upstream of upstreams) {
      if (upstream.health.probeAtMs > nowMs || this.#probing.has(upstream)) continue;
      upstream.health.probing(nowMs);
      this.#probing.set(upstream, this.#settle(upstream).finally(() => this.#probing.delete(upstream)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#probing.values());
  }

  async #settle(upstream: Upstream): Promise<void> {
    const { onEvent } = this.#options;
    const found = await this.#probe(upstream);
    if (this.#stop.signal.aborted || found === "nothing") return;
    const { origin, health } = upstream;
    if (found === "fine") {
      if (health.answered(performance.now())) onEvent({ type: "up", upstream: origin });
    } else if (health.failed(found.fault, performance.now())) {
      onEvent({ type: "down", upstream: origin, reason: found.reason });
    }
  }

  async #probe(upstream: Upstream): Promise<Finding> {
    const { path, timeoutMs, alarms } = this.#options;
    const { signal } = this.#stop;
    using resources = new DisposableStack();
    let isLate = false;
    try {
      const connection = await upstream.connect(signal);
      if (connection.kind === "unreachable") {
        const { fault, reason } = connection;
        return fault === "exhausted" ? "nothing" : { fault, reason };
      }
      resources.defer(() => connection.close());
      signal.addEventListener("abort", connection.close, { once: true });
      resources.defer(() => signal.removeEventListener("abort", connection.close));
      const alarm = resources.use(alarms.add(() => {
        isLate = true;
        connection.close();
      }));
      alarm.set(timeoutMs);
      const status = await statusOf(connection, { path, host: upstream.address.authority });
      if (status < (path === undefined ? 500 : 400)) return "fine";
      return { fault: "broken", reason: `A probe was answered ${status}` };
    } catch (error) {
      if (isLate) return { fault: "slow", reason: "A probe was not answered in time" };
      return { fault: "broken", reason: error instanceof Error ? error.message : String(error) };
    }
  }
}

async function statusOf(
  connection: UpstreamConnection,
  { path, host }: { readonly path: string | undefined; readonly host: string },
): Promise<number> {
  const method = path === undefined ? "HEAD" : "GET";
  await connection.write(encodeHead(`${method} ${path ?? "/"} HTTP/1.1`, [
    ["Host", host],
    ["User-Agent", "transfer-probe"],
    ["Connection", "close"],
  ]));
  const head = await connection.reader.readHead();
  if (head === undefined) throw new Error("It closed the connection without an answer");
  return parseResponseHead(head, { method, rules: HEAD_RULES }).status;
}
