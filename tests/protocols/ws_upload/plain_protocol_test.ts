import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { testServer } from "../../support/upload_server.ts";

const HELLO = new TextEncoder().encode("hello");
const start = { action: "start", fileId: "f", fileName: "hello.txt", fileSize: 5 };
const chunk = { action: "chunk", fileId: "f", offset: 0, data: HELLO.toBase64() };

Deno.test("a plain client uploads a file, message by message as the protocol is written", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  assertEquals(await client.ask(start), { event: "start-ack", fileId: "f", offset: 0, status: "active" });
  assertEquals(await client.ask({ ...chunk, data: "aGU=" }), {
    event: "progress",
    fileId: "f",
    offset: 2,
    receivedBytes: 2,
    percent: 40,
  });
  assertEquals(await client.ask({ ...chunk, offset: 1 }), {
    event: "offset-mismatch",
    fileId: "f",
    expected: 2,
    received: 1,
  });
  assertEquals(await client.ask({ action: "pause", fileId: "f" }), {
    event: "pause-ack",
    fileId: "f",
    offset: 2,
  });
  assertEquals(await client.ask({ ...chunk, offset: 2, data: "bGxv" }), {
    event: "paused",
    fileId: "f",
    offset: 2,
  });
  assertEquals(await client.ask({ action: "resume", fileId: "f" }), {
    event: "resume-ack",
    fileId: "f",
    offset: 2,
  });
  assertEquals((await client.ask({ ...chunk, offset: 2, data: "bGxv" })).percent, 100);
  assertEquals(await client.ask({ action: "complete", fileId: "f" }), {
    event: "complete-ack",
    fileId: "f",
    filePath: join(server.dir, "hello.txt"),
  });
  assertEquals(await Deno.readTextFile(join(server.dir, "hello.txt")), "hello");
  assertEquals(await filesBelow(server.dir), ["hello.txt"]);
});

Deno.test("percent has two decimals", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  await client.ask({ ...start, fileSize: 3 });
  assertEquals((await client.ask({ ...chunk, data: "aGU=" })).percent, 66.67);
});

Deno.test("the server answers on any path", async () => {
  await using server = await testServer();
  for (const path of ["/", "/ws", "/some/where?x=1"]) {
    await using client = await plainClient(new URL(path, server.ws).href);
    assertEquals((await client.ask({ action: "pause", fileId: "none" })).event, "error");
  }
});

Deno.test("an empty file is a file", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  assertEquals((await client.ask({ ...start, fileSize: 0 })).offset, 0);
  assertEquals(
    (await client.ask({ action: "complete", fileId: "f" })).filePath,
    join(server.dir, "hello.txt"),
  );
  assertEquals((await Deno.stat(join(server.dir, "hello.txt"))).size, 0);
});

Deno.test("stop deletes the part unless told to keep it", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  await client.ask(start);
  await client.ask({ ...chunk, data: "aGU=" });
  assertEquals(await client.ask({ action: "stop", fileId: "f", delete: false }), {
    event: "stop-ack",
    fileId: "f",
  });
  assertEquals(await filesBelow(server.dir), ["hello.txt.part", "hello.txt.part.journal"]);
  assertEquals((await client.ask(start)).offset, 2);
  assertEquals(await client.ask({ action: "stop", fileId: "f" }), { event: "stop-ack", fileId: "f" });
  assertEquals(await filesBelow(server.dir), []);
  assertEquals((await client.ask(start)).offset, 0);
});

Deno.test("a lost connection keeps what was stored, and start goes on there", async () => {
  await using server = await testServer();
  const bytes = pseudoRandomBytes(500_000);
  const begin = { action: "start", fileId: "f", fileName: "data.bin", fileSize: bytes.length };
  {
    await using client = await plainClient(server.ws);
    await client.ask(begin);
    await sendChunks(client, { fileId: "f", bytes, to: 65_536 * 3 });
  }
  await using client = await plainClient(server.ws);
  const { offset } = await client.ask(begin);
  assertEquals(offset, 65_536 * 3);
  await sendChunks(client, { fileId: "f", bytes, from: 65_536 * 3 });
  await client.ask({ action: "complete", fileId: "f" });
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), sha256(bytes));
});

Deno.test("a part survives a restart of the server; the offset is what is on disk", async () => {
  const dir = await Deno.makeTempDir({ prefix: "transfer-test-" });
  try {
    const bytes = pseudoRandomBytes(300_000);
    const begin = { action: "start", fileId: "f", fileName: "sub/data.bin", fileSize: bytes.length };
    {
      await using server = await testServer({ dir });
      await using client = await plainClient(server.ws);
      await client.ask(begin);
      await sendChunks(client, { fileId: "f", bytes, to: 131_072 });
    }
    // As after a crash: bytes that were written and never acknowledged.
    await Deno.writeFile(join(dir, "sub/data.bin.part"), bytes.subarray(131_072, 140_000), { append: true });
    await using server = await testServer({ dir });
    await using client = await plainClient(server.ws);
    assertEquals((await client.ask(begin)).offset, 140_000);
    await sendChunks(client, { fileId: "f", bytes, from: 140_000 });
    await client.ask({ action: "complete", fileId: "f" });
    assertEquals(sha256(await Deno.readFile(join(dir, "sub/data.bin"))), sha256(bytes));
    assertEquals(await filesBelow(dir), ["sub/data.bin"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("two uploads with one name get two files", async () => {
  await using server = await testServer();
  await using one = await plainClient(server.ws);
  await using two = await plainClient(server.ws);
  await one.ask(start);
  await two.ask({ ...start, fileId: "g", fileSize: 2 });
  await one.ask(chunk);
  await two.ask({ action: "chunk", fileId: "g", offset: 0, data: "aGk=" });
  const paths = [
    (await two.ask({ action: "complete", fileId: "g" })).filePath,
    (await one.ask({ action: "complete", fileId: "f" })).filePath,
  ];
  assertEquals(paths, [join(server.dir, "hello.txt"), join(server.dir, "hello (1).txt")]);
  assertEquals(await Deno.readTextFile(join(server.dir, "hello.txt")), "hi");
  assertEquals(await Deno.readTextFile(join(server.dir, "hello (1).txt")), "hello");
});

Deno.test("with overwrite, the later upload of a name replaces the earlier", async () => {
  await using server = await testServer({ overwrite: true });
  await using client = await plainClient(server.ws);
  for (const data of ["aGVsbG8=", "SEVMTE8="]) {
    await client.ask(start);
    await client.ask({ ...chunk, data });
    assertEquals(
      (await client.ask({ action: "complete", fileId: "f" })).filePath,
      join(server.dir, "hello.txt"),
    );
  }
  assertEquals(await filesBelow(server.dir), ["hello.txt"]);
  assertEquals(await Deno.readTextFile(join(server.dir, "hello.txt")), "HELLO");
});

Deno.test("an upload has one writer", async () => {
  await using server = await testServer();
  await using one = await plainClient(server.ws);
  await using two = await plainClient(server.ws);
  await one.ask(start);
  for (
    const message of [start, chunk, { action: "stop", fileId: "f" }, { action: "complete", fileId: "f" }]
  ) {
    assertEquals(await two.ask(message), {
      event: "error",
      fileId: "f",
      error: "Upload is in use by another connection",
    });
  }
  assertEquals((await one.ask(chunk)).offset, 5);
});

Deno.test("many chunks sent without waiting are stored in order", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const bytes = pseudoRandomBytes(8_000_000);
  client.send({ action: "start", fileId: "f", fileName: "data.bin", fileSize: bytes.length });
  let sent = 0;
  for (let offset = 0; offset < bytes.length; offset += 50_000, sent++) {
    client.send({
      action: "chunk",
      fileId: "f",
      offset,
      data: bytes.subarray(offset, offset + 50_000).toBase64(),
    });
  }
  client.send({ action: "complete", fileId: "f" });
  assertEquals((await client.next()).event, "start-ack");
  for (let i = 0; i < sent; i++) assertEquals((await client.next()).event, "progress");
  assertEquals((await client.next()).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), sha256(bytes));
});

Deno.test("several uploads share a connection", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  for (const id of ["a", "b"]) await client.ask({ ...start, fileId: id, fileName: id });
  await client.ask({ ...chunk, fileId: "b" });
  await client.ask({ ...chunk, fileId: "a", data: "SEVMTE8=" });
  for (const id of ["a", "b"]) await client.ask({ action: "complete", fileId: id });
  assertEquals(await Deno.readTextFile(join(server.dir, "a")), "HELLO");
  assertEquals(await Deno.readTextFile(join(server.dir, "b")), "hello");
});

Deno.test("what a client sent before it left is still stored", async () => {
  await using server = await testServer();
  {
    await using client = await plainClient(server.ws);
    client.send(start);
    client.send(chunk);
    client.send({ action: "complete", fileId: "f" });
  }
  await server.server.close();
  assertEquals(await filesBelow(server.dir), ["hello.txt"]);
});

Deno.test("a server that stops says goodbye with 1001 and keeps its parts", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  await client.ask(start);
  await client.ask({ ...chunk, data: "aGU=" });
  await server.server.close();
  assertEquals((await client.closed).code, 1001);
  assertEquals(await Deno.readTextFile(join(server.dir, "hello.txt.part")), "he");
});
