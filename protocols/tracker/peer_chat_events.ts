/** How a message went, or came. */
export type Way = "direct" | "tracker";

/** Where a message belongs: a channel, or a conversation with a peer. */
export type Place = { readonly channel: string } | { readonly to: string };

/** What a {@linkcode PeerChat} tells. */
export type ChatEvent =
  /** Others can reach us, and the first channel is joined. */
  | { readonly event: "ready"; readonly peer: string; readonly channel: string; readonly address: string }
  | ChatLine
  /** What we said: how it went to those who are there; `failed`: why others did not get it. */
  | (Place & {
    readonly event: "sent";
    readonly id: string;
    readonly text: string;
    readonly ts: number;
    /** Peers that have it, sent to them directly. */
    readonly direct: readonly string[];
    /** Whether the tracker has it, for all others. */
    readonly tracker: boolean;
    readonly failed?: string;
  })
  | { readonly event: "joined"; readonly channel: string }
  | { readonly event: "member"; readonly channel: string; readonly peer: string; readonly joined: boolean }
  | {
    readonly event: "who";
    readonly channel: string;
    readonly members: readonly {
      readonly peer: string;
      readonly online: boolean;
      /** There is a connection to it. */
      readonly direct: boolean;
    }[];
  }
  /** Somebody connected to us and was not let in. */
  | { readonly event: "refused"; readonly address: string; readonly reason: string }
  /** The tracker can't be reached, or can again. */
  | { readonly event: "tracker"; readonly connected: boolean; readonly reason?: string }
  /** So much was said while we were away that the tracker has not all of it. */
  | { readonly event: "gap" }
  | { readonly event: "error"; readonly error: string };

/** What somebody said. */
export type ChatLine = Place & {
  readonly event: "message";
  readonly from: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly ts: number;
  readonly via: Way;
  /** It was said before we came. */
  readonly past?: true;
};
