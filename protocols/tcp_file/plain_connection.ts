import { Buffer } from "node:buffer";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { Piece } from "./blocks.ts";
import { encodeHello, GreetingReader, NONCE_BYTES } from "./hello.ts";
import type { PeerStream } from "./peer_stream.ts";
import { missingAnswer } from "./plain.ts";
import { encodePlainRequest, parseSizeAnswer, type SizeAnswer } from "./plain_client.ts";

/** A plain server has sent something else than the bytes that it was asked for. */
export class SurplusError extends ConnectionProblem {}

/** What came for a range is the answer that there is no such file, as far as one can tell them apart. */
export class VanishedError extends ConnectionProblem {}

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
   * @throws {VanishedError} Nothing came but the words that the file is not there. They are not written.
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
      } catch (cause) {
        if (at > range.offset || !isText(room.subarray(0, filled), missingAnswer(name))) throw cause;
        filled = 0;
        throw new VanishedError("The server says that it does not have the file any more", { cause });
      } finally {
        // Also what came before the connection broke.
        if (filled > 0) await write(room.subarray(0, filled), at);
      }
      at += filled;
    }
    await this.#untilSettled(new Uint8Array(0), () => {
      throw new SurplusError(`The server has sent more than the ${range.length} bytes that it was asked for`);
    });
  }

  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }

  /**
   * All that comes until the server has nothing more to say.
   *
   * @param first What has come already.
   * @param onMore Called as soon as something else has come than the end, however much follows.
   */
  async #untilSettled(first: Uint8Array, onMore = () => {}): Promise<Uint8Array> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const reader = new GreetingReader(nonce);
    const hello = encodeHello(nonce);
    const end = missingAnswer(new TextDecoder().decode(hello));
    this.#stream.write(hello);
    const buffer = new Uint8Array(ANSWER_BYTES);
    for (let bytes = first;;) {
      const settled = reader.add(bytes);
      if (!isText(reader.received.subarray(0, end.length), end.slice(0, reader.received.length))) onMore();
      if (settled?.kind === "plain") return settled.list;
      if (settled !== undefined) throw new ConnectionProblem("The server changed protocols");
      bytes = buffer.subarray(0, await this.#stream.read(buffer));
    }
  }
}

/** Whether bytes are exactly this text. */
function isText(bytes: Uint8Array, text: string): boolean {
  return Buffer.compare(bytes, Buffer.from(text)) === 0;
}
