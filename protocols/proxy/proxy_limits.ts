import type { HeadRules } from "../../net/http_fields.ts";

/** How long things may take in a proxy, in milliseconds. */
export interface ProxyLimits {
  /** A TLS handshake of a client. */
  readonly handshakeMs: number;
  /** From one request's answer to the next request. */
  readonly idleMs: number;
  /** The head of a request, from its first byte to its last. */
  readonly headMs: number;
  /** Between two pieces of a request's body. */
  readonly bodyMs: number;
  /** Between two pieces of an answer that a client takes. */
  readonly writeMs: number;
  /** A connection to an upstream, with TLS. */
  readonly connectMs: number;
  /** An upstream takes a request, begins its answer, or goes on with it. */
  readonly upstreamMs: number;
  /** Without a byte either way on a WebSocket. */
  readonly tunnelMs: number;
  /** What a client still sends when it has been answered is read for so long. */
  readonly lingerMs: number;
  /** Requests under way when the server stops. */
  readonly goodbyeMs: number;
}

/** Of a server as it runs. */
export const PROXY_LIMITS: ProxyLimits = {
  handshakeMs: 10_000,
  idleMs: 60_000,
  headMs: 10_000,
  bodyMs: 60_000,
  // The kernel tells of room in a full send buffer only when a third of it is free: that may be a megabyte.
  writeMs: 120_000,
  connectMs: 5_000,
  upstreamMs: 60_000,
  tunnelMs: 600_000,
  lingerMs: 2_000,
  goodbyeMs: 8_000,
};

/** Of requests and answers: nginx takes heads of 32 KiB, Node of 16 KiB with 2000 headers. */
export const HEAD_RULES: HeadRules = { bytesMost: 32_768, fieldsMost: 100 };

/** Connections to an upstream that wait for another request. */
export const IDLE_CONNECTIONS_MOST = 128;

/** For how long they wait. Node and Apache close theirs after 5 s; one that closes just then fails a request. */
export const POOL_IDLE_MS = 4_000;

/** The same for a request that can't be repeated if that happens (RFC 9112 section 9.3.1). */
export const POOL_IDLE_UNREPEATABLE_MS = 1_000;

/**
 * Bodies up to here are read before an upstream is asked: a slow client then holds none, and the request can be
 * repeated.
 */
export const WHOLE_BODY_BYTES = 16_384;

/** What a client still sends when it has been answered is read up to here. */
export const LINGER_BYTES = 1_048_576;

/** Attempts that an upstream broke off, after which the request is to blame. */
export const BROKEN_ATTEMPTS_MOST = 3;
