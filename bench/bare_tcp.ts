/**
 * A bare TCP stream as the limit of a link: `deno run -A bench/bare_tcp.ts receive ADDRESS PORT`, and
 * `deno run -A bench/bare_tcp.ts send ADDRESS PORT FILE`, which prints the seconds until the receiver has it all.
 */

import { printResult } from "../terminal/output.ts";

const BUFFER_BYTES = 256 * 1024;

async function receive(hostname: string, port: number): Promise<void> {
  using listener = Deno.listen({ hostname, port });
  printResult("listening");
  using conn = await listener.accept();
  const buffer = new Uint8Array(BUFFER_BYTES);
  while (await conn.read(buffer) !== null);
  await conn.write(new Uint8Array(1));
}

async function send(hostname: string, port: number, path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  const startedMs = performance.now();
  using conn = await Deno.connect({ hostname, port });
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(bytes.subarray(sent, sent + BUFFER_BYTES));
  }
  await conn.closeWrite();
  await conn.read(new Uint8Array(1));
  printResult(String((performance.now() - startedMs) / 1000));
}

const [mode, hostname = "", port = "", path = ""] = Deno.args;
if (mode === "receive") await receive(hostname, Number(port));
else await send(hostname, Number(port), path);
