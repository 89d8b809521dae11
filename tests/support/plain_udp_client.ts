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
export function plainUdpClient(options: PlainUdpClientOptions): PlainUdpClient {
  return new Client(options);
}

class Client implements PlainUdpClient {
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  readonly #to: Deno.NetAddr;
  readonly #repeatMs: number;
  #receiving: Promise<Uint8Array> | undefined;

  constructor({ port, repeatMs = Infinity }: PlainUdpClientOptions) {
    this.#to = { transport: "udp", hostname: "127.0.0.1", port };
    this.#repeatMs = repeatMs;
  }

  async send(text: string): Promise<void> {
    await this.#socket.send(encoder.encode(text), this.#to);
  }

  async receive(): Promise<Uint8Array> {
    const datagram = await this.#next();
    this.#receiving = undefined;
    return datagram;
  }

  async list(): Promise<string> {
    await this.send("LIST");
    return decoder.decode(await this.receive());
  }

  async request(text: string): Promise<{ readonly size: string; readonly bytes: Uint8Array }> {
    await this.send(text);
    const size = decoder.decode(await this.receive());
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let next = await this.receive(); decoder.decode(next) !== "EOF"; next = await this.receive()) {
      pieces.push(next.slice());
      await this.send("ACK");
    }
    return { size, bytes: await joined(pieces) };
  }

  async download(name: string): Promise<Uint8Array> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let offset = 0;
    let size: number | undefined;
    // What a request is answered begins with the size: whatever is before it belongs to the request before.
    let isAsking = true;
    await this.send(`DOWNLOAD ${name} 0 0`);
    while (size === undefined || offset < size) {
      const datagram = await this.#receiveSoon();
      if (datagram === undefined) {
        isAsking = true;
        await this.send(`DOWNLOAD ${name} ${offset} 0`);
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
        await this.send("ACK");
      }
    }
    return await joined(pieces);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #next(): Promise<Uint8Array> {
    return this.#receiving ??= this.#socket.receive(this.#buffer).then(([bytes]) => bytes.slice());
  }

  /** The next datagram; `undefined`: nothing came for too long. */
  async #receiveSoon(): Promise<Uint8Array | undefined> {
    if (this.#repeatMs === Infinity) return await this.receive();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), this.#repeatMs);
    const datagram = await Promise.race([this.#next(), promise]);
    clearTimeout(timer);
    if (datagram !== undefined) this.#receiving = undefined;
    return datagram;
  }
}

async function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array> {
  return new Uint8Array(await new Blob([...pieces]).arrayBuffer());
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
