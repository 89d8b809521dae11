import { Duplex } from "node:stream";
import type { ByteStream } from "./byte_stream.ts";

/** Bytes read at a time for HTTP, of which clients here send little. */
const READ_BYTES = 16 * 1024;

/**
 * A connection of Deno's for Node's HTTP server, which lets go of it again for a WebSocket: what is read
 * from it directly, into memory that is used again, costs a quarter of the processor time of Node's sockets.
 */
export class ConnStream extends Duplex {
  readonly remoteAddress: string;
  readonly #conn: Deno.TcpConn;
  /** The read under way, whoever it will be for; it never rejects. */
  #reading: Promise<Uint8Array | Error | null> | undefined;
  #isDetached = false;
  #idleMs = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(conn: Deno.TcpConn) {
    super({ highWaterMark: READ_BYTES });
    this.#conn = conn;
    this.remoteAddress = conn.remoteAddr.hostname;
  }

  /**
   * Takes the connection away from the stream, whose buffers have to be empty by then but for `head`:
   * what the stream has given out and is to be read again first. `close` still destroys the stream.
   */
  detach(head: Uint8Array): ByteStream {
    const conn = this.#conn;
    this.#isDetached = true;
    this.setTimeout(0);
    let ahead = head;
    return {
      read: async (buffer) => {
        if (ahead.length === 0 && this.#reading !== undefined) {
          const bytes = await this.#reading;
          this.#reading = undefined;
          if (!(bytes instanceof Uint8Array)) return endOf(bytes);
          ahead = bytes;
        }
        if (ahead.length === 0) return await conn.read(buffer);
        const count = Math.min(ahead.length, buffer.length);
        buffer.set(ahead.subarray(0, count));
        ahead = ahead.subarray(count);
        return count;
      },
      write: (bytes) => writeAll(conn, bytes),
      end: () => conn.closeWrite(),
      close: () => void this.destroy(),
    };
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

  override async _read(): Promise<void> {
    if (this.#reading !== undefined || this.#isDetached) return;
    const reading = this.#reading = readSome(this.#conn);
    const bytes = await reading;
    // It is for whoever took the connection over.
    if (this.#isDetached || this.destroyed) return;
    this.#reading = undefined;
    this.#touch();
    if (bytes instanceof Error) this.destroy(bytes);
    else this.push(bytes);
  }

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    writeAll(this.#conn, bytes, () => this.#touch()).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#conn.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#idleTimer);
    this.#conn.close();
    done(error);
  }

  #touch(): void {
    clearTimeout(this.#idleTimer);
    if (this.#idleMs === 0 || this.destroyed) return;
    this.#idleTimer = setTimeout(() => this.emit("timeout"), this.#idleMs);
  }
}

async function readSome(conn: Deno.Conn): Promise<Uint8Array | Error | null> {
  const buffer = new Uint8Array(READ_BYTES);
  try {
    const count = await conn.read(buffer);
    return count === null ? null : buffer.subarray(0, count);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array, onWritten?: () => void): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await conn.write(bytes.subarray(written));
    onWritten?.();
  }
}

function endOf(problem: Error | null): null {
  if (problem !== null) throw problem;
  return null;
}
