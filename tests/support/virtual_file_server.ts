import type { ResponseHead } from "../../protocols/http_ranges/response_check.ts";

/** How a simulated server serves its file, and how it misbehaves. Bytes, milliseconds, shares of 1. */
export interface VirtualServerOptions {
  readonly size: number;
  /** What one connection gets at most: all the same, or by the number of the request, from 1. */
  readonly connectionBytesPerMs: number | ((request: number) => number);
  /** What all get together. */
  readonly totalBytesPerMs?: number;
  /** From a request to the head of its answer. */
  readonly latencyMs: number;
  /** Ranges are served until then; later requests get the whole file with 200. */
  readonly rangesUntilMs?: number;
  readonly hasLength?: boolean;
  readonly hasValidators?: boolean;
  /** Which host it is; those of one name count as one. */
  readonly host?: string;
  /** Connections beyond so many are refused with this status, or reset soon after they were answered. */
  readonly limit?: {
    readonly connections: number;
    readonly status: number | "reset";
    readonly retryAfterSeconds?: number;
  };
  /** When the file is replaced by another version, which may be longer or shorter. */
  readonly changes?: readonly { readonly atMs: number; readonly size: number }[];
  /** The chance that a connection is lost within a second of it. */
  readonly loss?: number;
  /** The chance that an answer ends early as if it were whole, stalls for good, or starts somewhere else. */
  readonly truncated?: number;
  readonly stalled?: number;
  readonly misplaced?: number;
  /** The server is out of reach between these times. */
  readonly outage?: { readonly fromMs: number; readonly toMs: number };
}

/** An answer that is on its way. */
export interface VirtualAnswer {
  readonly head: ResponseHead;
  readonly bytesPerMs: number;
  /** Where in the file its body begins and ends, of which version, and what becomes of it on the way. */
  readonly from: number;
  readonly to: number;
  readonly version: number;
  readonly stallsAt: number;
  readonly lossPerMs: number;
}

/** A file over HTTP, as far as heads, ranges and bandwidth go. */
export class VirtualFileServer {
  readonly options: VirtualServerOptions;
  #requests = 0;
  readonly #random: () => number;

  constructor(options: VirtualServerOptions, random: () => number) {
    this.options = options;
    this.#random = random;
  }

  /** The version of the file and its size at a time. */
  file(nowMs: number): { readonly version: number; readonly size: number } {
    const past = (this.options.changes ?? []).filter(({ atMs }) => atMs <= nowMs);
    return { version: past.length, size: past.at(-1)?.size ?? this.options.size };
  }

  /** @returns `undefined`: there is no connection. */
  answer(
    range: { readonly from: number; readonly to: number | undefined; readonly ifRange: string | undefined },
    { open, nowMs }: { readonly open: number; readonly nowMs: number },
  ): VirtualAnswer | undefined {
    const { outage, limit, connectionBytesPerMs, rangesUntilMs = Infinity } = this.options;
    if (outage !== undefined && nowMs >= outage.fromMs && nowMs < outage.toMs) return undefined;
    const request = ++this.#requests;
    const { version, size } = this.file(nowMs);
    const bytesPerMs = typeof connectionBytesPerMs === "number"
      ? connectionBytesPerMs
      : connectionBytesPerMs(request);
    const none = { bytesPerMs, version, from: 0, to: 0, stallsAt: Infinity, lossPerMs: 0 };
    const isBeyond = limit !== undefined && open >= limit.connections;
    if (isBeyond && limit.status !== "reset") {
      const after = limit.retryAfterSeconds;
      return {
        ...none,
        head: head(limit.status, after === undefined ? {} : { "retry-after": String(after) }),
      };
    }
    const validators = this.#validators(version);
    const isSame = range.ifRange === undefined || range.ifRange === validators.etag;
    const isPart = range.to !== undefined && nowMs < rangesUntilMs && isSame;
    if (isPart && range.from >= size) {
      return { ...none, head: head(416, { "content-range": `bytes */${size}` }) };
    }
    const from = isPart ? range.from + (this.#happens(this.options.misplaced) ? 1 : 0) : 0;
    const to = isPart ? Math.min(range.to, size) : size;
    const length = this.options.hasLength === false && !isPart ? {} : { "content-length": String(to - from) };
    const place = isPart ? { "content-range": `bytes ${from}-${to - 1}/${size}` } : {};
    const some = from + Math.floor((to - from) * this.#random());
    return {
      head: head(isPart ? 206 : 200, { ...validators, ...length, ...place }),
      bytesPerMs,
      version,
      from,
      to: this.#happens(this.options.truncated) ? some : to,
      stallsAt: this.#happens(this.options.stalled) ? some : Infinity,
      lossPerMs: isBeyond ? 1 / 300 : (this.options.loss ?? 0) / 1000,
    };
  }

  #validators(version: number): { readonly etag?: string } {
    return this.options.hasValidators === false ? {} : { etag: `"${version}"` };
  }

  #happens(chance = 0): boolean {
    return chance > 0 && this.#random() < chance;
  }
}

function head(status: number, headers: Readonly<Record<string, string>>): ResponseHead {
  return { status, headers: { get: (name) => headers[name] } };
}

/** Shares a link fairly (max-min) among connections that can't take more than their own bound. */
export function fairShares(total: number, bounds: readonly number[]): number[] {
  const shares = bounds.map(() => 0);
  let rest = total;
  const order = bounds.map((bound, index) => ({ bound, index })).sort((a, b) => a.bound - b.bound);
  order.forEach(({ bound, index }, done) => {
    const share = Math.min(bound, rest / (order.length - done));
    shares[index] = share;
    rest -= share;
  });
  return shares;
}
