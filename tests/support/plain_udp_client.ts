/** A client of the plain UDP file protocol, written from docs/protocols.md and knowing nothing of this project's code. */

const RECEIVE_BYTES = 8192;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Options of {@linkcode plainUdpClient}. */
export interface PlainUdpClientOptions {
  readonly port: number;
  /** How long it waits before it asks again for what it does not have, in milliseconds. Default: for ever. */
  readonly repeatMs?: number;
}

/** A plain client on a socket of its own. */
export interface PlainUdpClient extends Disposable {
  send(text: string): Promise<void>;
  /** The next datagram, as it came. */
  receive(): Promise<Uint8Array>;
  list(): Promise<string>;
  /** Sends a request as it is, and takes data and says ACK until all is there. */
  request(text: string): Promise<{ readonly size: string; readonly bytes: Uint8Array }>;
  /** Downloads a file; when nothing comes, it is asked for again from where it stopped. */
  download(name: string): Promise<Uint8Array>;
}

/** Opens a {@linkcode PlainUdpClient} on loopback. */
export function plainUdpClient({ port, repeatMs = Infinity }: PlainUdpClientOptions): PlainUdpClient {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: "127.0.0.1", port } as const;
  const buffer = new Uint8Array(RECEIVE_BYTES);
  let receiving: Promise<Uint8Array> | undefined;

  const send = async (text: string) => void await socket.send(encoder.encode(text), to);
  const receive = async () => {
    receiving ??= socket.receive(buffer).then(([bytes]) => bytes.slice());
    const datagram = await receiving;
    receiving = undefined;
    return datagram;
  };
  /** The next datagram; `undefined`: nothing came for too long. */
  const receiveSoon = async (): Promise<Uint8Array | undefined> => {
    if (repeatMs === Infinity) return await receive();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), repeatMs);
    receiving ??= socket.receive(buffer).then(([bytes]) => bytes.slice());
    const datagram = await Promise.race([receiving, promise]);
    clearTimeout(timer);
    if (datagram !== undefined) receiving = undefined;
    return datagram;
  };
  return {
    send,
    receive,
    async list() {
      await send("LIST");
      return decoder.decode(await receive());
    },
    async request(text) {
      await send(text);
      const size = decoder.decode(await receive());
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for (let next = await receive(); decoder.decode(next) !== "EOF"; next = await receive()) {
        pieces.push(next.slice());
        await send("ACK");
      }
      return { size, bytes: await joined(pieces) };
    },
    async download(name) {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let offset = 0;
      let size: number | undefined;
      // What a request is answered begins with the size: whatever is before it belongs to the request before.
      let isAsking = true;
      await send(`DOWNLOAD ${name} 0 0`);
      while (size === undefined || offset < size) {
        const datagram = await receiveSoon();
        if (datagram === undefined) {
          isAsking = true;
          await send(`DOWNLOAD ${name} ${offset} 0`);
        } else if (isAsking) {
          const text = decoder.decode(datagram);
          if (!/^\d{1,9}$/.test(text)) continue;
          size = Number(text);
          isAsking = false;
        } else {
          const before = pieces.at(-1);
          // The ACK was lost; the files of the tests repeat nowhere.
          if (before === undefined || !isSame(before, datagram)) {
            pieces.push(datagram.slice());
            offset += datagram.length;
          }
          await send("ACK");
        }
      }
      return await joined(pieces);
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

async function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array> {
  return new Uint8Array(await new Blob([...pieces]).arrayBuffer());
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
