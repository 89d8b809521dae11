import type { Duplex } from "node:stream";

/** A connection that bytes are read from when they are wanted, not when they come. */
export interface ByteStream {
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
 * A stream of Node's (a TLS socket, say) as a {@linkcode ByteStream}.
 *
 * @param head What the stream has given out already, and is to be read again first.
 */
export function duplexBytes(duplex: Duplex, head: Uint8Array): ByteStream {
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
