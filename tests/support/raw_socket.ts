/** A WebSocket on a TCP connection of its own, which keeps to no rule that the test does not keep to. */
export interface RawSocket extends Disposable {
  /** Sends one message. Rejects when the server has dropped the connection. */
  send(message: string | Uint8Array): Promise<void>;
  /** The text of the next message. Nothing is read before. */
  readText(): Promise<string>;
}

/** Opens a {@linkcode RawSocket} on a port of loopback. */
export async function rawSocket(port: number): Promise<RawSocket> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let buffered = new Uint8Array(0);
  const readMore = async () => {
    const more = new Uint8Array(65_536);
    const count = await connection.read(more);
    if (count === null) throw new Error("The server closed the connection");
    const longer = new Uint8Array(buffered.length + count);
    longer.set(buffered);
    longer.set(more.subarray(0, count), buffered.length);
    buffered = longer;
  };
  const take = async (length: number) => {
    while (buffered.length < length) await readMore();
    const taken = buffered.subarray(0, length);
    buffered = buffered.slice(length);
    return taken;
  };
  const sendRaw = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  };
  await sendRaw(new TextEncoder().encode(
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  ));
  while (!new TextDecoder().decode(buffered).includes("\r\n\r\n")) await readMore();
  await take(new TextDecoder().decode(buffered).indexOf("\r\n\r\n") + 4);
  return {
    send: (message) => sendRaw(messageBytes(message)),
    async readText() {
      const [, length = 0] = await take(2);
      const size = length < 126 ? length : new DataView((await take(2)).slice().buffer).getUint16(0);
      return new TextDecoder().decode(await take(size));
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

/** A message as a client sends it (RFC 6455 section 5.2), masked with zeros, which change nothing. */
function messageBytes(message: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const payload = typeof message === "string" ? new TextEncoder().encode(message) : message;
  const bytes = new Uint8Array(14 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, typeof message === "string" ? 0x81 : 0x82);
  view.setUint8(1, 0x80 | 127);
  view.setBigUint64(2, BigInt(payload.length));
  bytes.set(payload, 14);
  return bytes;
}
