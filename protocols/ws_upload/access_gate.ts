import type { IncomingMessage } from "node:http";
import { isHostAllowed, isOriginAllowed, isTokenValid } from "../../net/access.ts";
import type { DenialReason } from "./upload_metrics.ts";

/** Whom a server lets in. */
export interface AccessRules {
  /** Address or name that it listens on. */
  readonly host: string;
  readonly scheme: "http" | "https";
  /** Origins of web pages that may use it besides its own. */
  readonly allowedOrigins: readonly string[];
  /** What every client has to present; `undefined` asks for nothing. */
  readonly token?: string | undefined;
}

/** A request that was turned away. */
export interface Denial {
  readonly reason: DenialReason;
  /** Of the peer, as the socket has it. */
  readonly address: string;
  /** What it presented, if that may be shown: the host or the origin. */
  readonly value?: string;
}

/** A peer chooses what it presents; of that, this many characters are told. */
const MAX_TOLD = 200;

/** Decides on requests by their headers, and tells of those that it turns away. */
export class AccessGate {
  readonly #rules: AccessRules;
  readonly #onDenied: (denial: Denial) => void;

  constructor(rules: AccessRules, onDenied: (denial: Denial) => void) {
    this.#rules = rules;
    this.#onDenied = onDenied;
  }

  /** Whether `Host` and `Origin` allow an answer at all. */
  admits({ headers, socket }: IncomingMessage): boolean {
    const { host, allowedOrigins, token } = this.#rules;
    if (!isHostAllowed(headers, { boundTo: host, allowedOrigins, hasToken: token !== undefined })) {
      return this.deny("host", socket, headers.host);
    }
    return isOriginAllowed(headers, this.#rules) || this.deny("origin", socket, headers.origin);
  }

  /** Whether the token comes with it. */
  hasToken({ headers, socket }: IncomingMessage): boolean {
    return isTokenValid(headers, this.#rules.token) || this.deny("token", socket);
  }

  /** The same for a page that asks whether it needs one: to come without any is no attempt. */
  answersToken(request: IncomingMessage): boolean {
    if (request.headers.authorization !== undefined) return this.hasToken(request);
    return isTokenValid(request.headers, this.#rules.token);
  }

  /** Tells that a peer is turned away. Always false, as an answer to "may it?". */
  deny(reason: DenialReason, peer: { readonly remoteAddress?: string | undefined }, value?: string): false {
    const address = peer.remoteAddress ?? "unknown";
    this.#onDenied({ reason, address, ...value === undefined ? {} : { value: value.slice(0, MAX_TOLD) } });
    return false;
  }
}
