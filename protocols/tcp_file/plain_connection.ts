import { randomBytes } from "node:crypto";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import { NONCE_BYTES } from "./auth.ts";
import type { Piece } from "./blocks.ts";
import { encodeHello, GreetingReader } from "./hello.ts";
import type { PeerStream } from "./peer_stream.ts";
import { encodePlainRequest, parseSizeAnswer, type SizeAnswer } from "./plain_client.ts";

/** A plain server has sent something else than the bytes that it was asked for. */
export class SurplusError extends ConnectionProblem {}

/** Longest answer that is no data. */
const ANSWER_BYTES = 4096;

/**
 * A connection to a plain server, whose answers have neither length nor end. So each is followed by a request
 * for a file that can't be there, named by a new nonce: what comes before the answer to that is all there is.
 */
export class PlainConnection implements Disposable {
  readonly kind = "plain";
  /** What the server sent before it was asked anything. */
  readonly list: Uint8Array;
  readonly #stream: PeerStream;

  constructor(stream: PeerStream, list: Uint8Array) {
    this.#stream = stream;
    this.list = list;
  }

  /** Asks for the size of a file. @throws {ConnectionProblem} */
  async size(name: string): Promise<SizeAnswer> {
    this.#stream.write(encodePlainRequest(name));
    const buffer = new Uint8Array(ANSWER_BYTES);
    // The next request may only be sent once this one was read: two that come together are taken for one.
    const count = await this.#stream.read(buffer);
    return parseSizeAnswer(await this.#untilSettled(buffer.subarray(0, count)), name);
  }

  /**
   * Fetches bytes of a file.
   *
   * @param options `write` gets them in order, and is waited for; `buffer` is what they are read into.
   * @throws {SurplusError} More came than was asked for.
   * @throws {ConnectionProblem} The connection is gone, or no more came.
   */
  async fetch(
    name: string,
    range: Piece,
    { buffer, write }: {
      readonly buffer: Uint8Array;
      readonly write: (bytes: Uint8Array, at: number) => Promise<void>;
    },
  ): Promise<void> {
    this.#stream.write(encodePlainRequest(name, range));
    const end = range.offset + range.length;
    for (let at = range.offset; at < end;) {
      const room = buffer.subarray(0, Math.min(buffer.length, end - at));
      let filled = 0;
      try {
        while (filled < room.length) filled += await this.#stream.read(room.subarray(filled));
      } finally {
        // Also what came before the connection broke.
        if (filled > 0) await write(room.subarray(0, filled), at);
      }
      at += filled;
    }
    const surplus = await this.#untilSettled(new Uint8Array(0));
    if (surplus.length > 0) {
      throw new SurplusError(`The server has sent more than the ${range.length} bytes that it was asked for`);
    }
  }

  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }

  /** All that comes until the server has nothing more to say. @param first What has come already. */
  async #untilSettled(first: Uint8Array): Promise<Uint8Array> {
    const nonce = randomBytes(NONCE_BYTES);
    const reader = new GreetingReader(nonce);
    this.#stream.write(encodeHello(nonce));
    const buffer = new Uint8Array(ANSWER_BYTES);
    for (let bytes = first;;) {
      const settled = reader.add(bytes);
      if (settled?.kind === "plain") return settled.list;
      if (settled !== undefined) throw new ConnectionProblem("The server changed protocols");
      bytes = buffer.subarray(0, await this.#stream.read(buffer));
    }
  }
}
