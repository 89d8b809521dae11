import { isSignedBy, type SigningKey } from "./ed25519.ts";
import { type ChatMessage, type PeerMessage } from "./peer_messages.ts";

const VERSION = 1;

/** Who we are on a connection. */
export interface SelfOptions {
  readonly id: string;
  readonly key: SigningKey;
  /** 16 random bytes in base64url, for this connection alone. */
  readonly nonce: string;
}

/** Another peer, by its name and the key that the tracker bound it to. */
export interface KnownPeer {
  readonly id: string;
  readonly key: string;
}

/** What is to be done about what came. */
export type PeerAction =
  | { readonly type: "send"; readonly message: PeerMessage }
  /** Ask the tracker which key a peer is bound to, and tell it by `identified`. */
  | { readonly type: "identify"; readonly id: string }
  /** The other one is who it says it is. */
  | { readonly type: "open"; readonly peer: string }
  | { readonly type: "deliver"; readonly from: string; readonly message: ChatMessage }
  | { readonly type: "acknowledged"; readonly id: string }
  /** Nothing is to be read any more; what is to be sent comes before. */
  | { readonly type: "close"; readonly reason: string };

type Hello = Extract<PeerMessage, { type: "hello" }>;

type State =
  /** We connected, and wait for a proof. */
  | { readonly kind: "greeting"; readonly peer: KnownPeer }
  /** We were connected to, and wait for a name. */
  | { readonly kind: "listening" }
  /** It has to be found out whose key that name is bound to. */
  | { readonly kind: "identifying"; readonly hello: Hello }
  /** We proved who we are, and wait for the other proof. */
  | { readonly kind: "proving"; readonly hello: Hello; readonly text: string }
  | { readonly kind: "open"; readonly peer: string }
  | { readonly kind: "over" };

/** One end of a connection between two peers: who is it, and what may come when. A core without I/O. */
export class PeerSession {
  readonly #self: SelfOptions;
  #state: State;

  private constructor(self: SelfOptions, state: State) {
    this.#self = self;
    this.#state = state;
  }

  /** The end that connects. @returns Also what it says first. */
  static dialing(
    self: SelfOptions,
    peer: KnownPeer,
  ): { readonly session: PeerSession; readonly hello: PeerMessage } {
    const session = new PeerSession(self, { kind: "greeting", peer });
    return {
      session,
      hello: { type: "hello", v: VERSION, peer_id: self.id, key: self.key.key, nonce: self.nonce },
    };
  }

  /** The end that is connected to. */
  static answering(self: SelfOptions): PeerSession {
    return new PeerSession(self, { kind: "listening" });
  }

  /** The other's name, once it is proven. */
  get peer(): string | undefined {
    return this.#state.kind === "open" ? this.#state.peer : undefined;
  }

  /** A message came. */
  received(message: PeerMessage): readonly PeerAction[] {
    const state = this.#state;
    if (message.type === "error" && state.kind !== "over") {
      return this.#end(`The peer says: ${message.error}`);
    }
    switch (state.kind) {
      case "listening":
        return message.type === "hello" ? this.#hello(message) : this.#unexpected(message);
      case "greeting":
        return message.type === "hello_ack" ? this.#proven(message, state.peer) : this.#unexpected(message);
      case "proving":
        if (message.type !== "auth") return this.#unexpected(message);
        if (!isSignedBy(state.hello.key, state.text, message.sig)) {
          return this.#refuse("The signature is wrong");
        }
        return this.#open(state.hello.peer_id);
      case "open":
        return this.#talk(message, state.peer);
      case "identifying":
        return this.#unexpected(message);
      case "over":
        return [];
    }
  }

  /** The tracker's answer to `identify`; `undefined`: the name is bound to no key. */
  identified(boundKey: string | undefined): readonly PeerAction[] {
    if (this.#state.kind !== "identifying") return [];
    const { hello } = this.#state;
    if (boundKey === undefined) return this.#refuse("The tracker knows no key of this peer_id");
    if (boundKey !== hello.key) return this.#refuse("This peer_id is bound to another key");
    const { id, key, nonce } = this.#self;
    const texts = signedTexts({
      peer: { id: hello.peer_id, key: hello.key, nonce: hello.nonce },
      other: { id, key: key.key, nonce },
    });
    this.#state = { kind: "proving", hello, text: texts.auth };
    return [{ type: "send", message: { type: "hello_ack", nonce, sig: key.sign(texts.hello_ack) } }];
  }

  /** Something came that is no message. */
  failed(reason: string): readonly PeerAction[] {
    return this.#state.kind === "over" ? [] : this.#refuse(reason);
  }

  #hello(hello: Hello): readonly PeerAction[] {
    if (hello.v !== VERSION) return this.#refuse(`Version ${hello.v} is not spoken here, but ${VERSION}`);
    if (hello.peer_id === this.#self.id) return this.#refuse("That is my own peer_id");
    this.#state = { kind: "identifying", hello };
    return [{ type: "identify", id: hello.peer_id }];
  }

  #proven(
    { nonce, sig }: Extract<PeerMessage, { type: "hello_ack" }>,
    peer: KnownPeer,
  ): readonly PeerAction[] {
    const { id, key, nonce: own } = this.#self;
    const texts = signedTexts({ peer: { id, key: key.key, nonce: own }, other: { ...peer, nonce } });
    if (!isSignedBy(peer.key, texts.hello_ack, sig)) {
      return this.#refuse(`Who answers there is not ${peer.id}: the signature is wrong`);
    }
    const auth = { type: "send", message: { type: "auth", sig: key.sign(texts.auth) } } as const;
    return [auth, ...this.#open(peer.id)];
  }

  #talk(message: PeerMessage, peer: string): readonly PeerAction[] {
    if (message.type === "ack") return [{ type: "acknowledged", id: message.id }];
    if (message.type !== "message") return this.#unexpected(message);
    return [
      { type: "deliver", from: peer, message },
      { type: "send", message: { type: "ack", id: message.id } },
    ];
  }

  #open(peer: string): readonly PeerAction[] {
    this.#state = { kind: "open", peer };
    return [{ type: "open", peer }];
  }

  #unexpected({ type }: PeerMessage): readonly PeerAction[] {
    return this.#refuse(`"${type}" is not expected here`);
  }

  #refuse(reason: string): readonly PeerAction[] {
    return [{ type: "send", message: { type: "error", error: reason } }, ...this.#end(reason)];
  }

  #end(reason: string): readonly PeerAction[] {
    this.#state = { kind: "over" };
    return [{ type: "close", reason }];
  }
}

/** One end, as it is signed. */
interface End {
  readonly id: string;
  readonly key: string;
  readonly nonce: string;
}

/**
 * What the two ends sign; docs/protocols.md has its form. Names hold no line feed.
 *
 * @param ends `peer` is who connects.
 */
function signedTexts(
  { peer, other }: { readonly peer: End; readonly other: End },
): { readonly hello_ack: string; readonly auth: string } {
  const ends = [peer.id, other.id, peer.key, other.key, peer.nonce, other.nonce].join("\n");
  const text = (role: string) => `transfer-peer v1\n${role}\n${ends}`;
  return { hello_ack: text("hello_ack"), auth: text("auth") };
}
