/** Clients of the rows of the proxy, on connections of their own: one of Deno's `fetch` would be the bottleneck. */

const BLOCK = new Uint8Array(262_144);
const encoder = new TextEncoder();

/** Downloads a file of a known size. @returns The seconds that it took. */
export async function download(port: number, path: string, size: number): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const startedMs = performance.now();
  await writeAll(connection, requestBytes(port, path));
  const buffer = new Uint8Array(1_048_576);
  let left = Infinity;
  for (let got = 0; got < left;) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error(`The connection ended after ${got} bytes`);
    if (left === Infinity) left = size + headLength(buffer.subarray(0, count));
    got += count;
  }
  return (performance.now() - startedMs) / 1000;
}

/** Uploads so many bytes, and waits for the answer. @returns The seconds that it took. */
export async function upload(port: number, size: number): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const startedMs = performance.now();
  const head = `POST /sink HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${size}\r\n\r\n`;
  await writeAll(connection, encoder.encode(head));
  for (let left = size; left > 0; left -= BLOCK.length) {
    await writeAll(connection, BLOCK.subarray(0, Math.min(left, BLOCK.length)));
  }
  if (await connection.read(new Uint8Array(4096)) === null) throw new Error("There is no answer");
  return (performance.now() - startedMs) / 1000;
}

/** Asks one request after the other over one connection. @returns The milliseconds of each. */
export async function requestMs(
  port: number,
  { path, count }: { readonly path: string; readonly count: number },
): Promise<readonly number[]> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay();
  const request = requestBytes(port, path);
  const times: number[] = [];
  const buffer = new Uint8Array(16_384);
  for (let asked = 0; asked < count; asked++) {
    const startedMs = performance.now();
    await askOnce(connection, { request, buffer });
    times.push(performance.now() - startedMs);
  }
  return times;
}

/** Asks over several connections for a time. */
export async function loadFor(
  port: number,
  { path, connections, ms }: { readonly path: string; readonly connections: number; readonly ms: number },
): Promise<{ readonly answered: number; readonly failedAtMs: readonly number[] }> {
  const startedMs = performance.now();
  const request = requestBytes(port, path);
  const failedAtMs: number[] = [];
  let answered = 0;
  const client = async () => {
    const buffer = new Uint8Array(16_384);
    let connection: Deno.TcpConn | undefined;
    while (performance.now() - startedMs < ms) {
      try {
        connection ??= await Deno.connect({ hostname: "127.0.0.1", port });
        if (await askOnce(connection, { request, buffer }) === 200) answered++;
        else failedAtMs.push(performance.now() - startedMs);
      } catch {
        failedAtMs.push(performance.now() - startedMs);
        connection?.close();
        connection = undefined;
      }
    }
    connection?.close();
  };
  await Promise.all(Array.from({ length: connections }, client));
  return { answered, failedAtMs };
}

/** @returns The status. */
async function askOnce(
  connection: Deno.TcpConn,
  { request, buffer }: { readonly request: Uint8Array; readonly buffer: Uint8Array },
): Promise<number> {
  await writeAll(connection, request);
  let filled = 0;
  for (let length = Infinity; filled < length;) {
    const count = await connection.read(buffer.subarray(filled));
    if (count === null) throw new Error("The connection ended");
    filled += count;
    const head = headLength(buffer.subarray(0, filled));
    if (head > 0) length = head + bodyLength(buffer.subarray(0, head));
  }
  return Number(new TextDecoder().decode(buffer.subarray(9, 12)));
}

function bodyLength(head: Uint8Array): number {
  return Number(/content-length: (\d+)/i.exec(new TextDecoder().decode(head))?.[1] ?? 0);
}

/** Where the head is over; 0: not in these bytes. */
function headLength(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3;
  }
  return 0;
}

function requestBytes(port: number, path: string): Uint8Array {
  return encoder.encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
