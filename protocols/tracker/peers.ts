import { MAX_PEERS } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** Whom a `peer_id` belongs to; `undefined`: to nobody, and everybody may use it. */
export type Owner =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "user"; readonly user: string };

/** What a peer said of itself. */
export interface Registration {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
}

/** A peer that is known. */
export interface Peer extends Registration {
  readonly lastSeenMs: number;
  readonly isOnline: boolean;
  readonly owner: Owner | undefined;
}

interface Entry {
  id: string;
  ip: string;
  port: number;
  lastSeenMs: number;
  isOnline: boolean;
  owner: Owner | undefined;
  /** Open streams in its name: as long as there are any it is not silent. */
  streams: number;
}

/** Options of {@linkcode Peers}. */
export interface PeersOptions {
  /** After how long without a sign of life a peer is absent, in milliseconds. */
  readonly ttlMs: number;
  /** After how long it is forgotten, and its name free again, in milliseconds. */
  readonly forgetMs: number;
  /** Called when a peer came, or went. */
  readonly onPresence: (id: string, isOnline: boolean) => void;
}

/** Who is there. A core without I/O: times come from the caller, in milliseconds since 1970. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Entry>();
  /** Those whose state on disk is older than here. */
  readonly #changed = new Set<string>();
  #version = 0;
  #online = 0;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Grows with every change of who is there. A sign of life is none. */
  get version(): number {
    return this.#version;
  }

  /** How many are known, and how many of them present. */
  get counts(): { readonly known: number; readonly online: number } {
    return { known: this.#peers.size, online: this.#online };
  }

  /** Takes a peer over from an earlier run. While the tracker was down nobody could be heard. */
  restore(peer: Omit<Peer, "isOnline">, startedAtMs: number): void {
    const isOnline = startedAtMs - peer.lastSeenMs < this.#options.ttlMs;
    this.#peers.set(peer.id, { ...peer, isOnline, streams: 0 });
    if (isOnline) this.#online++;
  }

  get(id: string): Peer | undefined {
    return this.#peers.get(id);
  }

  isOnline(id: string): boolean {
    return this.#peers.get(id)?.isOnline ?? false;
  }

  /**
   * Takes a registration, new or not.
   *
   * @param owner Binds the peer to it, unless it is bound.
   * @throws {Refusal} There are too many.
   */
  register({ id, ip, port }: Registration, owner: Owner | undefined, nowMs: number): void {
    const found = this.#peers.get(id);
    if (found === undefined) {
      if (this.#peers.size >= MAX_PEERS) throw new Refusal(503, "There are too many peers");
      const entry = { id, ip, port, lastSeenMs: nowMs, isOnline: false, owner, streams: 0 };
      this.#peers.set(id, entry);
    } else {
      Object.assign(found, { ip, port, owner: found.owner ?? owner });
    }
    this.#version++;
    this.touch(id, nowMs);
  }

  /** A sign of life. */
  touch(id: string, nowMs: number): void {
    const entry = this.#peers.get(id);
    if (entry === undefined) return;
    entry.lastSeenMs = nowMs;
    this.#changed.add(id);
    if (!entry.isOnline) this.#setOnline(entry, true);
  }

  /** A stream in the name of a peer was opened (1) or ended (-1). */
  countStreams(id: string, by: 1 | -1, nowMs: number): void {
    const entry = this.#peers.get(id);
    if (entry === undefined) return;
    entry.streams = Math.max(0, entry.streams + by);
    this.touch(id, nowMs);
  }

  /** @returns Peers that were forgotten. */
  expire(nowMs: number): string[] {
    const { ttlMs, forgetMs } = this.#options;
    const forgotten: string[] = [];
    for (const entry of this.#peers.values()) {
      // Else a clock that was set back would keep it for as long as that.
      entry.lastSeenMs = Math.min(entry.lastSeenMs, nowMs);
      if (entry.streams > 0) this.touch(entry.id, nowMs);
      else if (entry.isOnline && nowMs - entry.lastSeenMs >= ttlMs) this.#setOnline(entry, false);
      else if (!entry.isOnline && nowMs - entry.lastSeenMs >= forgetMs) forgotten.push(entry.id);
    }
    for (const id of forgotten) {
      this.#peers.delete(id);
      this.#changed.delete(id);
    }
    return forgotten;
  }

  /** Those that are there. */
  *online(): Generator<Peer> {
    for (const entry of this.#peers.values()) if (entry.isOnline) yield entry;
  }

  /** What is to be saved, which then counts as saved. */
  takeChanged(): Peer[] {
    const changed = [...this.#changed].flatMap((id) => this.#peers.get(id) ?? []);
    this.#changed.clear();
    return changed;
  }

  /** What was taken could not be saved. */
  keepChanged(ids: Iterable<string>): void {
    for (const id of ids) if (this.#peers.has(id)) this.#changed.add(id);
  }

  #setOnline(entry: Entry, isOnline: boolean): void {
    entry.isOnline = isOnline;
    this.#online += isOnline ? 1 : -1;
    this.#version++;
    this.#options.onPresence(entry.id, isOnline);
  }
}
