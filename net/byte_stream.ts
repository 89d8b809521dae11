import type { Duplex } from "node:stream";
import { type ByteStream, closeQuietly } from "./dial.ts";

/** A connection that bytes are read from when they are wanted, not when they come. */
export interface DuplexBytes {
  /** Reads what is there, at most as much as fits. @returns How much; `null` when nothing more comes. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes all of the bytes. Calls must not overlap. @throws {Error} The peer is gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** Tells the peer that nothing more will be written. */
  end(): Promise<void>;
  /** Lets go of the connection at once; reads that wait end. */
  close(): void;
}

/**
 * A connection of Deno's as a {@linkcode DuplexBytes}.
 *
 * @param first What was read from it already, or is being read, and is to be read again first.
 */
export function connBytes(
  conn: ByteStream & { readonly closeWrite?: () => Promise<void> },
  ...first: (Uint8Array | Promise<Uint8Array | null>)[]
): DuplexBytes {
  return {
    async read(buffer) {
      for (let next = await first.shift(); next !== undefined; next = await first.shift()) {
        if (next === null) return null;
        if (next.length > buffer.length) first.unshift(next.subarray(buffer.length));
        buffer.set(next.subarray(0, buffer.length));
        if (next.length > 0) return Math.min(next.length, buffer.length);
      }
      return await conn.read(buffer);
    },
    write: (bytes) => writeAll(conn, bytes),
    end: async () => await conn.closeWrite?.(),
    close: () => closeQuietly(conn),
  };
}

/** Writes all of the bytes. @param onWritten Called after each part of them. */
export async function writeAll(conn: ByteStream, bytes: Uint8Array, onWritten?: () => void): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await conn.write(bytes.subarray(written));
    onWritten?.();
  }
}

/**
 * A stream of Node's (a TLS socket, say) as a {@linkcode DuplexBytes}.
 *
 * @param head What the stream has given out already, and is to be read again first.
 */
export function duplexBytes(duplex: Duplex, head: Uint8Array): DuplexBytes {
  if (head.length > 0) duplex.unshift(head);
  let wake = () => {};
  for (const event of ["readable", "end", "close", "error"]) duplex.on(event, () => wake());
  return {
    async read(buffer) {
      while (true) {
        const { readableLength, readableEnded, destroyed } = duplex;
        const bytes = readableLength > 0 ? duplex.read(Math.min(buffer.length, readableLength)) : null;
        if (bytes instanceof Uint8Array) {
          buffer.set(bytes);
          return bytes.length;
        }
        if (readableEnded || destroyed) return null;
        await new Promise<void>((resolve) => {
          wake = resolve;
          // Has the stream look for more, which it then tells.
          duplex.read(0);
        });
      }
    },
    write: (bytes) => {
      return new Promise((resolve, reject) => {
        duplex.write(bytes, (error) => error ? reject(error) : resolve());
      });
    },
    end: () => new Promise((resolve) => duplex.end(() => resolve())),
    close: () => void duplex.destroy(),
  };
}
