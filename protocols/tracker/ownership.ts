import type { Owner, Peer } from "./peers.ts";
import { Refusal } from "./refusal.ts";

/** What a request proves of who sent it. */
export interface Caller {
  /** The key that signed it. */
  readonly key: string | undefined;
  /** Who is logged in. */
  readonly user: string | undefined;
}

/** A peer is bound to somebody else. */
export class NotYours extends Refusal {
  constructor(message: string) {
    super(403, message);
  }
}

/** Whom a registration binds a free peer to: its key, or else the user. */
export function ownerOf({ key, user }: Caller): Owner | undefined {
  if (key !== undefined) return { kind: "key", key };
  return user === undefined ? undefined : { kind: "user", user };
}

/** Whether a caller may speak for a peer. */
export function maySpeakFor(peer: Pick<Peer, "owner"> | undefined, caller: Caller): boolean {
  const owner = peer?.owner;
  switch (owner?.kind) {
    case undefined:
      return true;
    case "key":
      return owner.key === caller.key;
    case "user":
      return owner.user === caller.user;
  }
}

/** @throws {NotYours} The peer is bound to somebody else. */
export function checkMaySpeakFor(peer: Peer | undefined, caller: Caller): void {
  if (!maySpeakFor(peer, caller)) throw new NotYours("This peer_id is bound to somebody else");
}

/**
 * Whether a caller may read what two peers wrote to each other: one of them must be its own. What goes to and
 * from a free peer is as open as its name.
 */
export function mayRead(one: Peer | undefined, other: Peer | undefined, caller: Caller): boolean {
  return maySpeakFor(one, caller) || maySpeakFor(other, caller);
}
