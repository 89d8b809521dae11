import { randomBytes } from "node:crypto";
import { takeEach } from "../../net/accept.ts";
import { connBytes } from "../../net/byte_stream.ts";
import { deadline } from "../../net/connection_problem.ts";
import { ConnectionLimit } from "../../net/connection_limit.ts";
import { closeQuietly, dial } from "../../net/dial.ts";
import { EventQuota } from "../../net/event_quota.ts";
import { base64url, type SigningKey } from "./ed25519.ts";
import type { Reachable } from "./peer_book.ts";
import { PeerLink, type PeerLinkOptions } from "./peer_link.ts";
import type { ChatMessage } from "./peer_messages.ts";
import { PeerSession } from "./peer_session.ts";

/** Options of {@linkcode PeerLinks}. */
export interface PeerLinksOptions extends Pick<PeerLinkOptions, "keyOf" | "onMessage" | "acknowledgeMs"> {
  readonly id: string;
  readonly key: SigningKey;
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** A connection to a peer is over. */
  readonly onEnded: (peer: string) => void;
  /** Somebody connected, and was not let in; told at most ten times a minute. */
  readonly onRefused: (refused: { readonly address: string; readonly reason: string }) => void;
}

const NONCE_BYTES = 16;
/** How long connecting may take: who is waited for holds up a message, in milliseconds. */
const DIAL_MS = 3_000;
/** Of who was not let in so many are told: anybody can connect as often as they like. */
const REFUSALS_A_MINUTE = 10;
const MAX_CONNECTIONS = { total: 256, perAddress: 32 } as const;

/** Connections to other peers: one to each that is talked to, made when there is something to say. */
export class PeerLinks implements Disposable {
  readonly #options: PeerLinksOptions;
  readonly #listener: Deno.TcpListener;
  readonly #limit = new ConnectionLimit(MAX_CONNECTIONS);
  readonly #all = new Set<PeerLink>();
  /** By peer, a connection that is open. */
  readonly #open = new Map<string, PeerLink>();
  readonly #dialing = new Map<string, Promise<PeerLink>>();
  readonly #stop = new AbortController();
  readonly #refusals = new EventQuota<"refused">(REFUSALS_A_MINUTE);

  /** Starts to listen. @throws {Error} The address can't be listened on. */
  constructor(options: PeerLinksOptions) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: options.host, port: options.port });
    void takeEach(this.#listener, (conn) => this.#take(conn));
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Whether there is a connection to a peer. */
  isLinked(peer: string): boolean {
    return this.#open.get(peer)?.isOver === false;
  }

  /**
   * Sends a message over the connection to a peer, or a new one.
   *
   * @param address Where to connect to, if there is none.
   * @returns Settles when the peer has it.
   * @throws {Error} It can't be reached, or is not who it should be.
   */
  async send(peer: string, address: Reachable | undefined, message: ChatMessage): Promise<void> {
    const open = this.#open.get(peer);
    if (open?.isOver === false) return await open.send(message);
    if (address === undefined) throw new Error("The peer can't be reached");
    const link = this.#dialing.get(peer) ?? this.#dial(peer, address);
    await (await link).send(message);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#listener.close();
    for (const link of this.#all) link.close();
  }

  #dial(peer: string, address: Reachable): Promise<PeerLink> {
    const dialing = this.#connect(peer, address).finally(() => this.#dialing.delete(peer));
    this.#dialing.set(peer, dialing);
    return dialing;
  }

  async #connect(peer: string, { ip, port, key }: Reachable): Promise<PeerLink> {
    const message = `${peer} did not answer within ${DIAL_MS / 1000} s`;
    using limit = deadline({ timeoutMs: DIAL_MS, message, signal: this.#stop.signal });
    const conn = await dial({ hostname: ip, port }, { signal: limit.signal });
    const { session, hello } = PeerSession.dialing(this.#self(), { id: peer, key });
    const link = this.#add(conn, { session, hello });
    const abort = () => link.close(message);
    limit.signal.addEventListener("abort", abort, { once: true });
    try {
      await link.opened;
      return link;
    } finally {
      limit.signal.removeEventListener("abort", abort);
    }
  }

  #take(conn: Deno.TcpConn): void {
    const address = conn.remoteAddr.hostname;
    if (this.#limit.admit(address) !== undefined) return closeQuietly(conn);
    conn.setNoDelay();
    const session = PeerSession.answering(this.#self());
    const link = this.#add(conn, { session });
    const refused = (reason: unknown) => {
      // Who only looks whether somebody listens asked for nothing.
      if (this.#stop.signal.aborted || !link.hasHeard) return;
      const nowMs = performance.now();
      this.#refusals.drain(nowMs);
      if (!this.#refusals.admit("refused", nowMs)) return;
      this.#options.onRefused({ address, reason: reason instanceof Error ? reason.message : String(reason) });
    };
    link.opened.catch(refused);
    void link.ended.then(() => this.#limit.release(address));
  }

  #add(conn: Deno.TcpConn, { session, hello }: Pick<PeerLinkOptions, "session" | "hello">): PeerLink {
    const { keyOf, onMessage, acknowledgeMs } = this.#options;
    let name: string | undefined;
    const link = new PeerLink(connBytes(conn), {
      session,
      ...(hello === undefined ? {} : { hello }),
      keyOf,
      onMessage,
      ...(acknowledgeMs === undefined ? {} : { acknowledgeMs }),
      onOpen: (peer) => {
        name = peer;
        this.#open.set(peer, link);
      },
    });
    this.#all.add(link);
    void link.ended.then(() => {
      this.#all.delete(link);
      // Two that connect to each other at the same time have two connections; either will do.
      if (name === undefined || this.#open.get(name) !== link) return;
      this.#open.delete(name);
      this.#options.onEnded(name);
    });
    return link;
  }

  #self() {
    const { id, key } = this.#options;
    return { id, key, nonce: base64url(randomBytes(NONCE_BYTES)) };
  }
}
