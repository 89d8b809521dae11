import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { addressGroup } from "../../net/connection_limit.ts";
import { Refusal } from "./refusal.ts";

/** How often somebody may do something; 0 is as often as they like. */
export interface RateOptions {
  /** Requests a second from one address. */
  readonly perAddress: number;
  /** Messages and registrations a second of one peer from one address. */
  readonly perPeer: number;
}

/** Seconds that a rate is measured over: a burst of ten times the rate is let through. */
const WINDOW_S = 10;
/** Failed logins of one user from one address, and of one address, in 15 minutes. */
const LOGINS = { ofUser: 5, ofAddress: 30, windowS: 900 } as const;

/** Too much of something. */
export class TooMany extends Refusal {
  readonly retryAfterS: number;

  constructor(what: string, retryAfterS: number) {
    super(429, `Too many ${what}: wait ${retryAfterS} s`);
    this.retryAfterS = retryAfterS;
  }
}

/**
 * How often each address and peer may ask for something. Programs of this machine may as often as they like: they
 * share one address, and can use up the machine without a tracker.
 */
export class Rates implements Disposable {
  readonly #ofAddress: RateLimiterMemory | undefined;
  readonly #ofPeer: RateLimiterMemory | undefined;
  readonly #loginsOfUser = new RateLimiterMemory({ points: LOGINS.ofUser, duration: LOGINS.windowS });
  readonly #loginsOfAddress = new RateLimiterMemory({ points: LOGINS.ofAddress, duration: LOGINS.windowS });

  constructor({ perAddress, perPeer }: RateOptions) {
    if (perAddress > 0) this.#ofAddress = limiter(perAddress);
    if (perPeer > 0) this.#ofPeer = limiter(perPeer);
  }

  /** Forgets all, and with it the library's timers. */
  [Symbol.dispose](): void {
    for (const limit of [this.#ofAddress, this.#ofPeer, this.#loginsOfUser, this.#loginsOfAddress]) {
      for (const { key } of limit?.dump().storage ?? []) void limit?.delete(key);
    }
  }

  /**
   * Counts a request.
   *
   * @returns `undefined`: it is let through; else what rejects with a {@linkcode TooMany} if it is not.
   */
  request(address: string): Promise<void> | undefined {
    if (this.#ofAddress === undefined || isLocal(address)) return undefined;
    return consume(this.#ofAddress, addressGroup(address), "requests");
  }

  /**
   * Counts a write in the name of a peer. Counted by address, too: who abuses a name that is free does not
   * silence the others who use it.
   *
   * @returns As {@linkcode Rates.request}.
   */
  write(peer: string, { address }: { readonly address: string }): Promise<void> | undefined {
    if (this.#ofPeer === undefined || isLocal(address)) return undefined;
    return consume(this.#ofPeer, `${addressGroup(address)} ${peer}`, "messages");
  }

  /**
   * Counts an attempt to log in before it is made, so that many at a time are no way around it.
   *
   * @returns Takes it back: the password was right.
   * @throws {TooMany}
   */
  async login(user: string, address: string): Promise<() => Promise<void>> {
    const group = addressGroup(address);
    const key = `${group} ${user}`;
    await consume(this.#loginsOfAddress, group, "attempts to log in");
    await consume(this.#loginsOfUser, key, "attempts to log in");
    return async () => {
      await this.#loginsOfUser.delete(key);
      await this.#loginsOfAddress.reward(group);
    };
  }
}

/** Addresses come from the kernel, which writes each in one way. */
function isLocal(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("::ffff:127.");
}

function limiter(perSecond: number): RateLimiterMemory {
  return new RateLimiterMemory({ points: perSecond * WINDOW_S, duration: WINDOW_S });
}

async function consume(limit: RateLimiterMemory, key: string, what: string): Promise<void> {
  try {
    await limit.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw new TooMany(what, Math.max(1, Math.ceil(error.msBeforeNext / 1000)));
  }
}
