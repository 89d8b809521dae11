import type { ServerMessage } from "../../protocols/ws_upload/server_messages.ts";
import { UploadSender } from "../../protocols/ws_upload/sender.ts";
import type { SenderAction, SenderEvent, Wish } from "../../protocols/ws_upload/sender_state.ts";
import { REPORT_MS, UploadSession } from "../../protocols/ws_upload/upload_session.ts";
import type { Mode, SessionRequest } from "../../protocols/ws_upload/session_state.ts";
import { sha256 } from "./bytes.ts";
import { VirtualClock } from "./virtual_clock.ts";

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
export interface VirtualOptions {
  readonly link: VirtualLink;
  readonly chunkBytes: number;
  /** The server speaks the extension, with this window. */
  readonly windowBytes?: number;
  /** What the server has before it starts. */
  readonly stored?: Uint8Array<ArrayBuffer>;
  readonly isSizeUnknown?: boolean;
  readonly wishes?: readonly { readonly atMs: number; readonly wish: Wish }[];
  readonly limitMs?: number;
  readonly unreachableMs?: number;
}

/** The server's core with a store that is an array; `push` sends what nobody asked for. */
class VirtualServer {
  stored: Uint8Array<ArrayBuffer>;
  published = false;
  session: UploadSession | undefined;
  #sessions = 0;
  readonly #clock: VirtualClock;
  readonly #options: VirtualOptions;
  readonly #push: (message: ServerMessage) => void;

  constructor(clock: VirtualClock, options: VirtualOptions, push: (message: ServerMessage) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#push = push;
    this.stored = options.stored ?? new Uint8Array(0);
  }

  message(
    message: Record<string, unknown> & { readonly action: string },
    from: number,
  ): ServerMessage | undefined {
    if (message.action === "start") {
      const fileSize = message.fileSize === -1 ? undefined : Number(message.fileSize);
      this.session ??= new UploadSession({ fileId: "f", fileSize, length: this.stored.length });
      return this.#request({ action: "start", fileSize, mode: this.#mode(), claim: "owner" }, from);
    }
    if (this.session === undefined) return { event: "error", fileId: "f", error: "Unknown fileId" };
    const { action } = message;
    switch (action) {
      case "chunk": {
        const bytes = Uint8Array.fromBase64(String(message.data));
        return this.#request({ action, offset: Number(message.offset), bytes }, from);
      }
      case "stop":
        return this.#request({ action, delete: message.delete === true }, from);
      case "complete": {
        const fileSize = message.fileSize === undefined ? undefined : Number(message.fileSize);
        const digest = message.sha256 === undefined ? undefined : String(message.sha256);
        return this.#request({ action, fileSize, sha256: digest }, from);
      }
      case "pause":
      case "resume":
        return this.#request({ action }, from);
      default:
        throw new TypeError(`No such action: ${action}`);
    }
  }

  frame(offset: number, bytes: Uint8Array, isIntact: boolean, from: number): ServerMessage | undefined {
    if (this.session === undefined) return undefined;
    return this.#request({ action: "frame", offset, bytes, isIntact }, from);
  }

  #mode(): Mode {
    const { windowBytes, chunkBytes } = this.#options;
    if (windowBytes === undefined) return { kind: "plain" };
    return { kind: "extended", session: ++this.#sessions, chunkBytes, windowBytes };
  }

  #request(request: SessionRequest, from: number): ServerMessage | undefined {
    const { session } = this;
    if (session === undefined) return undefined;
    const step = session.request(request, from, this.#clock.nowMs);
    switch (step.type) {
      case "reply":
      case "release":
        return step.message;
      case "started":
        return this.#ack(session);
      case "discard":
        this.session = undefined;
        this.stored = new Uint8Array(0);
        return step.message;
      case "append":
        this.stored = joined(this.stored, step.bytes);
        session.appended(step.bytes.length);
        return this.#progress(session);
      case "publish":
        if (step.sha256 !== undefined && step.sha256 !== sha256(this.stored)) {
          throw new Error("Digests differ");
        }
        this.published = true;
        return { event: "complete-ack", fileId: "f", filePath: "/f" };
      case "close":
        throw new Error(step.reason);
      case "drop":
        return undefined;
    }
  }

  #progress(session: UploadSession): ServerMessage | undefined {
    const message = session.progress(0, this.#clock.nowMs);
    if (message === undefined) {
      this.#clock.at(this.#clock.nowMs + REPORT_MS, () => {
        const late = session.owner === undefined ? undefined : session.progress(0, this.#clock.nowMs);
        if (late !== undefined) this.#push(late);
      });
    }
    return message;
  }

  #ack(session: UploadSession): ServerMessage {
    const plain = { event: "start-ack", fileId: "f", offset: session.length, status: "active" } as const;
    const { mode } = session;
    if (mode.kind === "plain") return plain;
    const { session: number, chunkBytes, windowBytes } = mode;
    const prefixSha256 = sha256(this.stored);
    const sizes = { chunkBytes, windowBytes, durableOffset: 0 };
    return { ...plain, ext: { version: 1, session: number, resumeToken: "t", prefixSha256, ...sizes } };
  }
}

/**
 * Runs the sender's core against the server's core in virtual time: every message, loss and timer is an
 * event in one queue. Gives up after `limitMs`.
 */
export function runVirtualUpload(file: Uint8Array<ArrayBuffer>, options: VirtualOptions): VirtualOutcome {
  const { link, chunkBytes, wishes = [], limitMs = 3_600_000, unreachableMs = 5_000 } = options;
  const clock = new VirtualClock();
  const sender = new UploadSender({
    fileId: "f",
    fileName: "f",
    fileSize: options.isSizeUnknown === true ? undefined : file.length,
    chunkBytes,
    random: link.random,
    unreachableMs,
  });
  let connection = 0;
  let isOpen = false;
  let mostInFlight = 0;
  let sentUpTo = 0;

  const chance = (probability = 0) => probability > 0 && link.random() < probability;
  const dispatch = (event: SenderEvent) => {
    for (const action of sender.handle(event, clock.nowMs)) perform(action);
    const { wakeAtMs } = sender;
    if (wakeAtMs !== undefined) clock.at(wakeAtMs, () => dispatch({ type: "tick" }));
  };
  const carry = (deliver: () => void, extraMs = 0) => {
    const over = connection;
    const isLast = chance(link.cut);
    clock.at(clock.nowMs + link.delayMs + extraMs, () => {
      if (over !== connection || !isOpen) return;
      if (!isLast) return deliver();
      isOpen = false;
      server.session?.disconnected(over);
      dispatch({ type: "close", reason: "cut" });
    });
  };
  const reply = (message: ServerMessage | undefined) => {
    if (message === undefined) return;
    const lateMs = message.event === "progress" && chance(link.reorder) ? 3 * link.delayMs : 0;
    carry(() => dispatch({ type: "message", message }), lateMs);
  };
  const server = new VirtualServer(clock, options, reply);
  const perform = (action: SenderAction) => {
    const from = connection;
    switch (action.type) {
      case "connect":
        connection++;
        isOpen = true;
        return carry(() => dispatch({ type: "open" }));
      case "disconnect":
        if (isOpen) server.session?.disconnected(connection);
        isOpen = false;
        return;
      case "digest": {
        const { length } = action;
        const digest = sha256(file.subarray(0, length));
        return clock.at(clock.nowMs, () => dispatch({ type: "digest", length, sha256: digest }));
      }
      case "read":
      case "read-bytes": {
        const { offset, length } = action;
        const bytes = file.slice(offset, Math.min(file.length, offset + Math.min(length, file.length)));
        return clock.at(clock.nowMs, () => {
          if (action.type === "read") dispatch({ type: "chunk", offset, base64: bytes.toBase64() });
          else dispatch({ type: "bytes", offset, bytes, isLast: offset + bytes.length >= file.length });
        });
      }
      case "send":
        return carry(() => reply(server.message(JSON.parse(action.text), from)));
      case "frame": {
        const { offset, bytes } = action;
        sentUpTo = Math.max(sentUpTo, offset + bytes.length);
        mostInFlight = Math.max(mostInFlight, sentUpTo - sender.acknowledged);
        const isIntact = !chance(link.corrupt);
        carry(() => reply(server.frame(offset, bytes, isIntact, from)));
        if (chance(link.duplicate)) carry(() => reply(server.frame(offset, bytes, true, from)));
      }
    }
  };

  for (const { atMs, wish } of wishes) clock.at(atMs, () => dispatch({ type: "wish", wish }));
  clock.at(0, () => dispatch({ type: "tick" }));
  while (!sender.ended && clock.nowMs < limitMs && clock.step());
  return {
    state: sender.state,
    stored: server.stored,
    published: server.published,
    connections: connection,
    elapsedMs: clock.nowMs,
    mostInFlight,
  };
}

function joined(one: Uint8Array, two: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + two.length);
  both.set(one);
  both.set(two, one.length);
  return both;
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
