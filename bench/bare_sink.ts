/** An HTTP server that reads a body of a known size after each head, and answers: `bare_sink.ts ADDRESS PORT BYTES`. */

async function serve(conn: Deno.TcpConn, size: number): Promise<void> {
  using _ = conn;
  const buffer = new Uint8Array(1_048_576);
  const first = await conn.read(buffer) ?? 0;
  const head = new TextDecoder().decode(buffer.subarray(0, first)).indexOf("\r\n\r\n") + 4;
  for (let got = first - head; got < size;) {
    const count = await conn.read(buffer);
    if (count === null) return;
    got += count;
  }
  await conn.write(new TextEncoder().encode("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
}

const [hostname = "", port = "", bytes = ""] = Deno.args;
for await (const conn of Deno.listen({ hostname, port: Number(port) })) {
  void serve(conn, Number(bytes)).catch(() => {});
}
