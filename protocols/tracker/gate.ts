import { type AccessHeaders, isHostAllowed, isOriginAllowed, isTokenValid } from "../../net/access.ts";
import type { HttpRequest } from "../../net/http_connection.ts";
import { type Call, isForm, isJson } from "./call.ts";
import { Signatures } from "./identity.ts";
import { Refusal } from "./refusal.ts";
import { type Session, type Sessions, sessionToken } from "./sessions.ts";
import type { Users } from "./users.ts";

/** Why somebody is turned away. */
export const DENIALS = [
  "host",
  "origin",
  "token",
  "signature",
  "content_type",
  "rate",
  "address_limit",
  "connection_limit",
  "bound_peer",
] as const;
export type DenialReason = typeof DENIALS[number];

/** Somebody who was turned away, for the log. */
export interface Denial {
  readonly reason: DenialReason;
  readonly address: string;
  /** The host or origin that was presented. */
  readonly value?: string | undefined;
}

/** Whom a tracker lets in. */
export interface GateOptions {
  /** Address or name that it listens on. */
  readonly host: string;
  readonly allowedOrigins: readonly string[];
  readonly token: string | undefined;
  /** Whether it speaks TLS itself. */
  readonly isSecure: boolean;
  /** Believe what a reverse proxy on this machine says of its clients. */
  readonly behindProxy: boolean;
  readonly users: Users;
  readonly sessions: Sessions;
  readonly startedAtMs: number;
  readonly onDenied: (denial: Denial) => void;
}

/** Hosts whose check is remembered: it parses a URL, and there are few of them. */
const MAX_HOSTS = 64;
/** Longest piece of a request that is told. */
const MAX_TOLD = 200;

/** Looks at each request before anything else does. */
export class Gate {
  readonly #options: GateOptions;
  readonly #signatures: Signatures;
  readonly #hosts = { ofBrowsers: new Map<string, boolean>(), ofPrograms: new Map<string, boolean>() };

  constructor(options: GateOptions) {
    this.#options = options;
    this.#signatures = new Signatures(options.startedAtMs);
  }

  /**
   * What a request proves of who sent it.
   *
   * @throws {Refusal} It may not be answered, whatever it asks for.
   */
  call(request: HttpRequest, nowMs: number): Call {
    const { headers } = request.head;
    const isProxied = this.#options.behindProxy && headers.has("x-forwarded-for");
    const address = isProxied ? lastOf(headers.get("x-forwarded-for")) ?? request.address : request.address;
    const isSecure = this.#options.isSecure || (isProxied && headers.get("x-forwarded-proto") === "https");
    this.#checkOrigin(request, { address, isSecure });
    const session = this.#session(headers.get("cookie"), nowMs);
    this.#checkContentType(request, address);
    const key = this.#signer(request, { address, nowMs });
    return { request, address, isSecure, session, nowMs, caller: { key, user: session?.user } };
  }

  /** Whether a request comes from somebody who may use the tracker: with a session, or the token. */
  isLetIn({ request, session, address }: Call): boolean {
    const { token, users } = this.#options;
    if (session !== undefined) return true;
    if (token === undefined) return !users.areThere;
    const headers = accessHeaders(request);
    if (isTokenValid(headers, token)) return true;
    if (headers.authorization !== undefined) this.#deny("token", address);
    return false;
  }

  /** The session of a stream, looked at while it lasts. */
  isStillOn(session: Session | undefined, nowMs: number): boolean {
    if (session === undefined) return true;
    return this.#options.sessions.get(session.hash, nowMs) !== undefined;
  }

  #checkOrigin(request: HttpRequest, { address, isSecure }: { address: string; isSecure: boolean }): void {
    const { headers } = request.head;
    const { allowedOrigins } = this.#options;
    if (!this.#isHostAllowed(request)) throw this.#refuse("host", address, headers.get("host"));
    const origin = headers.get("origin");
    if (origin === undefined) return;
    const scheme = isSecure ? "https" : "http";
    if (isOriginAllowed(accessHeaders(request), { scheme, allowedOrigins })) return;
    throw this.#refuse("origin", address, origin);
  }

  #isHostAllowed(request: HttpRequest): boolean {
    const { headers } = request.head;
    const host = headers.get("host") ?? "";
    const isBrowser = headers.has("origin") || headers.has("sec-fetch-site");
    const hosts = isBrowser ? this.#hosts.ofBrowsers : this.#hosts.ofPrograms;
    const known = hosts.get(host);
    if (known !== undefined) return known;
    const { host: boundTo, allowedOrigins, token } = this.#options;
    const isAllowed = isHostAllowed(accessHeaders(request), {
      boundTo,
      allowedOrigins,
      hasToken: token !== undefined,
    });
    if (hosts.size >= MAX_HOSTS) hosts.clear();
    hosts.set(host, isAllowed);
    return isAllowed;
  }

  #session(cookie: string | undefined, nowMs: number): Session | undefined {
    const token = sessionToken(cookie);
    const session = token === undefined ? undefined : this.#options.sessions.find(token, nowMs);
    // Who is no user any more has no session either.
    return session !== undefined && this.#options.users.has(session.user) ? session : undefined;
  }

  /** A page of another site can send a form or text with our cookie, but JSON only if it may (Fetch standard). */
  #checkContentType({ head, body }: HttpRequest, address: string): void {
    // Who can have a login sent from another site can do so without our cookie, too.
    if (body.length === 0 || head.method === "GET" || /^\/login\/?$/.test(head.path)) return;
    if (sessionToken(head.headers.get("cookie")) === undefined) return;
    const type = head.headers.get("content-type");
    const isOwnForm = isForm(type) && head.headers.has("origin");
    if (isJson(type) || isOwnForm) return;
    this.#deny("content_type", address, type);
    throw new Refusal(415, "With a session's cookie a body is application/json");
  }

  #signer(request: HttpRequest, { address, nowMs }: { address: string; nowMs: number }): string | undefined {
    const header = request.head.headers.get("x-peer-auth");
    if (header === undefined) return undefined;
    const { method, target } = request.head;
    try {
      return this.#signatures.signer(header, { method, target, body: request.body }, nowMs);
    } catch (error) {
      this.#deny("signature", address);
      throw error;
    }
  }

  #refuse(reason: "host" | "origin", address: string, value: string | undefined): Refusal {
    this.#deny(reason, address, value);
    return new Refusal(403, `This ${reason} may not use the tracker`);
  }

  #deny(reason: DenialReason, address: string, value?: string): void {
    this.#options.onDenied({ reason, address, value: value?.slice(0, MAX_TOLD) });
  }
}

/** What a proxy appends is last; what is before it anybody can write. */
function lastOf(list: string | undefined): string | undefined {
  const last = list?.split(",").at(-1)?.trim();
  return last === "" ? undefined : last;
}

function accessHeaders({ head: { headers } }: HttpRequest): AccessHeaders {
  return {
    host: headers.get("host"),
    origin: headers.get("origin"),
    authorization: headers.get("authorization"),
    "sec-websocket-protocol": headers.get("sec-websocket-protocol"),
    "sec-fetch-site": headers.get("sec-fetch-site"),
  };
}
