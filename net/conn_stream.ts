import { Duplex } from "node:stream";
import { connBytes, type DuplexBytes, writeAll } from "./byte_stream.ts";
import { closeQuietly } from "./dial.ts";

/** Bytes read at a time for HTTP, of which clients here send little. */
const READ_BYTES = 16 * 1024;

/**
 * A connection of Deno's for Node's HTTP server, which lets go of it again for a WebSocket: what is read
 * from it directly, into memory that is used again, costs a quarter of the processor time of Node's sockets.
 */
export class ConnStream extends Duplex {
  readonly remoteAddress: string;
  readonly #conn: Deno.TcpConn;
  /** The read under way, whoever it will be for. */
  #reading: Promise<Uint8Array | null> | undefined;
  #isDetached = false;
  #idleMs = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(conn: Deno.TcpConn) {
    super({ highWaterMark: READ_BYTES });
    this.#conn = conn;
    // An answer must not wait for the acknowledgement of the one before it (RFC 896).
    conn.setNoDelay();
    this.remoteAddress = conn.remoteAddr.hostname;
  }

  /**
   * Takes the connection away from the stream, whose buffers have to be empty by then but for `head`:
   * what the stream has given out and is to be read again first. `close` still destroys the stream.
   */
  detach(head: Uint8Array): DuplexBytes {
    this.#isDetached = true;
    this.setTimeout(0);
    const stream = connBytes(this.#conn, head, ...(this.#reading === undefined ? [] : [this.#reading]));
    return { ...stream, close: () => void this.destroy() };
  }

  /** As that of `node:net`: "timeout" is emitted after so long without a byte either way; 0: never. */
  setTimeout(idleMs: number, onTimeout?: () => void): this {
    this.#idleMs = idleMs;
    if (onTimeout !== undefined) this.once("timeout", onTimeout);
    this.#touch();
    return this;
  }

  /** As that of `node:net`. */
  setNoDelay(noDelay = true): this {
    this.#conn.setNoDelay(noDelay);
    return this;
  }

  /** As that of `node:net`. */
  setKeepAlive(keepAlive = false): this {
    this.#conn.setKeepAlive(keepAlive);
    return this;
  }

  override _read(): void {
    if (this.#reading !== undefined || this.#isDetached) return;
    this.#reading = readSome(this.#conn);
    this.#reading.then((bytes) => this.#onRead(bytes), (error) => this.#onRead(error));
  }

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    writeAll(this.#conn, bytes, () => this.#touch()).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#conn.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#idleTimer);
    closeQuietly(this.#conn);
    done(error);
  }

  #onRead(outcome: Uint8Array | Error | null): void {
    // It is for whoever took the connection over.
    if (this.#isDetached || this.destroyed) return;
    this.#reading = undefined;
    this.#touch();
    if (outcome instanceof Error) this.destroy(outcome);
    else this.push(outcome);
  }

  #touch(): void {
    clearTimeout(this.#idleTimer);
    if (this.#idleMs === 0 || this.destroyed) return;
    this.#idleTimer = setTimeout(() => this.emit("timeout"), this.#idleMs);
  }
}

async function readSome(conn: Deno.Conn): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(READ_BYTES);
  const count = await conn.read(buffer);
  return count === null ? null : buffer.subarray(0, count);
}
