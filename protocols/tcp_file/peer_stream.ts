import { writeAll } from "../../net/byte_stream.ts";
import { ConnectionProblem } from "../../net/connection_problem.ts";
import { type ByteStream, closeQuietly } from "../../net/dial.ts";

/** How long a server that owes an answer may send nothing, in milliseconds. */
const SILENCE_MS = 30_000;

/** A connection to a server, which ends when it says nothing for too long, or when the caller has had enough. */
export class PeerStream implements Disposable {
  readonly #stream: ByteStream;
  readonly #signal: AbortSignal;
  readonly #silenceMs: number;
  readonly #abort = () => this[Symbol.dispose]();
  #writing: Promise<void> = Promise.resolve();
  #problem: ConnectionProblem | undefined;

  /** @param options `signal` closes the connection; `silenceMs` is how long the server may send nothing. */
  constructor(
    stream: ByteStream,
    { signal, silenceMs = SILENCE_MS }: {
      readonly signal: AbortSignal;
      readonly silenceMs?: number | undefined;
    },
  ) {
    this.#stream = stream;
    this.#signal = signal;
    this.#silenceMs = silenceMs;
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.#abort();
  }

  /**
   * Reads what is there, at least a byte.
   *
   * @param silenceMs How long to wait for it, if not as long as usual.
   * @throws {ConnectionProblem} The server has hung up, or says nothing.
   * @throws The reason of the signal, when that is what ended it.
   */
  async read(buffer: Uint8Array, silenceMs = this.#silenceMs): Promise<number> {
    const timer = setTimeout(() => {
      this.#fail(new ConnectionProblem(`The server has sent nothing for ${silenceMs / 1000} s`));
    }, silenceMs);
    try {
      const count = await this.#stream.read(buffer);
      if (count !== null) return count;
      this.#fail(new ConnectionProblem("The server has closed the connection"));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#fail(new ConnectionProblem(`The connection was lost: ${why}`, { cause: error }));
    } finally {
      clearTimeout(timer);
    }
    this.#signal.throwIfAborted();
    throw this.#problem;
  }

  /** Sends bytes behind those sent before, without waiting for it. Who reads next is told of a failure. */
  write(bytes: Uint8Array): void {
    this.#writing = this.#writing.then(() => writeAll(this.#stream, bytes)).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      this.#fail(new ConnectionProblem(`The connection was lost: ${why}`, { cause: error }));
    });
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#abort);
    closeQuietly(this.#stream);
  }

  #fail(problem: ConnectionProblem): void {
    this.#problem ??= problem;
    this[Symbol.dispose]();
  }
}
