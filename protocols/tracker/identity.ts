import { createHash } from "node:crypto";
import { isSignedBy } from "./ed25519.ts";
import { MAX_NONCES, SIGNATURE_WINDOW_MS } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** What a signature covers. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly body: Uint8Array;
}

/** The parts of `X-Peer-Auth`. */
interface PeerAuth {
  readonly key: string;
  readonly ts: string;
  readonly nonce: string;
  readonly signature: string;
}

/** Version, key of 32 bytes, time, nonce of 16, signature of 64; base64url without padding. */
const PEER_AUTH = /^v1 ([A-Za-z0-9_-]{43}) (\d{1,15}) ([A-Za-z0-9_-]{22}) ([A-Za-z0-9_-]{86})$/;

/** The text that a peer signs; docs/protocols.md has its form. */
export function signedText(
  { method, target, body }: SignedRequest,
  { ts, nonce }: { readonly ts: string; readonly nonce: string },
): string {
  const digest = createHash("sha256").update(body).digest("hex");
  return `transfer-tracker v1\n${method}\n${target}\n${ts}\n${nonce}\n${digest}`;
}

/**
 * Tells whose key signed a request, each of them once. A core without I/O: times come from the caller, in
 * milliseconds since 1970.
 */
export class Signatures {
  /** By key and nonce, until when each is remembered; in the order in which they came. */
  readonly #nonces = new Map<string, number>();
  #startedAtMs: number;

  /** @param startedAtMs What was signed before may have been used in an earlier run, and is not taken. */
  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  /** How many nonces are remembered. */
  get remembered(): number {
    return this.#nonces.size;
  }

  /**
   * The key that signed a request, as base64url.
   *
   * @param header What `X-Peer-Auth` says.
   * @throws {Refusal} It is malformed, wrong, too old, or was used before.
   */
  signer(header: string, request: SignedRequest, nowMs: number): string {
    const { key, ts, nonce, signature } = parse(header);
    const sentMs = Number(ts);
    if (Math.abs(nowMs - sentMs) > SIGNATURE_WINDOW_MS) {
      throw new Refusal(401, "The signature's time is off: sign again with the tracker's");
    }
    // The clock was set back: else nobody could sign until it is again where it was.
    this.#startedAtMs = Math.min(this.#startedAtMs, nowMs);
    if (sentMs < this.#startedAtMs) {
      throw new Refusal(503, "The tracker has just started: sign again in a moment");
    }
    this.#forget(nowMs);
    const name = `${key} ${nonce}`;
    if (this.#nonces.has(name)) throw new Refusal(401, "The signature was used before");
    if (this.#nonces.size >= MAX_NONCES) throw new Refusal(503, "Too many signed requests");
    if (!isSignedBy(key, signedText(request, { ts, nonce }), signature)) {
      throw new Refusal(401, "The signature does not fit the request");
    }
    // Only what was right is remembered: else anybody could fill the memory.
    this.#nonces.set(name, nowMs + 2 * SIGNATURE_WINDOW_MS);
    return key;
  }

  #forget(nowMs: number): void {
    for (const [name, untilMs] of this.#nonces) {
      // Later than any can be: it was taken before the clock was set back, and its time is off now.
      if (untilMs > nowMs && untilMs <= nowMs + 2 * SIGNATURE_WINDOW_MS) return;
      this.#nonces.delete(name);
    }
  }
}

function parse(header: string): PeerAuth {
  const [, key = "", ts = "", nonce = "", signature = ""] = PEER_AUTH.exec(header) ?? [];
  if (key === "") throw new Refusal(401, "X-Peer-Auth is not: v1 KEY TS NONCE SIG");
  return { key, ts, nonce, signature };
}
