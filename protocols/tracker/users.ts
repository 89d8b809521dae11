import { decoyHash, isPassword } from "./passwords.ts";
import { Refusal } from "./refusal.ts";

/** Who may log in, by name: the hashes of their passwords. */
export type UserHashes = ReadonlyMap<string, string>;

/** Hashes computed at a time: each takes 32 MiB and a core. */
const MAX_AT_A_TIME = 2;
/** Attempts that wait for one; more are turned away. */
const MAX_WAITING = 32;

/** Checks passwords, a few at a time. */
export class Users {
  readonly #hashes: UserHashes;
  /** For names that are not there, so that time does not tell. */
  readonly #decoy = decoyHash();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(hashes: UserHashes) {
    this.#hashes = hashes;
  }

  /** Whether there are any. */
  get areThere(): boolean {
    return this.#hashes.size > 0;
  }

  has(name: string): boolean {
    return this.#hashes.has(name);
  }

  /** Whether this is the password of a user. @throws {Refusal} Too many ask at once. */
  async check(name: string, password: string): Promise<boolean> {
    if (this.#running >= MAX_AT_A_TIME) {
      if (this.#waiting.length >= MAX_WAITING) throw new Refusal(503, "Too many log in at once");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      const hash = this.#hashes.get(name);
      const isRight = await isPassword(password, hash ?? this.#decoy);
      return isRight && hash !== undefined;
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}
