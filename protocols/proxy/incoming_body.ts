import { ChunkedDecoder } from "../../net/chunked.ts";
import type { Framing } from "../../net/http_framing.ts";
import type { CopyMemory } from "./copy_memory.ts";
import { HEADROOM_BYTES, type StreamReader } from "./stream_reader.ts";

/** How much of a body is still to come. */
type Rest =
  | { readonly kind: "length"; left: number }
  | { readonly kind: "chunked"; readonly decoder: ChunkedDecoder }
  | { readonly kind: "until-close" }
  | { readonly kind: "over" };

/** The body of a message, read from its connection no further than it goes. */
export class IncomingBody {
  readonly #reader: StreamReader;
  readonly #memory: CopyMemory;
  #rest: Rest;
  /** What the last piece took of the reader's bytes. */
  #given = 0;

  constructor(
    reader: StreamReader,
    { framing, memory }: { readonly framing: Framing; readonly memory: CopyMemory },
  ) {
    this.#reader = reader;
    this.#memory = memory;
    this.#rest = restOf(framing);
  }

  get isOver(): boolean {
    return this.#rest.kind === "over";
  }

  /**
   * The next piece, if it has come already. Like that of {@linkcode next}.
   *
   * @throws {ConnectionProblem} The chunks are broken.
   */
  nextBuffered(): Uint8Array<ArrayBuffer> | undefined {
    this.#consume();
    const rest = this.#rest;
    if (rest.kind === "over") return undefined;
    const { bytes } = this.#reader;
    if (bytes.length === 0) return undefined;
    if (rest.kind === "until-close") return this.#give(bytes, bytes.length);
    if (rest.kind === "length") {
      const piece = bytes.subarray(0, rest.left);
      rest.left -= piece.length;
      if (rest.left === 0) this.#rest = { kind: "over" };
      return this.#give(piece, piece.length);
    }
    const { payload, taken } = rest.decoder.decode(bytes);
    if (rest.decoder.isOver) this.#rest = { kind: "over" };
    const piece = this.#give(bytes.subarray(0, payload), taken);
    return payload > 0 ? piece : undefined;
  }

  /**
   * Waits for the next piece: a view, valid until the next call, around which a chunk can be written
   * ({@linkcode asChunk}).
   *
   * @param onWait Called before each wait for the peer.
   * @returns `undefined`: the body is over.
   * @throws {Deno.errors.UnexpectedEof} The connection ended before the body did.
   * @throws {ConnectionProblem} The chunks are broken.
   */
  async next(onWait: () => void): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      const piece = this.nextBuffered();
      if (piece !== undefined) return piece;
      this.#consume();
      if (this.isOver) return undefined;
      onWait();
      if (this.#reader.isFull) this.#reader.widen(this.#memory);
      if (await this.#reader.fill()) continue;
      if (this.#rest.kind !== "until-close") {
        throw new Deno.errors.UnexpectedEof("The connection ended in the middle of a body");
      }
      this.#rest = { kind: "over" };
    }
  }

  /** The reader is used for something else from now on. */
  finish(): void {
    this.#consume();
    this.#reader.narrow();
  }

  #give(piece: Uint8Array<ArrayBuffer>, taken: number): Uint8Array<ArrayBuffer> {
    this.#given = taken;
    return piece;
  }

  #consume(): void {
    this.#reader.consume(this.#given);
    this.#given = 0;
  }
}

/** What ends a body in chunks; without trailers, which are dropped (RFC 9110 section 6.5.1). */
export const LAST_CHUNK: Uint8Array = new TextEncoder().encode("0\r\n\r\n");

/**
 * A piece of a body as a chunk, written around it where it is.
 *
 * @param piece Of {@linkcode IncomingBody}, and not empty. The two bytes behind it are its own or free: they belong
 * to the framing that was read with it, or lie beyond all that was read.
 */
export function asChunk(piece: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const size = `${piece.length.toString(16)}\r\n`;
  if (size.length > HEADROOM_BYTES) throw new RangeError("A piece is larger than any buffer");
  const from = piece.byteOffset - size.length;
  const chunk = new Uint8Array(piece.buffer, from, size.length + piece.length + 2);
  for (let at = 0; at < size.length; at++) chunk[at] = size.charCodeAt(at);
  chunk[chunk.length - 2] = 13;
  chunk[chunk.length - 1] = 10;
  return chunk;
}

function restOf(framing: Framing): Rest {
  if (framing.kind === "chunked") return { kind: "chunked", decoder: new ChunkedDecoder({ isStrict: true }) };
  if (framing.kind === "until-close") return framing;
  return framing.bytes === 0 ? { kind: "over" } : { kind: "length", left: framing.bytes };
}
