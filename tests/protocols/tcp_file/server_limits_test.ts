import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { FRAME } from "../../../protocols/tcp_file/frames.ts";
import { decodeData, encodeGet } from "../../../protocols/tcp_file/messages.ts";
import { SERVING_LIMITS } from "../../../protocols/tcp_file/serving_action.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { testCertificate } from "../../support/certificate.ts";
import { type FrameClient, frameClient, joined } from "../../support/frame_client.ts";
import { plainTcpClient, plainTcpDownload } from "../../support/plain_tcp_client.ts";
import { tcpFileServer, type TestTcpFileServer } from "../../support/tcp_file_server.ts";

/** Connects, and says nothing. */
function silent(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** Reads to the end of a connection, however it comes. */
async function hungUp(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // Reset.
  }
  conn.close();
}

Deno.test("500 connections that say nothing do not disturb a transfer, and are gone after a while", async () => {
  const bytes = pseudoRandomBytes(20 * BLOCK_BYTES + 3);
  await using server = await tcpFileServer({ "file": bytes }, {
    limits: { ...SERVING_LIMITS, silentMs: 500 },
  });
  using running = await frameClient(server.port);
  await running.send(FRAME.get, encodeGet({ path: "file", offset: 0, length: bytes.length }));
  const first = await running.frame();
  const crowd = await Promise.all(Array.from({ length: 500 }, () => silent(server.port)));
  const ends = crowd.map(hungUp);
  for (let frame = first; frame?.isEnd === false; frame = await running.frame()) {
    const { offset, bytes: block } = decodeData(frame.payload);
    assertEquals(block, bytes.subarray(offset, offset + BLOCK_BYTES));
  }
  assertEquals(await plainTcpDownload(server.port, "file"), bytes);
  using late = await frameClient(server.port);
  assertEquals(joined(await late.get("file")), bytes);
  await Promise.all(ends);
});

Deno.test("when there are too many, who says nothing makes room for who comes", async () => {
  await using server = await tcpFileServer({ "file": "1" }, { maxConnections: 3 });
  const crowd = await Promise.all(Array.from({ length: 20 }, () => silent(server.port)));
  const ends = crowd.map(hungUp);
  const clients: FrameClient[] = [];
  for (let i = 0; i < 3; i++) clients.push(await frameClient(server.port));
  await Promise.all(ends);
  // All of them ask for something: now there is no room.
  await hungUp(await silent(server.port));
  assertEquals(await server.told("refused"), {
    type: "refused",
    address: "127.0.0.1",
    reason: "connection_limit",
  });
  for (const client of clients) {
    assertEquals(joined(await client.get("file")), new TextEncoder().encode("1"));
    client[Symbol.dispose]();
  }
});

Deno.test("when there are too many, who was served and is idle for long makes room, too", async () => {
  await using server = await tcpFileServer({ "file": "1" }, {
    maxConnections: 1,
    limits: { ...SERVING_LIMITS, handshakeMs: 100 },
  });
  using idle = await plainTcpClient(server.port);
  assertEquals(await idle.ask("file"), "1");
  for (let refusals = 0;; refusals++) {
    const client = await frameClient(server.port).catch(() => undefined);
    client?.[Symbol.dispose]();
    if (client === undefined) continue;
    assert(refusals > 0, "it had only just been served");
    break;
  }
  assertEquals(await idle.receive().catch(() => undefined), undefined);
  assertEquals((await server.told("closed")).cause, "crowded");
});

Deno.test("one address has only so many connections", async () => {
  await using server = await tcpFileServer({ "file": "1" }, { maxConnectionsPerAddress: 2 });
  using _one = await frameClient(server.port);
  using _two = await frameClient(server.port);
  await hungUp(await silent(server.port));
  assertEquals((await server.told("refused")).reason, "address_limit");
});

Deno.test("clients that read nothing of what they asked for hold up nobody else", async () => {
  const bytes = pseudoRandomBytes(5 * BLOCK_BYTES + 3);
  await using server = await tcpFileServer({ "file": bytes, "huge": "" });
  await Deno.truncate(join(server.dir, "huge"), 2 ** 30);
  const slow: FrameClient[] = [];
  // More of them than there are large buffers.
  for (let i = 0; i < 40; i++) {
    const client = await frameClient(server.port);
    await client.send(FRAME.get, encodeGet({ path: "huge", offset: 0, length: 2 ** 30 }));
    await client.frame();
    slow.push(client);
  }
  using client = await frameClient(server.port);
  assertEquals(joined(await client.get("file")), bytes);
  assertEquals(await plainTcpDownload(server.port, "file"), bytes);
  // Theirs is the same file, too.
  for (const [i, each] of slow.entries()) {
    const frame = i % 10 === 0 ? await each.frame() : undefined;
    if (frame !== undefined) assertEquals(decodeData(frame.payload).offset, BLOCK_BYTES);
    each[Symbol.dispose]();
  }
});

Deno.test("all connections together keep to a rate", async () => {
  const bytes = pseudoRandomBytes(BLOCK_BYTES);
  await using server = await tcpFileServer({ "file": bytes }, { maxBytesPerSecond: 8 * BLOCK_BYTES });
  const startedMs = performance.now();
  const all = await Promise.all(Array.from({ length: 4 }, () => plainTcpDownload(server.port, "file")));
  const seconds = (performance.now() - startedMs) / 1000;
  for (const each of all) assertEquals(each, bytes);
  // A fifth of a second's worth may come at once, and the last portion is paid for afterwards.
  assert(seconds >= (4 - (0.2 + 0.05) * 8) / 8, `${seconds} s`);
});

Deno.test("a server that stops sends what it has begun, says goodbye and takes nothing new", async () => {
  const bytes = pseudoRandomBytes(30 * BLOCK_BYTES);
  await using server = await tcpFileServer({ "file": bytes });
  using idle = await frameClient(server.port);
  using plain = await plainTcpClient(server.port);
  using busy = await frameClient(server.port);
  await busy.send(FRAME.get, encodeGet({ path: "file", offset: 0, length: bytes.length }));
  const blocks = [await busy.frame()];
  const closed = server.server.close();
  for (const client of [idle, busy]) {
    for (let frame = await client.frame(); frame?.type !== FRAME.bye; frame = await client.frame()) {
      assertEquals(frame?.type, FRAME.data);
      blocks.push(frame);
    }
    assertEquals(await client.frame(), undefined);
  }
  assertEquals(await plain.receive(), undefined);
  assertEquals(joined(blocks.map((frame) => decodeData(frame?.payload ?? new Uint8Array(0)))), bytes);
  await closed;
  assertNotEquals(await silent(server.port).catch(() => undefined).then((conn) => conn?.close()), null);
});

/** Connects over TLS, trusting a certificate. */
function overTls(cert: string): (port: number) => Promise<Deno.TlsConn> {
  return (port) => Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] });
}

async function servesTls(server: TestTcpFileServer, cert: string, bytes: Uint8Array): Promise<FrameClient> {
  const client = await frameClient(server.port, overTls(cert));
  assertEquals(joined(await client.get("file")), bytes);
  return client;
}

Deno.test("over TLS the same is served, and a new certificate is for new connections", async () => {
  const [old, renewed] = [testCertificate(), testCertificate()];
  const bytes = pseudoRandomBytes(10 * BLOCK_BYTES + 1);
  await using server = await tcpFileServer({ "file": bytes }, { tls: old });
  using before = await servesTls(server, old.cert, bytes);
  server.server.setCertificate(renewed);
  using _after = await servesTls(server, renewed.cert, bytes);
  assertEquals(joined(await before.get("file")), bytes);
  const refused = await frameClient(server.port, overTls(old.cert)).catch((error) => error);
  assert(refused instanceof Error, "the old certificate is still in use");
});

Deno.test("over TLS, too, who says nothing goes, and who speaks no TLS", async () => {
  const certificate = testCertificate();
  await using server = await tcpFileServer({ "file": "1" }, {
    tls: certificate,
    limits: { ...SERVING_LIMITS, silentMs: 300, handshakeMs: 300 },
  });
  const mute = await silent(server.port);
  const plain = await silent(server.port);
  await plain.write(new TextEncoder().encode("file"));
  const quiet = await overTls(certificate.cert)(server.port);
  await quiet.handshake();
  await Promise.all([mute, plain, quiet].map(hungUp));
  using _client = await servesTls(server, certificate.cert, new TextEncoder().encode("1"));
});
