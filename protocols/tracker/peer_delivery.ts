import { z } from "zod";
import { type PeerAddress, PeerBook } from "./peer_book.ts";
import { PeerLinks, type PeerLinksOptions } from "./peer_links.ts";
import type { ChatMessage } from "./peer_messages.ts";
import { type TrackerClient, TrackerRefusal } from "./tracker_client.ts";

/** Options of {@linkcode PeerDelivery}. */
export interface PeerDeliveryOptions extends Omit<PeerLinksOptions, "keyOf" | "onEnded"> {
  readonly tracker: TrackerClient;
  /** Whether the tracker is on this machine. */
  readonly isLocal: boolean;
}

const connection = z.object({
  peer_info: z.object({ ip: z.string(), port: z.int(), key: z.string().optional() }),
});

/** Brings messages to peers directly, as far as they can be reached. */
export class PeerDelivery implements Disposable {
  readonly #options: PeerDeliveryOptions;
  readonly #links: PeerLinks;
  readonly #book: PeerBook;

  /** Starts to listen. @throws {Error} The address can't be listened on. */
  constructor(options: PeerDeliveryOptions) {
    this.#options = options;
    this.#book = new PeerBook(options);
    this.#links = new PeerLinks({
      ...options,
      keyOf: async (peer) => (await this.#lookUp(peer))?.key,
      // It may come back at another address.
      onEnded: (peer) => this.#book.forget(peer),
    });
  }

  /** Where others can connect to. */
  get port(): number {
    return this.#links.port;
  }

  /** Whether there is a connection to a peer. */
  isLinked(peer: string): boolean {
    return this.#links.isLinked(peer);
  }

  /** Something happened to a peer: what was known of it may be wrong. */
  forget(peer: string): void {
    this.#book.forget(peer);
  }

  /** Sends a message to each of the peers. @returns Those who have it. */
  async send(peers: readonly string[], message: ChatMessage): Promise<string[]> {
    const sent = await Promise.all(peers.map((peer) => this.#isSent(peer, message)));
    return peers.filter((_, index) => sent[index]);
  }

  [Symbol.dispose](): void {
    this.#links[Symbol.dispose]();
  }

  async #isSent(peer: string, message: ChatMessage): Promise<boolean> {
    try {
      if (this.#links.isLinked(peer)) {
        await this.#links.send(peer, undefined, message);
        return true;
      }
      if (this.#book.find(peer, performance.now()) === "unknown") await this.#lookUp(peer);
      const address = this.#book.find(peer, performance.now());
      if (typeof address === "string") return false;
      await this.#links.send(peer, address, message);
      return true;
    } catch {
      // Whatever it is, there is another way.
      this.#book.failed(peer, performance.now());
      return false;
    }
  }

  /** Where the tracker says that a peer is; `undefined`: it is not there. */
  async #lookUp(peer: string): Promise<PeerAddress | undefined> {
    const { id, tracker } = this.#options;
    const fields = { from_peer: id, to_peer: peer };
    try {
      const { peer_info } = await tracker.ask("POST", "connect-peer", { fields, answer: connection });
      const address = { ip: peer_info.ip, port: peer_info.port, key: peer_info.key };
      this.#book.learned(peer, address, performance.now());
      return address;
    } catch (error) {
      if (!(error instanceof TrackerRefusal) || error.status !== 404) throw error;
      this.#book.learned(peer, undefined, performance.now());
      return undefined;
    }
  }
}
