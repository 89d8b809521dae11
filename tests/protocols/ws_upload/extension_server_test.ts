import { assert, assertEquals, assertLessOrEqual, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, sha256 } from "../../support/bytes.ts";
import {
  ask,
  type ExtendedUpload,
  frame,
  progressUntil,
  sendFrames,
  startExtended,
  startMessage,
} from "../../support/extension_client.ts";
import { plainClient } from "../../support/plain_client.ts";
import { BYTES, complete, DIGEST, HALF, sendAll } from "../../support/sample_upload.ts";
import { testServer } from "../../support/upload_server.ts";

Deno.test("a client of the extension uploads, field by field as the protocol is written", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const ack = await ask(client, startMessage({ fileId: "f", fileSize: BYTES.length }));
  const { ext, ...plain } = ack;
  assertEquals(plain, { event: "start-ack", fileId: "f", offset: 0, status: "active" });
  const { session, chunkBytes, windowBytes, resumeToken, ...rest } = ext as ExtendedUpload["ext"];
  assertEquals(rest, { version: 1, durableOffset: 0, prefixSha256: sha256(new Uint8Array(0)) });
  assert(Number.isInteger(session) && session >= 0 && session < 2 ** 32);
  assert(chunkBytes >= 256 * 1024 && chunkBytes <= 1024 * 1024, String(chunkBytes));
  assert(windowBytes >= 4 * 1024 * 1024 && windowBytes <= 32 * 1024 * 1024, String(windowBytes));
  // 128 bits in base64url.
  assertMatch(resumeToken, /^[\w-]{22}$/);

  sendFrames(client, { fileId: "f", offset: 0, ext: ext as ExtendedUpload["ext"] }, { bytes: BYTES });
  const seen = await progressUntil(client, ({ durable }) => durable === BYTES.length);
  let before = 0;
  for (const { offset, durable, percent, receivedBytes } of seen.map(numbers)) {
    assertEquals([receivedBytes, percent], [offset - before, Math.round(offset / 300) / 100]);
    assertLessOrEqual(durable, offset);
    before = offset;
  }
  assertEquals(before, BYTES.length);
  // Cumulative: far fewer than frames.
  assert(seen.length < 30, String(seen.length));

  const filePath = join(server.dir, "data.bin");
  assertEquals(await ask(client, complete()), { event: "complete-ack", fileId: "f", filePath });
  assertEquals(sha256(await Deno.readFile(filePath)), DIGEST);
  assertEquals(await filesBelow(server.dir), ["data.bin"]);
});

function numbers(progress: Record<string, unknown>) {
  const [offset = NaN, durable = NaN, percent = NaN, receivedBytes = NaN] = [
    progress.offset,
    progress.durable,
    progress.percent,
    progress.receivedBytes,
  ].map(Number);
  return { offset, durable, percent, receivedBytes };
}

Deno.test("a wrong digest publishes nothing and costs nothing, and the right one completes", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  await sendAll(client, await startExtended(client, { fileId: "f", fileSize: BYTES.length }));
  const refused = await ask(client, complete({ sha256: sha256(new Uint8Array(1)) }));
  assertEquals([refused.event, refused.fileId], ["error", "f"]);
  assertStringIncludes(String(refused.error), "SHA-256");
  assertEquals(await filesBelow(server.dir), ["data.bin.part", "data.bin.part.journal"]);
  assertEquals((await ask(client, complete())).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), DIGEST);
});

Deno.test("after a frame with a bad checksum, or a gap, nothing counts until the offset expected", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  const { session } = upload.ext;
  const piece = (offset: number) => BYTES.subarray(offset, offset + 1000);
  client.sendBytes(frame(session, 0, piece(0)));
  client.sendBytes(frame(session, 1000, piece(1000), { checksum: 1 }));
  client.sendBytes(frame(session, 2000, piece(2000)));
  client.sendBytes(frame(session, 3000, piece(3000)));
  // An answer that shows that nothing else was answered.
  client.send({ action: "pause", fileId: "f" });
  const events = [];
  for (let answer = await client.next();; answer = await client.next()) {
    if (answer.event !== "progress") events.push(answer);
    if (answer.event === "pause-ack") break;
  }
  assertEquals(events, [
    { event: "offset-mismatch", fileId: "f", expected: 1000, received: 1000 },
    { event: "pause-ack", fileId: "f", offset: 1000 },
  ]);
  assertEquals((await ask(client, { action: "resume", fileId: "f" })).offset, 1000);
  client.sendBytes(frame(session, 5000, piece(5000)));
  assertEquals(await client.next(), {
    event: "offset-mismatch",
    fileId: "f",
    expected: 1000,
    received: 5000,
  });
  await sendAll(client, upload, { from: 1000 });
  assertEquals((await ask(client, complete())).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), DIGEST);
});

Deno.test("a checksum that the flags do not announce is not looked at", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const { ext } = await startExtended(client, { fileId: "f", fileSize: 1000 });
  client.sendBytes(frame(ext.session, 0, BYTES.subarray(0, 1000), { checksum: 1, flags: 0 }));
  await progressUntil(client, ({ offset }) => offset === 1000);
});

Deno.test("more than the window under way ends the connection with 1009, and what was stored stays", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: 1e9 });
  await sendAll(client, upload, { to: HALF });
  const { session, windowBytes, chunkBytes, resumeToken } = upload.ext;
  client.sendBytes(frame(session, HALF + windowBytes + chunkBytes - 1, BYTES.subarray(0, 2)));
  assertEquals((await client.closed).code, 1009);
  await using back = await plainClient(server.ws);
  assertEquals((await startExtended(back, { fileId: "f", fileSize: 1e9, resumeToken })).offset, HALF);
});

for (
  const [what, change] of [
    ["of another type", (bytes: Uint8Array) => bytes[0] = 2],
    ["of another version", (bytes: Uint8Array) => bytes[1] = 2],
    ["with unknown flags", (bytes: Uint8Array) => bytes[2] = 0x80],
    ["longer than it says", (bytes: Uint8Array) => bytes[19] = 1],
    ["beyond what a number can tell", (bytes: Uint8Array) => bytes[8] = 0xff],
  ] as const
) {
  Deno.test(`a frame ${what} is refused, and the upload goes on`, async () => {
    await using server = await testServer();
    await using client = await plainClient(server.ws);
    const { ext } = await startExtended(client, { fileId: "f", fileSize: 1000 });
    const bad = frame(ext.session, 0, BYTES.subarray(0, 1000));
    change(bad);
    client.sendBytes(bad);
    assertEquals(await client.next(), { event: "error", error: "Message is no frame" });
    client.sendBytes(frame(ext.session, 0, BYTES.subarray(0, 1000)));
    await progressUntil(client, ({ offset }) => offset === 1000);
  });
}

Deno.test("frames of a session that was never agreed upon are passed over", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const { ext } = await startExtended(client, { fileId: "f", fileSize: 1000 });
  for (const session of [0, ext.session + 1, 0xffffffff]) {
    client.sendBytes(frame(session, 0, BYTES.subarray(0, 1000)));
  }
  assertEquals((await client.ask({ action: "pause", fileId: "f" })).offset, 0);
});

for (
  const ext of [
    null,
    "yes",
    7,
    [],
    {},
    { version: 2, binary: true, crc32: true },
    { version: 1, binary: false },
    { version: 1, binary: true, resumeToken: "short" },
    { version: 1, binary: true, resumeToken: "../../../../../etc/passwd" },
    { version: 1, binary: true, resumeToken: "x".repeat(129) },
  ]
) {
  Deno.test(`an offer that is not understood makes a plain client: ${JSON.stringify(ext).slice(0, 60)}`, async () => {
    await using server = await testServer();
    await using client = await plainClient(server.ws);
    const start = { action: "start", fileId: "f", fileName: "data.bin", fileSize: 5, ext };
    assertEquals(await ask(client, start), {
      event: "start-ack",
      fileId: "f",
      offset: 0,
      status: "active",
    });
    assertEquals(await client.ask({ action: "chunk", fileId: "f", offset: 0, data: "aGVsbG8=" }), {
      event: "progress",
      fileId: "f",
      offset: 5,
      receivedBytes: 5,
      percent: 100,
    });
    assertEquals(
      (await ask(client, { action: "start", fileId: "g", fileName: "g", fileSize: -1, ext })).event,
      "error",
    );
  });
}

Deno.test("data of unknown length says at the end how long it was, and its lost answer is given again", async () => {
  await using server = await testServer();
  let token = "";
  {
    await using client = await plainClient(server.ws);
    const upload = await startExtended(client, { fileId: "f", fileSize: -1 });
    token = upload.ext.resumeToken;
    await sendAll(client, upload);
    assertEquals((await ask(client, complete())).event, "error");
    assertEquals(
      (await ask(client, complete({ sha256: DIGEST, fileSize: BYTES.length + 1 }))).event,
      "error",
    );
    const ack = await ask(client, complete({ sha256: DIGEST, fileSize: BYTES.length }));
    assertEquals(ack.event, "complete-ack");
  }
  await using client = await plainClient(server.ws);
  const again = await startExtended(client, { fileId: "f", fileSize: -1, resumeToken: token });
  assertEquals([again.offset, again.ext.prefixSha256], [BYTES.length, DIGEST]);
  const ack = await ask(client, complete({ sha256: DIGEST, fileSize: BYTES.length }));
  assertEquals(ack.filePath, join(server.dir, "data.bin"));
});

for (
  const [limits, refusal] of [
    [{ maxFileBytes: 250_000 }, "File is too large"],
    [{ maxTotalBytes: 250_000 }, "The server's directory is full"],
  ] as const
) {
  Deno.test(`data of unknown length keeps to ${Object.keys(limits)} too`, async () => {
    await using server = await testServer(limits);
    await using client = await plainClient(server.ws);
    const upload = await startExtended(client, { fileId: "f", fileSize: -1 });
    sendFrames(client, upload, { bytes: BYTES, to: 300_000 });
    const answer = await ask(client, { action: "pause", fileId: "f" });
    assertStringIncludes(String(answer.error), refusal);
    assertLessOrEqual((await Deno.stat(join(server.dir, "data.bin.part"))).size, 250_000);
  });
}

for (
  const [limit, options] of [
    [1, { maxSessions: 1 }],
    [7, { maxSessions: 7 }],
    [1, { maxTotalBytes: 1_500_000 }],
    [4, { maxTotalBytes: 4_500_000 }],
  ] as const
) {
  Deno.test(`of 20 starts at once ${limit} are let in by ${JSON.stringify(options)}`, async () => {
    await using server = await testServer(options);
    const clients = await Promise.all(Array.from({ length: 20 }, () => plainClient(server.ws)));
    const answers = await Promise.all(clients.map((client, at) => {
      return ask(client, startMessage({ fileId: `f${at}`, fileSize: 1_000_000, fileName: `${at % 3}.bin` }));
    }));
    assertEquals(answers.filter(({ event }) => event === "start-ack").length, limit);
    const parts = (await filesBelow(server.dir)).filter((name) => name.endsWith(".part"));
    assertEquals(parts.length, limit);
    // What one gives back another gets.
    const holder = answers.findIndex(({ event }) => event === "start-ack");
    const waiting = answers.findIndex(({ event }) => event === "error");
    await clients[holder]?.ask({ action: "stop", fileId: `f${holder}` });
    const late = await clients[waiting]?.ask(startMessage({ fileId: `f${waiting}`, fileSize: 1_000_000 }));
    assertEquals(late?.event, "start-ack");
    for (const client of clients) await client[Symbol.asyncDispose]();
  });
}

Deno.test("an owner that starts again takes no place of another", async () => {
  await using server = await testServer({ maxSessions: 2 });
  await using one = await plainClient(server.ws);
  await using two = await plainClient(server.ws);
  await startExtended(one, { fileId: "f1", fileSize: 10, resumeToken: "A".repeat(22) });
  const answers = await Promise.all([
    ask(one, startMessage({ fileId: "f1", fileSize: 10, resumeToken: "A".repeat(22) })),
    ask(two, startMessage({ fileId: "f2", fileSize: 10 })),
  ]);
  assertEquals(answers.map(({ event }) => event), ["start-ack", "start-ack"]);
});

Deno.test("a file that replaces another counts once against --max-total", async () => {
  await using server = await testServer({ maxTotalBytes: 7_000_000, overwrite: true });
  await using client = await plainClient(server.ws);
  for (let time = 0; time < 4; time++) {
    const upload = await startExtended(client, { fileId: `f${time}`, fileSize: BYTES.length });
    await sendAll(client, upload);
    const ack = await ask(client, { ...complete(), fileId: `f${time}` });
    assertEquals(ack.filePath, join(server.dir, "data.bin"));
  }
});
