import type { SenderEvent } from "./sender_state.ts";
import type { UploadSource } from "./source_file.ts";

/** Bytes of the file: [offset, offset + length). */
export interface SourceRange {
  readonly offset: number;
  readonly length: number;
}

/** Reads what an upload's sender asks for. One call after the other: the source has one file position. */
export class SourceReader {
  readonly #source: UploadSource;
  readonly #chunkBytes: number;
  /** Where chunks for a plain server are read to. */
  #room: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The last read or digest under way. */
  #last: Promise<unknown> = Promise.resolve();
  /** The chunk that is most likely next for a plain server, read while the one before it is under way. */
  #ahead: { readonly offset: number; readonly base64: Promise<string> } | undefined;

  /** @param chunkBytes Bytes of the file in one message to a plain server. */
  constructor(source: UploadSource, chunkBytes: number) {
    this.#source = source;
    this.#chunkBytes = chunkBytes;
  }

  /** Settles when nothing is read any more; never rejects. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** For the extension: reads to where it is told. */
  async bytes(offset: number, room: Uint8Array<ArrayBuffer>): Promise<SenderEvent> {
    const bytes = await this.#inTurn(() => this.#source.read(offset, room));
    return { type: "bytes", offset, bytes, isLast: this.#source.size === offset + bytes.length };
  }

  /** For a plain server. */
  async chunk({ offset, length }: SourceRange): Promise<SenderEvent> {
    const ahead = this.#ahead;
    const base64 = await (ahead?.offset === offset ? ahead.base64 : this.#base64({ offset, length }));
    this.#ahead = undefined;
    this.#readAhead(offset + length);
    return { type: "chunk", offset, base64 };
  }

  /** SHA-256 of the beginning. */
  async digest(length: number): Promise<SenderEvent> {
    const sha256 = await this.#inTurn(() => this.#source.digest(length));
    return { type: "digest", length, sha256 };
  }

  #readAhead(offset: number): void {
    const length = Math.min(this.#chunkBytes, (this.#source.size ?? 0) - offset);
    if (length <= 0) return;
    this.#ahead = { offset, base64: this.#base64({ offset, length }) };
    // Who asks for it learns of a failure; who does not, does not need to.
    this.#ahead.base64.catch(() => {});
  }

  async #base64({ offset, length }: SourceRange): Promise<string> {
    return await this.#inTurn(async () => {
      if (this.#room.length < length) this.#room = new Uint8Array(length);
      return (await this.#source.read(offset, this.#room.subarray(0, length))).toBase64();
    });
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
