import { connBytes, type DuplexBytes, writeAll } from "./byte_stream.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { ConnectionProblem } from "./connection_problem.ts";
import { encodeAnswer, type HttpAnswer, problemAnswer, RequestProblem } from "./http_answer.ts";
import { HeadProblem, type HeadRules, HeadScanner, headText, STATUS_OF_FAULT } from "./http_fields.ts";
import { parseServedHead, type ServedHead } from "./served_head.ts";
import { SpareBuffers } from "./spare_buffers.ts";
import type { ServedStream } from "./tcp_listener.ts";

/** A request with its body. */
export interface HttpRequest {
  readonly head: ServedHead;
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

/** Most headers of a request. */
const FIELDS_MOST = 100;

/** For answers while they are written. */
const answerBuffers = new SpareBuffers({ bytes: 4096, sparesMost: 256 });

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
  readonly #rules: HeadRules;
  #last: { readonly text: string; readonly head: ServedHead } | undefined;

  constructor(stream: ServedStream, address: string, host: HttpHost) {
    this.#stream = stream;
    this.#address = address;
    this.#host = host;
    this.#rules = { bytesMost: host.limits.headBytes, fieldsMost: FIELDS_MOST };
    // A connection that says nothing at all gets no longer than one that begins to.
    this.#deadlineMs = host.nowMs() + host.limits.headMs;
  }

  get isIdle(): boolean {
    return this.#state === "idle";
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
      const problem = problemOf(error);
      if (problem !== undefined) await this.#refuse(problem).catch(() => {});
      // Anything else: the peer is gone.
    } finally {
      this.#stream.close();
    }
  }

  /** @returns Whether there may be another. */
  async #serveOne(): Promise<boolean> {
    const { limits, nowMs } = this.#host;
    const scanner = new HeadScanner(this.#rules);
    let end = this.#headEnd(scanner);
    while (end === undefined) {
      if (!await this.#readOn()) return false;
      if (this.#state === "idle") {
        this.#state = "head";
        this.#deadlineMs = nowMs() + limits.headMs;
      }
      end = this.#headEnd(scanner);
    }
    const head = this.#parse(headText(this.#buffer.subarray(scanner.skipped, end)));
    this.#drop(end);
    const { framing } = head;
    const isBare = framing.kind === "length" && framing.bytes === 0;
    const body = isBare ? NO_BYTES : await this.#readBody(head);
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
  #parse(text: string): ServedHead {
    if (this.#last?.text === text) return this.#last.head;
    const head = parseServedHead(text, this.#rules);
    this.#last = { text, head };
    return head;
  }

  async #answer(head: ServedHead, answer: HttpAnswer): Promise<boolean> {
    const { limits, nowMs, isClosing } = this.#host;
    const isLast = !head.keepsAlive || isClosing();
    this.#deadlineMs = nowMs() + limits.writeMs;
    await this.#send(answer, { isLast, isHead: head.method === "HEAD" });
    if (answer.takeOver !== undefined) {
      if (head.method === "HEAD") return false;
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
    const room = answerBuffers.take();
    const bytes = encodeAnswer(answer, { isLast, isHead, date: this.#host.date() }, room);
    // Those whose requests came in the same turn come this far first, and then all write: a client that is woken
    // once for many answers costs much less than one that is woken for each.
    await undefined;
    const count = await this.#stream.write(bytes);
    if (count < bytes.length) await writeAll(this.#stream, bytes.subarray(count));
    // Not after a failure: who knows who still reads it.
    answerBuffers.give(room);
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

  async #readBody(head: ServedHead): Promise<Uint8Array | undefined> {
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

  /** Where the head is over; `undefined`: not there yet. */
  #headEnd(scanner: HeadScanner): number | undefined {
    return this.#filled === 0 ? undefined : scanner.scan(this.#buffer.subarray(0, this.#filled));
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

function problemOf(error: unknown): RequestProblem | undefined {
  if (error instanceof RequestProblem) return error;
  if (!(error instanceof HeadProblem)) return undefined;
  return new RequestProblem(STATUS_OF_FAULT[error.fault], `There is ${error.message}`);
}

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
