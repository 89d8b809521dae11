/** Why a connection is not taken. */
export type ConnectionRefusal = "connection_limit" | "address_limit";

/** Options of {@linkcode ConnectionLimit}. */
export interface ConnectionLimitOptions {
  /** Most connections at a time. */
  readonly total: number;
  /** Most connections at a time from one address; of IPv6 from one /64, which one host has as a rule. */
  readonly perAddress: number;
  /** Addresses that only count in all. @default None. */
  readonly isExempt?: (address: string) => boolean;
}

/** Counts connections, in all and from each address. A core without I/O. */
export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions;
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
  }

  /** @returns Why the connection is not to be taken; `undefined`: it is counted until it is released. */
  admit(address: string): ConnectionRefusal | undefined {
    const key = addressGroup(address);
    const open = this.#open.get(key) ?? 0;
    const { perAddress, isExempt } = this.#options;
    if (open >= perAddress && isExempt?.(address) !== true) return "address_limit";
    if (this.#total >= this.#options.total) return "connection_limit";
    this.#open.set(key, open + 1);
    this.#total++;
    return undefined;
  }

  /** A connection that was admitted is over. Called once for each. */
  release(address: string): void {
    const key = addressGroup(address);
    const open = (this.#open.get(key) ?? 0) - 1;
    if (open > 0) this.#open.set(key, open);
    else this.#open.delete(key);
    this.#total--;
  }
}

/** The addresses that count as one: an IPv4 address, also in its IPv6 form, or the /64 of an IPv6 one. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : new Array(Math.max(0, 8 - first.length - last.length)).fill("0");
  const groups = [...first, ...zeros, ...last].slice(0, 4);
  return groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, "")).join(":");
}
