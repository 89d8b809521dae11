/**
 * A bare TCP stream as the limit of a link: `bare_tcp.ts ADDRESS PORT receive`, and `bare_tcp.ts ADDRESS PORT send
 * FILE`, which ends when the receiver has it all.
 */

const BUFFER_BYTES = 256 * 1024;

async function receive(hostname: string, port: number): Promise<void> {
  using listener = Deno.listen({ hostname, port });
  for await (const accepted of listener) {
    using conn = accepted;
    const buffer = new Uint8Array(BUFFER_BYTES);
    while (await conn.read(buffer) !== null);
    await conn.write(new Uint8Array(1));
  }
}

async function send(hostname: string, port: number, path: string): Promise<void> {
  using file = await Deno.open(path);
  using conn = await Deno.connect({ hostname, port });
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) {
    for (let sent = 0; sent < n;) sent += await conn.write(buffer.subarray(sent, n));
  }
  await conn.closeWrite();
  if (await conn.read(new Uint8Array(1)) === null) throw new Error("The receiver is gone");
}

const [hostname = "", port = "", mode, path = ""] = Deno.args;
if (mode === "receive") await receive(hostname, Number(port));
else await send(hostname, Number(port), path);
