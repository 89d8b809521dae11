/** Proof that a client gets what is sent to its address, kept by the client itself (RFC 9000 section 8.1). */

import { createHmac, timingSafeEqual } from "node:crypto";
import { putU32 } from "./packets.ts";

/** Bytes of a cookie: u32 period, then what is left of the HMAC. */
export const COOKIE_BYTES = 24;
/** How long a key makes cookies; they are good for as long again. */
const PERIOD_MS = 30_000;

/** Whom a cookie is for. */
export interface CookieHolder {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  /** The client's nonce. */
  readonly nonce: Uint8Array;
}

/**
 * Makes and checks cookies. Nothing is kept for a client: a cookie is an HMAC over whom it is for, with a key
 * that lasts 30 s and is made from the secret and the number of that period.
 *
 * @example
 * ```ts
 * const cookies = new Cookies(crypto.getRandomValues(new Uint8Array(32)));
 * const cookie = cookies.make(holder, nowMs);
 * cookies.isGood(cookie, holder, nowMs + 29_999); // true
 * ```
 */
export class Cookies {
  readonly #secret: Uint8Array;
  #period = -1;
  #key = new Uint8Array(0);
  #keyBefore = new Uint8Array(0);

  /** @param secret 32 random bytes, of which nobody else knows. */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** A cookie for a client. @param nowMs Any clock that never goes back, the same in {@linkcode isGood}. */
  make(holder: CookieHolder, nowMs: number): Uint8Array {
    this.#turn(nowMs);
    return cookieOf(this.#key, this.#period, holder);
  }

  /** Whether a cookie was made for this client within this period of 30 s or the one before it. */
  isGood(cookie: Uint8Array, holder: CookieHolder, nowMs: number): boolean {
    this.#turn(nowMs);
    if (cookie.length !== COOKIE_BYTES) return false;
    const isOfNow = timingSafeEqual(cookie, cookieOf(this.#key, this.#period, holder));
    const isOfBefore = timingSafeEqual(cookie, cookieOf(this.#keyBefore, this.#period - 1, holder));
    return isOfNow || isOfBefore;
  }

  #turn(nowMs: number): void {
    const period = Math.floor(nowMs / PERIOD_MS) + 1;
    if (period === this.#period) return;
    this.#period = period;
    this.#key = this.#keyOf(period);
    this.#keyBefore = this.#keyOf(period - 1);
  }

  #keyOf(period: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(createHmac("sha256", this.#secret).update(u32(period)).digest());
  }
}

function cookieOf(key: Uint8Array, period: number, { address, port, nonce }: CookieHolder): Uint8Array {
  const number = u32(period);
  // An address holds no zero byte and the rest is of fixed length: nothing can be moved between the fields.
  const mac = createHmac("sha256", key).update(`${address}\0`).update(u32(port)).update(nonce).digest();
  const cookie = new Uint8Array(COOKIE_BYTES);
  cookie.set(number);
  cookie.set(mac.subarray(0, COOKIE_BYTES - number.length), number.length);
  return cookie;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putU32(bytes, 0, value);
  return bytes;
}
