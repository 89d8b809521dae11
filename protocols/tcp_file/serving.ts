/**
 * The core of one connection on the server: told what bytes came and at what time, it answers with what to
 * do. It does not know what files there are.
 */

import { clientProof, isProof, serverProof } from "./auth.ts";
import { FrameReader } from "./frame_reader.ts";
import { encodeFrame, FRAME, type Frame, FrameError } from "./frames.ts";
import { classifyOpening, encodeGreeting, type Nonces } from "./hello.ts";
import { decodeGet, decodeListRequest, decodeRootRequest, encodeError, ERROR_CODE } from "./messages.ts";
import { MessageError } from "./payload_text.ts";
import { parsePlainRequest, PLAIN_REQUEST_BYTES, TOKEN_REQUIRED } from "./plain.ts";
import {
  type CloseCause,
  MAX_REQUESTS,
  SERVING_LIMITS,
  type ServingAction,
  type ServingLimits,
  type ServingOptions,
} from "./serving_action.ts";

const encoder = new TextEncoder();

/** Where a connection stands. */
type Stage =
  /** It is not known yet whom we speak to. */
  | { readonly kind: "opening" }
  | { readonly kind: "plain" }
  | { readonly kind: "unauthenticated"; readonly token: string; readonly nonces: Nonces }
  | { readonly kind: "ready" }
  | { readonly kind: "closed"; readonly client: ServedClient };

/** Whom a connection serves. */
export type ServedClient = "unknown" | "plain" | "extension";

/**
 * One connection, from the server's side.
 *
 * Requests come out of {@linkcode next} one at a time and are answered in that order; what was not taken out
 * lies in at most 64 KiB of memory, and once those are full nothing more is read. So a client that asks for
 * more than it reads costs no more than one that doesn't.
 *
 * @example
 * ```ts
 * while (true) {
 *   for (let action = session.next(now()); action !== undefined; action = session.next(now())) await carryOut(action);
 *   session.answered(now());
 *   const count = await readUntil(session.wakeAtMs, session.space());
 *   if (count === null) session.ended();
 *   else session.filled(count, now());
 * }
 * ```
 */
export class ServingSession {
  readonly #options: ServingOptions;
  readonly #limits: ServingLimits;
  readonly #actions: ServingAction[] = [];
  #stage: Stage = { kind: "opening" };
  /** Of a client that did not say hello: its request, or what may become one or a hello. */
  #message = new Uint8Array(PLAIN_REQUEST_BYTES + 1);
  #messageBytes = 0;
  #reader: FrameReader | undefined;
  /** Since when more of a hello, a request or a frame is waited for. */
  #quietSinceMs: number;
  #hasEnded = false;
  /** Whether something was taken out since {@linkcode answered}. */
  #isAnswering = false;

  constructor(options: ServingOptions) {
    const { nowMs, token, plainList, limits = SERVING_LIMITS } = options;
    this.#options = options;
    this.#limits = limits;
    this.#quietSinceMs = nowMs;
    if (token === undefined && plainList.length > 0) this.#actions.push({ type: "send", bytes: plainList });
  }

  /** Whom it serves, or has served: for logs. */
  get client(): ServedClient {
    if (this.#stage.kind === "closed") return this.#stage.client;
    if (this.#reader !== undefined) return "extension";
    return this.#stage.kind === "plain" ? "plain" : "unknown";
  }

  /** Whether the client may be served: it has made a plain request, or has shown what was asked of it. */
  get isAdmitted(): boolean {
    return this.#stage.kind === "plain" || this.#stage.kind === "ready";
  }

  /** When to call {@linkcode next} although nothing has come; `undefined`: never, it is closed. */
  get wakeAtMs(): number | undefined {
    const { silentMs, handshakeMs, restOfHelloMs, idleMs, plainIdleMs } = this.#limits;
    const { kind } = this.#stage;
    if (kind === "closed") return undefined;
    if (kind === "plain") return this.#quietSinceMs + plainIdleMs;
    if (kind === "ready") return this.#quietSinceMs + idleMs;
    if (kind === "unauthenticated") return this.#options.nowMs + handshakeMs;
    return this.#messageBytes === 0 ? this.#options.nowMs + silentMs : this.#quietSinceMs + restOfHelloMs;
  }

  /** Where the next bytes are to be read to: at least one, once {@linkcode next} had nothing more. */
  space(): Uint8Array<ArrayBuffer> {
    return this.#reader?.space() ?? this.#message.subarray(this.#messageBytes);
  }

  /** So many bytes were read there. */
  filled(count: number, nowMs: number): void {
    if (this.#reader !== undefined) return this.#reader.filled(count);
    if (this.#messageBytes === 0) this.#quietSinceMs = nowMs;
    this.#messageBytes += count;
  }

  /** The client sends nothing more, but may still read. */
  ended(): void {
    this.#hasEnded = true;
  }

  /** All that was to be sent so far has been: from now on the client is waited for, and not before. */
  answered(nowMs: number): void {
    // Bytes that complete nothing do not count, so that a connection can't be held with one now and then.
    if (this.#isAnswering && this.isAdmitted) this.#quietSinceMs = nowMs;
    this.#isAnswering = false;
  }

  /** The server goes down. What was not taken out is not answered any more; the client is told. */
  leave(): void {
    if (this.#reader !== undefined && this.#stage.kind !== "closed") {
      this.#send(encodeFrame({ type: FRAME.bye, request: 0, isEnd: true }));
    }
    this.#close("leaving", "the server stops");
  }

  /** What to do next; `undefined`: to wait for bytes, or for {@linkcode wakeAtMs}. */
  next(nowMs: number): ServingAction | undefined {
    while (this.#actions.length === 0) {
      if (this.#stage.kind === "closed") return undefined;
      if (this.#advance(nowMs)) continue;
      if (this.#hasEnded) {
        const isWithin = this.#reader?.isWithin ?? false;
        this.#close(isWithin ? "broken" : "done", isWithin ? "ended within a frame" : "the client has ended");
      } else if (!this.#isAnswering && nowMs >= (this.wakeAtMs ?? Infinity)) {
        this.#close("silent", this.isAdmitted ? "nothing more came" : "no request in time");
      } else return undefined;
    }
    this.#isAnswering = true;
    return this.#actions.shift();
  }

  /** Takes up the next of what has come. @returns Whether something was there. */
  #advance(nowMs: number): boolean {
    switch (this.#stage.kind) {
      case "opening":
        return this.#open(nowMs);
      case "plain":
        return this.#takePlain();
      case "unauthenticated":
      case "ready":
        return this.#takeFrame(this.#stage);
      case "closed":
        return false;
    }
  }

  #open(nowMs: number): boolean {
    if (this.#messageBytes === 0) return false;
    const { nonce, token } = this.#options;
    const opening = classifyOpening(this.#message.subarray(0, this.#messageBytes));
    if (opening.kind === "hello") {
      this.#reader = new FrameReader({ sender: "client", first: opening.rest });
      this.#message = new Uint8Array(0);
      const nonces = { client: opening.nonce, server: nonce };
      this.#stage = token === undefined ? { kind: "ready" } : { kind: "unauthenticated", token, nonces };
      const greeting = { nonce, auth: token !== undefined, maxRequests: MAX_REQUESTS };
      this.#send(encodeGreeting(opening.nonce, greeting));
      return true;
    }
    const mayGoOn = !this.#hasEnded && nowMs < this.#quietSinceMs + this.#limits.restOfHelloMs;
    if (opening.kind === "partial" && mayGoOn) return false;
    if (token === undefined) this.#stage = { kind: "plain" };
    else {
      this.#send(encoder.encode(TOKEN_REQUIRED));
      this.#close("refused", "a plain client has no token");
    }
    return true;
  }

  #takePlain(): boolean {
    if (this.#messageBytes === 0) return false;
    const asked = parsePlainRequest(this.#message.subarray(0, this.#messageBytes));
    // What follows a request that is too long is the rest of it.
    const isTooLong = this.#messageBytes > PLAIN_REQUEST_BYTES;
    this.#messageBytes = 0;
    if (asked.kind !== "invalid") this.#actions.push({ type: "plain", asked });
    else this.#send(encoder.encode(asked.answer));
    if (isTooLong) this.#close("broken", `a request is longer than ${PLAIN_REQUEST_BYTES} bytes`);
    return true;
  }

  #takeFrame(stage: Extract<Stage, { kind: "unauthenticated" | "ready" }>): boolean {
    try {
      const frame = this.#reader?.next();
      if (frame === undefined) return false;
      if (stage.kind === "ready") this.#serve(frame);
      else this.#authenticate(frame, stage);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#refuse(0, ERROR_CODE.badRequest, error.message);
      this.#close("broken", error.message);
    }
    return true;
  }

  #authenticate(
    { type, request, payload }: Frame,
    { token, nonces }: Extract<Stage, { kind: "unauthenticated" }>,
  ): void {
    if (type === FRAME.bye) return this.#close("done", "the client has no requests");
    if (type !== FRAME.auth || !isProof(payload, clientProof(token, nonces))) {
      const reason = type === FRAME.auth ? "not the right token" : "no token";
      this.#refuse(0, ERROR_CODE.notAuthenticated, reason);
      return this.#close("refused", reason);
    }
    this.#stage = { kind: "ready" };
    this.#send(encodeFrame({ type: FRAME.auth, request, isEnd: true }, serverProof(token, nonces)));
  }

  #serve(frame: Frame): void {
    const { type, request, payload } = frame;
    if (type === FRAME.bye) return this.#close("done", "the client has no more requests");
    if (type === FRAME.ping) return this.#send(encodeFrame({ type, request, isEnd: true }, payload));
    if (request === 0) throw new FrameError("A request needs a number other than 0");
    try {
      this.#actions.push(actionOf(frame));
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.#refuse(request, ERROR_CODE.badRequest, error.message);
    }
  }

  #refuse(request: number, code: number, text: string): void {
    this.#send(encodeFrame({ type: FRAME.error, request, isEnd: true }, encodeError({ code, text })));
  }

  #send(bytes: Uint8Array): void {
    this.#actions.push({ type: "send", bytes });
  }

  #close(cause: CloseCause, reason: string): void {
    if (this.#stage.kind === "closed") return;
    this.#stage = { kind: "closed", client: this.client };
    this.#actions.push({ type: "close", cause, reason });
  }
}

function actionOf({ type, request, payload }: Frame): ServingAction {
  switch (type) {
    case FRAME.list:
      return { type: "list", request, ...decodeListRequest(payload) };
    case FRAME.get:
      return { type: "get", request, ...decodeGet(payload) };
    case FRAME.root:
      return { type: "root", request, ...decodeRootRequest(payload) };
    default:
      throw new MessageError("There is nothing to prove on this connection");
  }
}
