import { ConnectionProblem } from "../../net/connection_problem.ts";
import { encodeFrame, FRAME, type Frame, FrameError, type FrameType } from "./frames.ts";
import { FrameReader } from "./frame_reader.ts";
import { decodeListPage } from "./list_pages.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import {
  type DataBlock,
  decodeData,
  decodeError,
  decodeRootAnswer,
  encodeGet,
  encodeListRequest,
  encodeRootRequest,
  ERROR_CODE,
  type GetRequest,
  type ListRequest,
  type Refusal,
  type RootAnswer,
  type RootRequest,
} from "./messages.ts";
import { MessageError } from "./payload_text.ts";
import type { PeerStream } from "./peer_stream.ts";

/** What a server says to the oldest request that is under way. */
export type XferAnswer =
  /** `block` is good until the connection is read again. `isEnd`: the request is answered with it. */
  | { readonly type: "data"; readonly isEnd: boolean; readonly block: DataBlock }
  | { readonly type: "list"; readonly isEnd: boolean; readonly entries: readonly CatalogueEntry[] }
  | { readonly type: "root"; readonly isEnd: true; readonly root: RootAnswer }
  /** The request will not be answered. */
  | { readonly type: "refused"; readonly isEnd: true; readonly refusal: Refusal };

/** A server does not keep to the protocol. */
export class ServerLiesError extends ConnectionProblem {}

/** What is asked for by frames of a type, and answered by others of the same. */
const ANSWER: Readonly<Partial<Record<FrameType, FrameType>>> = {
  [FRAME.get]: FRAME.data,
  [FRAME.list]: FRAME.list,
  [FRAME.root]: FRAME.root,
};

/**
 * A connection that speaks XFER/1, ready for requests. They are sent together and answered in their order;
 * whoever asks also takes the answers, one after the other.
 */
export class XferConnection implements Disposable {
  readonly kind = "xfer";
  /** The time that the server took to answer the hello. */
  readonly roundTripMs: number;
  /** How many requests may be under way at a time. */
  readonly maxRequests: number;
  readonly #stream: PeerStream;
  readonly #reader: FrameReader;
  /** Requests under way, and what answers them. */
  readonly #pending: { readonly request: number; readonly type: FrameType }[] = [];
  #unsent: Uint8Array[] = [];
  #lastRequest: number;
  #isLeaving = false;

  constructor(stream: PeerStream, { reader, roundTripMs, maxRequests, lastRequest = 0 }: {
    readonly reader: FrameReader;
    readonly roundTripMs: number;
    readonly maxRequests: number;
    readonly lastRequest?: number;
  }) {
    this.#stream = stream;
    this.#reader = reader;
    this.roundTripMs = roundTripMs;
    this.maxRequests = maxRequests;
    this.#lastRequest = lastRequest;
  }

  /** Requests that are not answered yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** The server takes no new requests: it is going down. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Asks for bytes, with the next {@linkcode flush}. */
  get(request: GetRequest): void {
    this.#ask(FRAME.get, encodeGet(request));
  }

  /** Asks what there is, with the next {@linkcode flush}. */
  list(request: ListRequest): void {
    this.#ask(FRAME.list, encodeListRequest(request));
  }

  /** Asks for a file's version and root, with the next {@linkcode flush}. */
  root(request: RootRequest): void {
    this.#ask(FRAME.root, encodeRootRequest(request));
  }

  /** Sends what was asked for, in one write. */
  flush(): void {
    const [first, ...more] = this.#unsent;
    if (first === undefined) return;
    this.#unsent = [];
    this.#stream.write(more.length === 0 ? first : joined([first, ...more]));
  }

  /**
   * Waits for what comes next. What it gave before is not good any more.
   *
   * @param options `onRead` is told how many bytes came with each read; `silenceMs`: how long to wait, if not as long as usual.
   * @throws {ConnectionProblem} The connection is gone, or the server breaks the protocol.
   */
  async next(
    { onRead, silenceMs }: {
      readonly onRead?: ((bytes: number) => void) | undefined;
      readonly silenceMs?: number | undefined;
    } = {},
  ): Promise<XferAnswer> {
    for (let answer = this.take();; answer = this.take()) {
      if (answer !== undefined) return answer;
      const count = await this.#stream.read(this.#reader.space(), silenceMs);
      this.#reader.filled(count);
      onRead?.(count);
    }
  }

  /** What has come already, as {@linkcode next}; `undefined`: nothing more that is whole. */
  take(): XferAnswer | undefined {
    try {
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
        if (frame.type === FRAME.bye) this.#isLeaving = true;
        else return this.#answerOf(frame);
      }
      return undefined;
    } catch (error) {
      this[Symbol.dispose]();
      if (!(error instanceof FrameError || error instanceof MessageError)) throw error;
      throw new ServerLiesError(`The server breaks XFER/1: ${error.message}`, { cause: error });
    }
  }

  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }

  #ask(type: FrameType, payload: Uint8Array): void {
    this.#lastRequest = this.#lastRequest % 0xffff_ffff + 1;
    this.#pending.push({ request: this.#lastRequest, type: ANSWER[type] ?? type });
    this.#unsent.push(encodeFrame({ type, request: this.#lastRequest, isEnd: false }, payload));
  }

  #answerOf({ type, request, isEnd, payload }: Frame): XferAnswer {
    if (type === FRAME.error && request === 0) {
      const { code, text } = decodeError(payload);
      throw new ConnectionProblem(`The server ends the connection: ${text}`, {
        isFinal: code === ERROR_CODE.notAuthenticated,
      });
    }
    const [oldest] = this.#pending;
    if (oldest?.request !== request || (type !== oldest.type && type !== FRAME.error)) {
      throw new FrameError("It answers what it was not asked, or in another order");
    }
    if (isEnd || type === FRAME.error || type === FRAME.root) this.#pending.shift();
    switch (type) {
      case FRAME.data:
        return { type: "data", isEnd, block: decodeData(payload) };
      case FRAME.list:
        return { type: "list", isEnd, entries: decodeListPage(payload) };
      case FRAME.root:
        return { type: "root", isEnd: true, root: decodeRootAnswer(payload) };
      default:
        return { type: "refused", isEnd: true, refusal: decodeError(payload) };
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
