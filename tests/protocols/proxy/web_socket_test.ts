import { assertEquals } from "@std/assert";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { testCertificate } from "../../support/certificate.ts";
import { rawClient } from "../../support/raw_client.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";
import { testProxy } from "../../support/test_proxy.ts";

const UPGRADE = "GET /ws HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

Deno.test("a WebSocket passes, with messages of any size both ways and its close", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: 10_000_000 });
  server.on("connection", (socket: WebSocket) => {
    socket.on("message", (bytes: RawData, isBinary: boolean) => socket.send(bytes, { binary: isBinary }));
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  {
    await using proxy = await testProxy([], {
      conf: `host 127.0.0.1 { proxy_pass http://127.0.0.1:${port} }`,
    });
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`);
    const next = () =>
      new Promise<Uint8Array>((resolve) => socket.once("message", (bytes: Uint8Array) => resolve(bytes)));
    await new Promise((resolve) => socket.once("open", resolve));
    for (const size of [0, 1, 100, 70_000, 3_000_000]) {
      const message = new Uint8Array(size).fill(size % 251);
      const echo = next();
      socket.send(message);
      assertEquals(new Uint8Array(await echo), message);
    }
    const closed = new Promise<number>((resolve) => socket.once("close", (code: number) => resolve(code)));
    socket.close(4001);
    assertEquals(await closed, 4001);
    const [request] = await proxy.requests(1);
    assertEquals([request?.status, request?.isCut], [101, false]);
  }
  await new Promise((resolve) => server.close(resolve));
});

for (const early of ["early", ""]) {
  Deno.test(`what comes with the upgrade ("${early}"), and the end of one side, pass through the tunnel`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using proxy = await testProxy([`http://127.0.0.1:${listener.addr.port}`]);
    using client = await rawClient(proxy.port);
    await client.send(UPGRADE + early);
    using upstream = await listener.accept();
    const write = (text: string) => upstream.write(new TextEncoder().encode(text));
    let got = "";
    const buffer = new Uint8Array(4096);
    const readUntil = async (end: string) => {
      while (!got.endsWith(end)) {
        const count = await upstream.read(buffer);
        if (count === null) return;
        got += new TextDecoder().decode(buffer.subarray(0, count));
      }
    };
    await readUntil("\r\n\r\n");
    await write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nlate");
    assertEquals((await client.readHead()).status, 101);
    assertEquals(await client.read(4), "late");
    await readUntil(early);
    await client.end();
    await readUntil("never");
    await write("still");
    upstream.closeWrite();
    assertEquals(await client.readAll(), "still");
  });
}

Deno.test("an https upstream is told of the end of a client", async () => {
  const certificate = testCertificate();
  using listener = Deno.listenTls({ ...certificate, hostname: "127.0.0.1", port: 0 });
  await using proxy = await testProxy([`https://localhost:${listener.addr.port}`], {
    caCerts: [certificate.cert],
  });
  const client = await rawClient(proxy.port);
  await client.send(UPGRADE);
  using upstream = await listener.accept();
  const pieces = upstream.readable.pipeThrough(new TextDecoderStream()).getReader();
  let got = "";
  while (!got.endsWith("\r\n\r\n")) got += (await pieces.read()).value ?? "";
  await upstream.write(
    new TextEncoder().encode(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ),
  );
  assertEquals((await client.readHead()).status, 101);
  await client.send("bye");
  client[Symbol.dispose]();
  let last = "";
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) last += piece.value;
  assertEquals(last, "bye");
});

Deno.test("an upgrade that the upstream declines is an answer like others", async () => {
  await using upstream = await rawHttpServer((_, connection) =>
    connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
  );
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  for (let round = 0; round < 2; round++) {
    await client.send(UPGRADE);
    const { status, body } = await client.readResponse();
    assertEquals([status, body], [403, "no"]);
  }
  assertEquals(upstream.requests[0]?.headers.get("upgrade"), "websocket");
});

Deno.test("no other protocol is switched to: h2c is not passed on", async () => {
  await using upstream = await rawHttpServer((_, connection) =>
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
  );
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  await client.send(
    "GET / HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
  );
  assertEquals((await client.readResponse()).status, 200);
  const headers = upstream.requests[0]?.headers;
  assertEquals([headers?.get("upgrade"), headers?.get("connection"), headers?.get("http2-settings")], [
    null,
    null,
    null,
  ]);
});

Deno.test("a WebSocket that is silent for too long is ended", async () => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  await using upstream = await rawHttpServer(async (_, connection) => {
    await connection.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    );
    await connection.closed;
    resolve();
  });
  await using proxy = await testProxy([upstream.origin], { limits: { tunnelMs: 100 } });
  using client = await rawClient(proxy.port);
  await client.send(UPGRADE);
  assertEquals((await client.readHead()).status, 101);
  assertEquals(await client.readAll(), "");
  await ended;
});
