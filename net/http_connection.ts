import { connBytes, type DuplexBytes, writeAll } from "./byte_stream.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { ConnectionProblem } from "./connection_problem.ts";
import { encodeAnswer, type HttpAnswer, problemAnswer } from "./http_answer.ts";
import { parseRequestHead, type RequestHead, RequestProblem } from "./request_head.ts";
import type { ServedStream } from "./tcp_listener.ts";

/** A request with its body. */
export interface HttpRequest {
  readonly head: RequestHead;
  /** Good until the request is answered. */
  readonly body: Uint8Array;
  /** The peer's IP address. */
  readonly address: string;
}

/** Answers a request. What it throws is answered with 500. */
export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

/** Limits of {@linkcode HttpConnection}, in bytes and milliseconds. */
export interface HttpLimits {
  readonly headBytes: number;
  readonly bodyBytes: number;
  /** From the first byte of a request to the end of its header. */
  readonly headMs: number;
  /** From there to the end of its body. */
  readonly bodyMs: number;
  /** Between requests. */
  readonly idleMs: number;
  /** For an answer to be taken. */
  readonly writeMs: number;
}

/** What a connection belongs to. */
export interface HttpHost {
  readonly handler: HttpHandler;
  readonly limits: HttpLimits;
  /** A handler threw. */
  readonly onError: (error: unknown) => void;
  /** The `Date` of answers (RFC 9110 section 6.6.1), renewed each second. */
  readonly date: () => string;
  /** Milliseconds on a clock that is looked at now and then; good for deadlines. */
  readonly nowMs: () => number;
  /** Whether connections are to end after the request under way. */
  readonly isClosing: () => boolean;
}

const BUFFER_BYTES = 2048;
const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** A mark of the byte order before a request line is no part of it, and not passed over. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * One connection of HTTP/1.1 on the server's side: requests are read and answered one after another, so that
 * a client that does not read its answers sends no more.
 */
export class HttpConnection {
  readonly #stream: ServedStream;
  readonly #address: string;
  readonly #host: HttpHost;
  #buffer = new Uint8Array(BUFFER_BYTES);
  /** Of the buffer, what came and was not used. */
  #filled = 0;
  #state: "idle" | "head" | "body" | "answering" | "taken-over" = "idle";
  #deadlineMs: number;
  #last: { readonly text: string; readonly head: RequestHead } | undefined;

  constructor(stream: ServedStream, address: string, host: HttpHost) {
    this.#stream = stream;
    this.#address = address;
    this.#host = host;
    // A connection that says nothing at all gets no longer than one that begins to.
    this.#deadlineMs = host.nowMs() + host.limits.headMs;
  }

  get isIdle(): boolean {
    return this.#state === "idle";
  }

  get isTakenOver(): boolean {
    return this.#state === "taken-over";
  }

  /** Ends the connection when it took too long; called now and then. */
  check(nowMs: number): void {
    if (this.#state === "taken-over" || nowMs < this.#deadlineMs) return;
    if (this.#state !== "head" && this.#state !== "body") return this.close();
    this.#deadlineMs = Infinity;
    void this.#refuse(new RequestProblem(408, "The request came too slowly")).finally(() => this.close());
  }

  /** Ends it at once. */
  close(): void {
    this.#stream.close();
  }

  /** Serves until either side ends the connection. */
  async serve(): Promise<void> {
    try {
      while (await this.#serveOne());
    } catch (error) {
      if (error instanceof RequestProblem) await this.#refuse(error).catch(() => {});
      // Anything else: the peer is gone.
    } finally {
      this.#stream.close();
    }
  }

  /** @returns Whether there may be another. */
  async #serveOne(): Promise<boolean> {
    const { limits, nowMs } = this.#host;
    let end = this.#headEnd();
    while (end === -1) {
      if (this.#filled > limits.headBytes) throw new RequestProblem(431, "The request's header is too large");
      if (!await this.#readOn()) return false;
      if (this.#state === "idle") {
        this.#state = "head";
        this.#deadlineMs = nowMs() + limits.headMs;
      }
      end = this.#headEnd();
    }
    if (end > limits.headBytes) throw new RequestProblem(431, "The request's header is too large");
    const head = this.#parse(decoder.decode(this.#buffer.subarray(0, end)));
    this.#drop(end + 4);
    const body = head.framing.kind === "none" ? NO_BYTES : await this.#readBody(head);
    if (body === undefined) return false;
    this.#state = "answering";
    this.#deadlineMs = Infinity;
    const { handler, onError } = this.#host;
    let answer: HttpAnswer;
    try {
      const answering = handler({ head, body, address: this.#address });
      answer = answering instanceof Promise ? await answering : answering;
    } catch (error) {
      onError(error);
      answer = problemAnswer(new RequestProblem(500, "The server failed"));
    }
    return await this.#answer(head, answer);
  }

  /** A client that asks again mostly asks the same way: the last head is kept for that. */
  #parse(text: string): RequestHead {
    if (this.#last?.text === text) return this.#last.head;
    const head = parseRequestHead(text);
    this.#last = { text, head };
    return head;
  }

  async #answer(head: RequestHead, answer: HttpAnswer): Promise<boolean> {
    const { limits, nowMs, isClosing } = this.#host;
    const isLast = !head.keepsAlive || isClosing();
    this.#deadlineMs = nowMs() + limits.writeMs;
    await this.#send(answer, { isLast, isHead: head.method === "HEAD" });
    if (answer.takeOver !== undefined) {
      this.#state = "taken-over";
      await answer.takeOver(this.#handOver());
      return false;
    }
    this.#state = this.#filled > 0 ? "head" : "idle";
    this.#deadlineMs = nowMs() + (this.#filled > 0 ? limits.headMs : limits.idleMs);
    return !isLast;
  }

  /** Sends an answer, in one write if the connection takes it. */
  async #send(answer: HttpAnswer, { isLast, isHead }: { isLast: boolean; isHead: boolean }): Promise<void> {
    const bytes = encodeAnswer(answer, { isLast, isHead, date: this.#host.date() });
    // Those whose requests came in the same turn come this far first, and then all write: a client that is woken
    // once for many answers costs much less than one that is woken for each.
    await undefined;
    const count = await this.#stream.write(bytes);
    if (count < bytes.length) await writeAll(this.#stream, bytes.subarray(count));
  }

  /** The connection for somebody else, with what was read of it already. The buffer is let go. */
  #handOver(): DuplexBytes {
    const rest = this.#buffer.slice(0, this.#filled);
    this.#buffer = NO_BYTES;
    this.#filled = 0;
    this.#last = undefined;
    const stream = this.#stream;
    return connBytes({ ...stream, closeWrite: () => stream.end() }, ...rest.length === 0 ? [] : [rest]);
  }

  async #readBody(head: RequestHead): Promise<Uint8Array | undefined> {
    const { limits, nowMs } = this.#host;
    const { framing } = head;
    if (framing.kind === "length" && framing.bytes > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
    this.#state = "body";
    this.#deadlineMs = nowMs() + limits.bodyMs;
    if (head.expectsContinue && this.#filled === 0) await writeAll(this.#stream, CONTINUE);
    return framing.kind === "length" ? await this.#readLength(framing.bytes) : await this.#readChunks();
  }

  async #readLength(bytes: number): Promise<Uint8Array | undefined> {
    while (this.#filled < bytes) if (!await this.#readOn(bytes)) return undefined;
    // What is behind it belongs to the next request, and moves to the front.
    const body = this.#buffer.slice(0, bytes);
    this.#drop(bytes);
    return body;
  }

  async #readChunks(): Promise<Uint8Array | undefined> {
    // A proxy before this server may read lenient forms in another way, and take the rest for another request.
    const chunks = new ChunkedDecoder({ isStrict: true });
    const pieces: Uint8Array[] = [];
    let length = 0;
    while (!chunks.isOver) {
      if (this.#filled === 0 && !await this.#readOn()) return undefined;
      const { payload, taken } = decodeChunks(chunks, this.#buffer.subarray(0, this.#filled));
      length += payload;
      if (length > this.#host.limits.bodyBytes) throw tooLarge(this.#host.limits.bodyBytes);
      if (payload > 0) pieces.push(this.#buffer.slice(0, payload));
      this.#drop(taken);
    }
    const body = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    return body;
  }

  /** Where the empty line is that ends the head; -1: not there yet. */
  #headEnd(): number {
    // A client may send an empty line too many behind a body (RFC 9112 section 2.2).
    if (this.#buffer[0] === 13 && this.#buffer[1] === 10 && this.#filled >= 2) this.#drop(2);
    const buffer = this.#buffer;
    for (let at = 3; at < this.#filled; at++) {
      if (buffer[at] === 10 && buffer[at - 1] === 13 && buffer[at - 2] === 10 && buffer[at - 3] === 13) {
        return at - 3;
      }
    }
    return -1;
  }

  #drop(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
    if (this.#filled === 0 && this.#buffer.length > BUFFER_BYTES) this.#buffer = new Uint8Array(BUFFER_BYTES);
  }

  /** Reads some more. @returns Whether there was any. */
  async #readOn(wanted = this.#filled + 1): Promise<boolean> {
    const needed = Math.max(wanted, this.#filled + 1);
    if (needed > this.#buffer.length) {
      // Doubled, so that a body that trickles in is not copied over and over.
      const larger = new Uint8Array(Math.max(this.#buffer.length * 2, Math.min(needed, 2 * this.#filled)));
      larger.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = larger;
    }
    const room = this.#filled === 0 ? this.#buffer : this.#buffer.subarray(this.#filled);
    const count = await this.#stream.read(room);
    if (count === null) return false;
    this.#filled += count;
    return true;
  }

  /** Answers what can't be read as a request; the connection ends with it. */
  async #refuse(problem: RequestProblem): Promise<void> {
    const answer = problemAnswer(problem);
    this.#deadlineMs = this.#host.nowMs() + 2_000;
    await this.#send(answer, { isLast: true, isHead: false });
    await this.#stream.end();
    // A connection that is closed with bytes unread is reset, and the answer lost (RFC 9112 section 9.6).
    const dropped = new Uint8Array(BUFFER_BYTES);
    for (let budget = 1024; budget > 0 && await this.#stream.read(dropped) !== null; budget--);
  }
}

const NO_BYTES = new Uint8Array(0);
function tooLarge(most: number): RequestProblem {
  return new RequestProblem(413, `The body is larger than ${most} bytes`);
}

function decodeChunks(chunks: ChunkedDecoder, bytes: Uint8Array): { payload: number; taken: number } {
  try {
    return chunks.decode(bytes);
  } catch (error) {
    if (error instanceof ConnectionProblem) throw new RequestProblem(400, error.message);
    throw error;
  }
}
