import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { ByteStream } from "../../net/dial.ts";
import { ChunkedDecoder } from "../../net/chunked.ts";
import type { Framing } from "../../net/http_framing.ts";

/** How much of a body is still to come. */
type Rest =
  | { readonly kind: "length"; readonly of: number; left: number }
  | { readonly kind: "chunked"; readonly decoder: ChunkedDecoder }
  | { readonly kind: "until-close" }
  | { readonly kind: "over" };

/** The body of one response, read from its connection no further than it goes. */
export class HttpBody {
  readonly #stream: ByteStream;
  /** What came in the same read as the head. */
  #early: Uint8Array;
  #rest: Rest;
  #hasExcess = false;

  constructor(
    stream: ByteStream,
    { early, framing }: { readonly early: Uint8Array; readonly framing: Framing },
  ) {
    this.#stream = stream;
    this.#early = early;
    this.#rest = restOf(framing);
    if (this.#rest.kind === "over") this.#hasExcess = early.length > 0;
  }

  get isOver(): boolean {
    return this.#rest.kind === "over";
  }

  /** Whether the server sent more than it announced: what follows on the connection is no response. */
  get hasExcess(): boolean {
    return this.#hasExcess;
  }

  /**
   * Reads into `buffer` what has come, and waits only while nothing has.
   *
   * @returns How many bytes; `null` when the body is over.
   * @throws {ConnectionProblem} The connection ended before the body did, or the body is malformed.
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const rest = this.#rest;
      if (rest.kind === "over") return null;
      const room = rest.kind === "length" ? buffer.subarray(0, Math.min(buffer.length, rest.left)) : buffer;
      const count = this.#takeEarly(room) ?? await this.#stream.read(room);
      if (count === null) return this.#endedBy(rest);
      const payload = this.#account(rest, buffer.subarray(0, count));
      if (payload > 0) return payload;
    }
  }

  #takeEarly(room: Uint8Array): number | undefined {
    if (this.#early.length === 0) return undefined;
    const count = Math.min(room.length, this.#early.length);
    room.set(this.#early.subarray(0, count));
    this.#early = this.#early.subarray(count);
    return count;
  }

  /** @returns How many bytes of payload there are at the beginning of `bytes`. */
  #account(rest: Exclude<Rest, { kind: "over" }>, bytes: Uint8Array): number {
    if (rest.kind === "until-close") return bytes.length;
    if (rest.kind === "length") {
      rest.left -= bytes.length;
      if (rest.left === 0) this.#finish(this.#early.length > 0);
      return bytes.length;
    }
    const { payload, taken } = rest.decoder.decode(bytes);
    if (rest.decoder.isOver) this.#finish(taken < bytes.length || this.#early.length > 0);
    return payload;
  }

  #finish(hasExcess: boolean): void {
    this.#rest = { kind: "over" };
    this.#hasExcess = hasExcess;
  }

  #endedBy(rest: Exclude<Rest, { kind: "over" }>): null {
    if (rest.kind === "until-close") {
      this.#finish(false);
      return null;
    }
    throw new ConnectionProblem(
      rest.kind === "length"
        ? `The server closed the connection after ${rest.of - rest.left} of ${rest.of} bytes`
        : "The server closed the connection in the middle of its answer",
    );
  }
}

function restOf(framing: Framing): Rest {
  if (framing.kind === "chunked") return { kind: "chunked", decoder: new ChunkedDecoder() };
  if (framing.kind === "until-close") return framing;
  return framing.bytes === 0 ? { kind: "over" } : { kind: "length", of: framing.bytes, left: framing.bytes };
}
