import { ConnectionProblem } from "../../net/connection_problem.ts";
import type { ByteStream } from "../../net/dial.ts";
import { HttpBody } from "./http_body.ts";
import { HEAD_BYTES_MOST, type ParsedHead, parseHead } from "./answer_head.ts";

const FIRST_HEAD_BYTES = 8192;

/** Interim answers before the one that counts; more are a mistake. */
const INTERIM_MOST = 20;

/** The server closed a connection that had served before, without a word: as they do with idle ones. */
export class StaleConnectionError extends Error {
  override readonly name = "StaleConnectionError";
}

/** A connection that carries one request after another. */
export class HttpConnection {
  readonly stream: ByteStream;
  /** Whether the server may have closed it since, as it does with connections that are idle. */
  #mayBeStale: boolean;

  /** @param options `wasIdle`: it was opened some time ago. */
  constructor(stream: ByteStream, { wasIdle = false } = {}) {
    this.stream = stream;
    this.#mayBeStale = wasIdle;
  }

  /**
   * Sends a request and reads the head of what answers it. The body has to be read to its end before the
   * next.
   *
   * @throws {StaleConnectionError} It is safe, and worthwhile, to ask on another connection.
   * @throws {ConnectionProblem} The connection was lost, or this is not HTTP.
   */
  async ask(request: Uint8Array): Promise<{ readonly head: ParsedHead; readonly body: HttpBody }> {
    try {
      await writeAll(this.stream, request);
      return await this.#readHead();
    } catch (error) {
      // What is no answer on a connection that had one before was left behind by that.
      const isLeftOver = error instanceof ConnectionProblem && error.isFinal;
      if (!this.#mayBeStale || (error instanceof ConnectionProblem && !isLeftOver)) throw error;
      throw new StaleConnectionError("The connection was closed while idle", { cause: error });
    }
  }

  async #readHead(): Promise<{ readonly head: ParsedHead; readonly body: HttpBody }> {
    let bytes = new Uint8Array(FIRST_HEAD_BYTES);
    let filled = 0;
    for (let interim = 0; interim < INTERIM_MOST;) {
      const head = parseHead(bytes.subarray(0, filled));
      if (head === undefined) {
        if (filled === bytes.length) bytes = grown(bytes);
        const count = await this.stream.read(bytes.subarray(filled));
        if (count === null) throw this.#endWithoutHead(filled);
        filled += count;
        continue;
      }
      if (head.status >= 200) {
        this.#mayBeStale = true;
        const early = bytes.subarray(head.length, filled);
        return { head, body: new HttpBody(this.stream, { early, framing: head.framing }) };
      }
      interim++;
      bytes.copyWithin(0, head.length, filled);
      filled -= head.length;
    }
    throw new ConnectionProblem(`The server sent ${INTERIM_MOST} interim answers and no other`);
  }

  #endWithoutHead(filled: number): Error {
    if (filled > 0) {
      return new ConnectionProblem("The server closed the connection in the middle of its headers");
    }
    return this.#mayBeStale
      ? new StaleConnectionError("The connection was closed while idle")
      : new ConnectionProblem("The server closed the connection without an answer");
  }
}

/** Writes all of `bytes`. */
export async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await stream.write(bytes.subarray(sent));
}

function grown(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(Math.min(2 * bytes.length, HEAD_BYTES_MOST));
  longer.set(bytes);
  return longer;
}
