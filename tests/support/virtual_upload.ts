import type { ServerMessage } from "../../protocols/ws_upload/server_messages.ts";
import { UploadSender } from "../../protocols/ws_upload/sender.ts";
import type { SenderAction, SenderEvent, Wish } from "../../protocols/ws_upload/sender_state.ts";
import { sha256 } from "./bytes.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { type VirtualServerOptions, VirtualUploadServer } from "./virtual_upload_server.ts";

/** What a simulated link does to the connection between the two cores. */
export interface VirtualLink {
  /** One way, in milliseconds. */
  readonly delayMs: number;
  /** The chance that a message is the last of its connection: it is lost, and the connection with it. */
  readonly cut: number;
  /** The chance that a frame arrives with a bit turned, and that it arrives twice. */
  readonly corrupt?: number;
  readonly duplicate?: number;
  /** The chance that an acknowledgement is overtaken by later ones. */
  readonly reorder?: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

/** How a simulated upload went. */
export interface VirtualOutcome {
  readonly state: UploadSender["state"];
  /** What the server has, and whether it was told that this is all. */
  readonly stored: Uint8Array;
  readonly published: boolean;
  readonly connections: number;
  readonly elapsedMs: number;
  /** The most bytes that were under way. */
  readonly mostInFlight: number;
}

/** Options of {@linkcode runVirtualUpload}. */
export interface VirtualOptions extends VirtualServerOptions {
  readonly link: VirtualLink;
  readonly isSizeUnknown?: boolean;
  readonly wishes?: readonly { readonly atMs: number; readonly wish: Wish }[];
  readonly limitMs?: number;
  readonly unreachableMs?: number;
}

/**
 * Runs the sender's core against the server's core in virtual time: every message, loss and timer is an
 * event in one queue. Gives up after `limitMs`.
 */
export function runVirtualUpload(file: Uint8Array<ArrayBuffer>, options: VirtualOptions): VirtualOutcome {
  return new VirtualUpload(file, options).run();
}

class VirtualUpload {
  readonly #file: Uint8Array<ArrayBuffer>;
  readonly #options: VirtualOptions;
  readonly #clock = new VirtualClock();
  readonly #sender: UploadSender;
  readonly #server: VirtualUploadServer;
  #connection = 0;
  #isOpen = false;
  #mostInFlight = 0;
  #sentUpTo = 0;

  constructor(file: Uint8Array<ArrayBuffer>, options: VirtualOptions) {
    const { link, chunkBytes, unreachableMs = 5_000 } = options;
    this.#file = file;
    this.#options = options;
    this.#sender = new UploadSender({
      fileId: "f",
      fileName: "f",
      fileSize: options.isSizeUnknown === true ? undefined : file.length,
      chunkBytes,
      random: link.random,
      unreachableMs,
    });
    this.#server = new VirtualUploadServer(this.#clock, options, (message) => this.#reply(message));
  }

  run(): VirtualOutcome {
    const { wishes = [], limitMs = 3_600_000 } = this.#options;
    const clock = this.#clock;
    for (const { atMs, wish } of wishes) clock.at(atMs, () => this.#dispatch({ type: "wish", wish }));
    clock.at(0, () => this.#dispatch({ type: "tick" }));
    while (!this.#sender.ended && clock.nowMs < limitMs && clock.step());
    return {
      state: this.#sender.state,
      stored: this.#server.stored,
      published: this.#server.published,
      connections: this.#connection,
      elapsedMs: clock.nowMs,
      mostInFlight: this.#mostInFlight,
    };
  }

  #chance(probability = 0): boolean {
    return probability > 0 && this.#options.link.random() < probability;
  }

  #dispatch(event: SenderEvent): void {
    for (const action of this.#sender.handle(event, this.#clock.nowMs)) this.#perform(action);
    const { wakeAtMs } = this.#sender;
    if (wakeAtMs !== undefined) this.#clock.at(wakeAtMs, () => this.#dispatch({ type: "tick" }));
  }

  #carry(deliver: () => void, extraMs = 0): void {
    const { link } = this.#options;
    const over = this.#connection;
    const isLast = this.#chance(link.cut);
    this.#clock.at(this.#clock.nowMs + link.delayMs + extraMs, () => {
      if (over !== this.#connection || !this.#isOpen) return;
      if (!isLast) return deliver();
      this.#isOpen = false;
      this.#server.session?.disconnected(over);
      this.#dispatch({ type: "close", reason: "cut" });
    });
  }

  #reply(message: ServerMessage | undefined): void {
    if (message === undefined) return;
    const { reorder, delayMs } = this.#options.link;
    const lateMs = message.event === "progress" && this.#chance(reorder) ? 3 * delayMs : 0;
    this.#carry(() => this.#dispatch({ type: "message", message }), lateMs);
  }

  #perform(action: SenderAction): void {
    const from = this.#connection;
    switch (action.type) {
      case "connect":
        this.#connection++;
        this.#isOpen = true;
        return this.#carry(() => this.#dispatch({ type: "open" }));
      case "disconnect":
        if (this.#isOpen) this.#server.session?.disconnected(this.#connection);
        this.#isOpen = false;
        return;
      case "digest": {
        const { length } = action;
        const digest = sha256(this.#file.subarray(0, length));
        return this.#soon({ type: "digest", length, sha256: digest });
      }
      case "read":
      case "read-bytes":
        return this.#read(action);
      case "send":
        return this.#carry(() => this.#reply(this.#server.message(JSON.parse(action.text), from)));
      case "frame":
        return this.#sendFrame(action, from);
    }
  }

  /** Tells the sender what its own machine has found. */
  #soon(event: SenderEvent): void {
    this.#clock.at(this.#clock.nowMs, () => this.#dispatch(event));
  }

  #read({ type, offset, length }: Extract<SenderAction, { type: "read" | "read-bytes" }>): void {
    const { length: size } = this.#file;
    const bytes = this.#file.slice(offset, Math.min(size, offset + Math.min(length, size)));
    if (type === "read") this.#soon({ type: "chunk", offset, base64: bytes.toBase64() });
    else this.#soon({ type: "bytes", offset, bytes, isLast: offset + bytes.length >= size });
  }

  #sendFrame({ offset, bytes }: Extract<SenderAction, { type: "frame" }>, from: number): void {
    const { corrupt, duplicate } = this.#options.link;
    this.#sentUpTo = Math.max(this.#sentUpTo, offset + bytes.length);
    this.#mostInFlight = Math.max(this.#mostInFlight, this.#sentUpTo - this.#sender.acknowledged);
    const isIntact = !this.#chance(corrupt);
    this.#carry(() => this.#reply(this.#server.frame(offset, bytes, isIntact, from)));
    if (this.#chance(duplicate)) {
      this.#carry(() => this.#reply(this.#server.frame(offset, bytes, true, from)));
    }
  }
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let a = seed;
  return () => {
    a = a + 0x6d2b79f5 | 0;
    let t = Math.imul(a ^ a >>> 15, 1 | a);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}
