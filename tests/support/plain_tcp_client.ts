/**
 * A client of the plain TCP file protocol as the many small programs are, written from docs/protocols.md and
 * knowing nothing of this project's code: the list is what one receive of 4096 bytes gives, and whatever is
 * left of it is taken for data.
 */
export interface PlainTcpClient extends Disposable {
  /** What the server said first. */
  readonly list: string;
  /** Sends a message in one write. */
  send(message: string | Uint8Array): Promise<void>;
  /** What one receive of at most 4096 bytes gives; `undefined` when the server has hung up. */
  receive(): Promise<string | undefined>;
  /** Tells the server that nothing more comes. */
  end(): Promise<void>;
  /** Sends a message, and takes what one receive gives. */
  ask(message: string): Promise<string | undefined>;
  /** Receives so many bytes. Rejects when the server hangs up before. */
  take(count: number): Promise<Uint8Array>;
}

const RECEIVE_BYTES = 4096;
/** Connections of one file. */
const PARTS = 4;

/**
 * Connects to a port of loopback, and takes the list.
 *
 * @param options `hasList`: whether to wait for one. A server without files sends none.
 */
export async function plainTcpClient(
  port: number,
  { hasList = true }: { readonly hasList?: boolean } = {},
): Promise<PlainTcpClient> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(RECEIVE_BYTES);
  const receive = async () => {
    const count = await conn.read(buffer);
    return count === null ? undefined : new TextDecoder().decode(buffer.subarray(0, count));
  };
  const send = async (message: string | Uint8Array) => {
    const bytes = typeof message === "string" ? new TextEncoder().encode(message) : message;
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  };
  try {
    return {
      list: hasList ? await receive() ?? "" : "",
      send,
      receive,
      end: () => conn.closeWrite(),
      async ask(message) {
        await send(message);
        return await receive();
      },
      async take(count) {
        const bytes = new Uint8Array(count);
        for (let at = 0; at < count;) {
          const more = await conn.read(bytes.subarray(at));
          if (more === null) throw new Error(`The server hung up after ${at} of ${count} bytes`);
          at += more;
        }
        return bytes;
      },
      [Symbol.dispose]: () => conn.close(),
    };
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** Downloads a file over four connections, a quarter each, the last one taking the rest. */
export async function plainTcpDownload(port: number, name: string): Promise<Uint8Array> {
  using first = await plainTcpClient(port);
  const answer = await first.ask(name);
  if (answer === undefined || !/^\d+$/.test(answer)) throw new Error(`No size, but ${answer}`);
  const size = Number(answer);
  const quarter = Math.floor(size / PARTS);
  const file = new Uint8Array(size);
  await Promise.all(Array.from({ length: PARTS }, async (_, part) => {
    const from = part * quarter;
    const to = part === PARTS - 1 ? size : from + quarter;
    using client = await plainTcpClient(port);
    await client.send(`${name}|${from}-${to}`);
    file.set(await client.take(to - from), from);
  }));
  return file;
}
