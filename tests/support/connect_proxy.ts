import { type RawHttpServer, rawHttpServer, type RawRequest } from "./raw_http_server.ts";

/** A forward proxy: `CONNECT`, and answers of its own to whole URLs. */
export function connectProxy(
  options: { readonly refuses?: (request: RawRequest) => number | undefined } = {},
): Promise<RawHttpServer> {
  return rawHttpServer(async (request, connection) => {
    const refusal = options.refuses?.(request);
    if (refusal !== undefined) {
      await connection.write(`HTTP/1.1 ${refusal} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    if (request.method !== "CONNECT") {
      const body = `by proxy: ${request.target}`;
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    const [hostname = "", port] = request.target.split(":");
    const back = await Deno.connect({ hostname, port: Number(port) });
    await connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
    // Whichever side ends first ends the other.
    await Promise.all([
      forward(() => connection.read(), (bytes) => back.write(bytes)).finally(() => back.close()),
      forward(() => readSome(back), (bytes) => connection.write(bytes)).finally(() => connection.end()),
    ]);
  });
}

async function forward(
  read: () => Promise<Uint8Array | undefined>,
  write: (bytes: Uint8Array) => Promise<unknown>,
): Promise<void> {
  try {
    for (let bytes = await read(); bytes !== undefined; bytes = await read()) await write(bytes);
  } catch (error) {
    // Closed by the other direction.
    if (!(error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function readSome(connection: Deno.Conn): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(65_536);
  const count = await connection.read(buffer);
  return count === null ? undefined : buffer.subarray(0, count);
}
