import type { ServerMessage } from "../../protocols/ws_upload/server_messages.ts";
import { REPORT_MS, UploadSession } from "../../protocols/ws_upload/upload_session.ts";
import type { Mode, SessionRequest } from "../../protocols/ws_upload/session_state.ts";
import { sha256 } from "./bytes.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** Options of {@linkcode VirtualUploadServer}. */
export interface VirtualServerOptions {
  readonly chunkBytes: number;
  /** It speaks the extension, with this window. */
  readonly windowBytes?: number;
  /** What it has before anything comes. */
  readonly stored?: Uint8Array<ArrayBuffer>;
}

/** The server's core with a store that is an array; `push` sends what nobody asked for. */
export class VirtualUploadServer {
  stored: Uint8Array<ArrayBuffer>;
  published = false;
  session: UploadSession | undefined;
  #sessions = 0;
  readonly #clock: VirtualClock;
  readonly #options: VirtualServerOptions;
  readonly #push: (message: ServerMessage) => void;

  constructor(clock: VirtualClock, options: VirtualServerOptions, push: (message: ServerMessage) => void) {
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

function joined(one: Uint8Array, two: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + two.length);
  both.set(one);
  both.set(two, one.length);
  return both;
}
