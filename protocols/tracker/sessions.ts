import { createHash } from "node:crypto";
import { MAX_SESSIONS_PER_USER, SESSION_MS } from "./limits.ts";

/** A login that lasts. The token itself is known to the browser alone. */
export interface Session {
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly user: string;
  readonly expiresAtMs: number;
}

/** The cookie's name. */
export const SESSION_COOKIE = "transfer_session";

/** Who is logged in. A core without I/O: chance and times come from the caller. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();

  get count(): number {
    return this.#sessions.size;
  }

  /** Takes a session over from an earlier run. */
  restore(session: Session): void {
    this.#sessions.set(session.hash, session);
  }

  /** @returns The new session, and the oldest one of the user if it has to end for it. */
  begin(
    token: string,
    user: string,
    nowMs: number,
  ): { readonly begun: Session; readonly ended: Session | undefined } {
    const own = [...this.#sessions.values()].filter((session) => session.user === user);
    const ended = own.length >= MAX_SESSIONS_PER_USER ? own[0] : undefined;
    if (ended !== undefined) this.#sessions.delete(ended.hash);
    const begun = { hash: hashOf(token), user, expiresAtMs: nowMs + SESSION_MS };
    this.#sessions.set(begun.hash, begun);
    return { begun, ended };
  }

  /** The session of a token. Looked up by its digest, so that time tells nothing of a token that is close. */
  find(token: string, nowMs: number): Session | undefined {
    return this.get(hashOf(token), nowMs);
  }

  /** The session of a digest, if it is not over. */
  get(hash: string, nowMs: number): Session | undefined {
    const session = this.#sessions.get(hash);
    return session !== undefined && session.expiresAtMs > nowMs ? session : undefined;
  }

  renew(session: Session, nowMs: number): Session {
    const renewed = { ...session, expiresAtMs: nowMs + SESSION_MS };
    this.#sessions.set(renewed.hash, renewed);
    return renewed;
  }

  end(session: Session): void {
    this.#sessions.delete(session.hash);
  }

  /** @returns Those that were over. */
  expire(nowMs: number): Session[] {
    const over = [...this.#sessions.values()].filter((session) => session.expiresAtMs <= nowMs);
    for (const session of over) this.end(session);
    return over;
  }
}

/** The token in a `Cookie` header; of several the first (RFC 6265 section 5.4: the most specific). */
export function sessionToken(cookie: string | undefined): string | undefined {
  for (const pair of cookie?.split(";") ?? []) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === SESSION_COOKIE && value !== undefined) return value;
  }
  return undefined;
}

/** The header that gives a browser a token, or with `undefined` takes it back. */
export function setCookie(token: string | undefined, isSecure: boolean): string {
  const age = token === undefined ? 0 : SESSION_MS / 1000;
  const secure = isSecure ? "; Secure" : "";
  return `Set-Cookie: ${SESSION_COOKIE}=${
    token ?? ""
  }; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure}\r\n`;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
