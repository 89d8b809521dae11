import { isIP } from "node:net";
import { isLoopback } from "../../net/access.ts";

/** What the tracker tells of a peer. */
export interface PeerAddress {
  readonly ip: string;
  readonly port: number;
  /** Whose messages are its; `undefined`: it is bound to none, and can't be told from an impostor. */
  readonly key: string | undefined;
}

/** A peer that can be tried. */
export type Reachable = PeerAddress & { readonly key: string };

type Entry =
  | { readonly kind: "known"; readonly address: PeerAddress; readonly untilMs: number }
  | { readonly kind: "unreachable"; readonly untilMs: number };

/** How long the tracker's answer is good for, in milliseconds. */
const KNOWN_MS = 60_000;
/** How long a peer that could not be reached is not tried again, in milliseconds. */
const UNREACHABLE_MS = 30_000;
const MAX_PEERS = 10_000;

/** Where peers are, and which of them can't be reached. A core without I/O: times come from the caller. */
export class PeerBook {
  readonly #entries = new Map<string, Entry>();
  readonly #isLocal: boolean;

  /** @param isLocal Whether the tracker is on this machine: then peers may be, too. */
  constructor({ isLocal }: { readonly isLocal: boolean }) {
    this.#isLocal = isLocal;
  }

  /** What is known of a peer at a time; "unknown": the tracker is to be asked. */
  find(id: string, nowMs: number): Reachable | "unreachable" | "unknown" {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.untilMs <= nowMs) return "unknown";
    if (entry.kind === "unreachable") return "unreachable";
    const { ip, port, key } = entry.address;
    if (key === undefined || !this.#mayConnectTo(ip)) return "unreachable";
    return { ip, port, key };
  }

  /** The tracker told where a peer is; `undefined`: it is not present. */
  learned(id: string, address: PeerAddress | undefined, nowMs: number): void {
    if (address === undefined) return this.failed(id, nowMs);
    this.#set(id, { kind: "known", address, untilMs: nowMs + KNOWN_MS });
  }

  /** A peer could not be reached. */
  failed(id: string, nowMs: number): void {
    this.#set(id, { kind: "unreachable", untilMs: nowMs + UNREACHABLE_MS });
  }

  /** Something happened to a peer: what was known of it may be wrong. */
  forget(id: string): void {
    this.#entries.delete(id);
  }

  #set(id: string, entry: Entry): void {
    if (this.#entries.size >= MAX_PEERS) this.#entries.clear();
    this.#entries.set(id, entry);
  }

  /** A peer says itself where it is: that must not lead to other services of this machine. */
  #mayConnectTo(ip: string): boolean {
    if (isIP(ip) === 0 || ip === "0.0.0.0" || ip === "::") return false;
    return this.#isLocal || !isLoopback(ip);
  }
}
