import type { Alarms } from "./alarms.ts";
import type { CopyMemory } from "./copy_memory.ts";
import type { ProxyLimits } from "./proxy_limits.ts";
import type { ProxyMetrics } from "./proxy_metrics.ts";
import type { Routes } from "./routes.ts";

/** A request that is over. */
export interface RequestEvent {
  readonly type: "request";
  readonly address: string;
  readonly method: string;
  /** What was asked for, as it came: not to be printed as it is. */
  readonly target: string;
  /** Of the `Host`; "" for none. */
  readonly host: string;
  /** Of HTTP/1. */
  readonly minor: 0 | 1;
  readonly userAgent: string;
  readonly referer: string;
  /** 499: the client did not wait for it. */
  readonly status: number;
  /** To the client, heads included. */
  readonly bytes: number;
  readonly ms: number;
  /** The last one that was asked. */
  readonly upstream: string | undefined;
  /** Of how many attempts it was. */
  readonly attempts: number;
  /** Whether the client got less than it was told. */
  readonly isCut: boolean;
}

/** Something that a proxy has to tell. */
export type ProxyEvent =
  | RequestEvent
  /** A connection that was not taken, or whose request could not be read. */
  | { readonly type: "refused"; readonly address: string; readonly reason: string; readonly message: string }
  /** An upstream failed a request. */
  | { readonly type: "failed"; readonly upstream: string; readonly fault: string; readonly reason: string }
  /** An upstream gets no more requests, or gets them again. */
  | { readonly type: "down"; readonly upstream: string; readonly reason: string }
  | { readonly type: "up"; readonly upstream: string };

/** What all connections of a proxy share. */
export interface ProxyContext {
  readonly limits: ProxyLimits;
  readonly alarms: Alarms;
  readonly memory: CopyMemory;
  readonly metrics: ProxyMetrics;
  readonly scheme: "http" | "https";
  /** The name by which the proxy knows requests that it passed on. */
  readonly pseudonym: string;
  /** Those of now: a request keeps the ones that it began with. */
  routes(): Routes;
  readonly onEvent: (event: ProxyEvent) => void;
}
