/** Many that listen, and one that speaks: what a message to all costs. */

const encoder = new TextEncoder();
const LOOK_MS = 10;

/** A server that tells everybody. */
export interface Hub {
  readonly hostname: string;
  readonly port: number;
  /** What a new connection writes to be told. */
  readonly subscription: string;
  /** Tells all; done when the server has answered. What comes to everybody has a line `id: NUMBER`. */
  readonly tell: () => Promise<void>;
}

/** What those that listened were told. */
export interface Told {
  /** Messages times listeners, a second. */
  readonly perSecond: number;
  /** Listeners that were told something out of order, twice or not at all. */
  readonly wrong: number;
}

/** A connection that counts. */
class Listener {
  readonly #conn: Deno.TcpConn;
  readonly ids: number[] = [];

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async open({ hostname, port, subscription }: Hub): Promise<Listener> {
    const conn = await Deno.connect({ hostname, port });
    const listener = new Listener(conn);
    await conn.write(encoder.encode(subscription));
    // What answers that: from then on it is told.
    const buffer = new Uint8Array(4096);
    await conn.read(buffer);
    void listener.#listen(buffer).catch(() => {});
    return listener;
  }

  close(): void {
    this.#conn.close();
  }

  async #listen(buffer: Uint8Array<ArrayBuffer>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for (let n = await this.#conn.read(buffer); n !== null; n = await this.#conn.read(buffer)) {
      const lines = (rest + decoder.decode(buffer.subarray(0, n))).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("id: ")) this.ids.push(Number.parseInt(line.slice(4)));
    }
  }
}

/** Opens so many listeners, and tells them so many messages. `meanwhile` is called when all listen. */
export async function fanOut(
  hub: Hub,
  { listeners: count, messages, signal, meanwhile }: {
    readonly listeners: number;
    readonly messages: number;
    readonly signal: AbortSignal;
    readonly meanwhile: () => void;
  },
): Promise<Told> {
  const listeners: Listener[] = [];
  const wait = async (each: number) => {
    while (listeners.some(({ ids }) => ids.length < each)) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  try {
    while (listeners.length < count) {
      signal.throwIfAborted();
      listeners.push(await Listener.open(hub));
    }
    await hub.tell();
    await wait(1);
    meanwhile();
    const startedMs = performance.now();
    for (let told = 0; told < messages; told++) await hub.tell();
    await wait(messages + 1);
    const seconds = (performance.now() - startedMs) / 1000;
    const wrong = listeners.filter(({ ids }) =>
      ids.some((id, i) => i > 0 && id !== (ids[i - 1] ?? 0) + 1)
    ).length;
    return { perSecond: count * messages / seconds, wrong };
  } finally {
    for (const listener of listeners) listener.close();
  }
}
