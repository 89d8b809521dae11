import { MAX_LINE_BYTES, PeerProtocolError } from "./peer_messages.ts";

const LINE_FEED = 0x0a;

/** Cuts what comes into lines. Holds at most one line that is not whole. A core without I/O. */
export class LineReader {
  readonly #rest = new Uint8Array(MAX_LINE_BYTES);
  #held = 0;

  /**
   * Takes bytes as they came.
   *
   * @returns The lines that they end, without their line feeds, to be used before the next bytes come.
   * @throws {PeerProtocolError} A line is too long.
   */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(LINE_FEED, at);
      const piece = bytes.subarray(at, end === -1 ? bytes.length : end);
      // What is not whole yet has a line feed to come.
      if (this.#held + piece.length + 1 > MAX_LINE_BYTES) {
        throw new PeerProtocolError(`A line is longer than ${MAX_LINE_BYTES} bytes`);
      }
      this.#rest.set(piece, this.#held);
      this.#held += piece.length;
      if (end === -1) return;
      const line = this.#rest.slice(0, this.#held);
      this.#held = 0;
      at = end + 1;
      yield line;
    }
  }
}
