import type { HostName } from "../../net/host_name.ts";
import { Balancer } from "./balancer.ts";
import type { HostConf, ProxyConf } from "./conf.ts";
import { findHost } from "./host_lookup.ts";
import { Upstream, type UpstreamOptions } from "./upstream.ts";

/** Where the requests of a host go. */
export interface Route {
  readonly conf: HostConf;
  readonly balancer: Balancer<Upstream>;
}

/** All hosts of a configuration, and the upstreams that they share. */
export class Routes {
  readonly #hosts = new Map<string, Route>();
  readonly #upstreams = new Map<string, Upstream>();

  /**
   * @param options `before`: the routes that these replace. An upstream in both stays what it is, with its health
   * and its connections; one that is only in them is retired.
   */
  constructor(conf: ProxyConf, options: UpstreamOptions & { readonly before?: Routes }) {
    const before = new Map([...options.before?.upstreams ?? []].map((each) => [each.origin, each]));
    for (const [key, host] of conf) {
      const upstreams = host.upstreams.map((address) => {
        const known = this.#upstreams.get(address.origin) ?? before.get(address.origin);
        const upstream = known ?? new Upstream(address, options);
        this.#upstreams.set(address.origin, upstream);
        return upstream;
      });
      const balancer = new Balancer(upstreams, { policy: host.policy, random: Math.random });
      this.#hosts.set(key, { conf: host, balancer });
    }
    for (const upstream of before.values()) {
      if (!this.#upstreams.has(upstream.origin)) upstream.retire();
    }
  }

  get upstreams(): Iterable<Upstream> {
    return this.#upstreams.values();
  }

  /** @param scheme Tells the port of a request that says none. */
  find(host: HostName, scheme: "http" | "https"): Route | undefined {
    return findHost(this.#hosts, host, scheme === "http" ? 80 : 443);
  }
}
