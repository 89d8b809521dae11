import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, sha256 } from "../../support/bytes.ts";
import {
  ask,
  frame,
  progressUntil,
  sendFrames,
  startExtended,
  startMessage,
} from "../../support/extension_client.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { BYTES, complete, DIGEST, HALF, halfUploaded, sendAll } from "../../support/sample_upload.ts";
import { testServer } from "../../support/upload_server.ts";

const NOT_YOURS = "Upload belongs to another client";

Deno.test("the owner takes an upload over at once, and the old connection is closed with 4409", async () => {
  await using server = await testServer();
  await using old = await plainClient(server.ws);
  const first = await startExtended(old, { fileId: "f", fileSize: BYTES.length });
  await sendAll(old, first, { to: HALF });
  await using client = await plainClient(server.ws);
  const { resumeToken } = first.ext;
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken });
  assertEquals((await old.closed).code, 4409);
  assertEquals([upload.offset, upload.ext.resumeToken], [HALF, resumeToken]);
  assertEquals(upload.ext.prefixSha256, sha256(BYTES.subarray(0, HALF)));
  await sendAll(client, upload, { from: HALF });
  assertEquals((await ask(client, complete())).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), DIGEST);
});

for (const state of ["in use", "left by its client", "left, and its part removed by a person"]) {
  Deno.test(`without its token an upload that is ${state} is refused, telling nothing of it`, async () => {
    await using server = await testServer({ maxTotalBytes: 5_000_000 });
    const token = await halfUploaded(server);
    await using owner = await plainClient(server.ws);
    if (state === "in use") {
      await startExtended(owner, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
    }
    if (state.endsWith("person")) await Deno.remove(join(server.dir, "data.bin.part"));
    await using stranger = await plainClient(server.ws);
    const wrong = "A".repeat(22);
    const plain = { action: "start", fileId: "f", fileName: "data.bin", fileSize: BYTES.length };
    for (
      const message of [
        plain,
        { ...plain, fileSize: 1 },
        // More than there is room for: the refusal would tell how much is there already.
        { ...plain, fileSize: 6_000_000 },
        startMessage({ fileId: "f", fileSize: BYTES.length }),
        startMessage({ fileId: "f", fileSize: BYTES.length, resumeToken: wrong }),
        startMessage({ fileId: "f", fileSize: -1, resumeToken: wrong }),
        { action: "chunk", fileId: "f", offset: HALF, data: "AAAA" },
        { action: "pause", fileId: "f" },
        { action: "resume", fileId: "f" },
        { action: "stop", fileId: "f" },
        { action: "stop", fileId: "f", delete: false },
        complete(),
      ]
    ) {
      const answer = await ask(stranger, message);
      assertEquals(answer, { event: "error", fileId: "f", error: NOT_YOURS }, JSON.stringify(message));
    }
    if (state !== "left by its client") return;
    assertEquals(await Deno.readFile(join(server.dir, "data.bin.part")), BYTES.subarray(0, HALF));
    await using back = await plainClient(server.ws);
    const again = await startExtended(back, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
    assertEquals(again.offset, HALF);
  });
}

Deno.test("a frame of a session that is over touches nothing of who uses its key by now", async () => {
  await using server = await testServer();
  await using old = await plainClient(server.ws);
  const over = await startExtended(old, { fileId: "f", fileSize: BYTES.length });
  await ask(old, { action: "stop", fileId: "f" });
  const token = await halfUploaded(server);
  old.sendBytes(frame(over.ext.session, HALF, BYTES.subarray(HALF, HALF + 1000)));
  assertEquals((await ask(old, { action: "stop", fileId: "f" })).error, NOT_YOURS);
  await using client = await plainClient(server.ws);
  const again = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
  assertEquals(again.offset, HALF);
});

Deno.test("an answer to complete that was lost is given again, to the owner, while the file is there", async () => {
  await using server = await testServer();
  let token = "";
  {
    await using client = await plainClient(server.ws);
    const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
    token = upload.ext.resumeToken;
    await sendAll(client, upload);
    assertEquals((await ask(client, complete())).event, "complete-ack");
  }
  await using stranger = await plainClient(server.ws);
  assertEquals((await ask(stranger, complete())).event, "error");
  const refused = await ask(
    stranger,
    startMessage({ fileId: "f", fileSize: BYTES.length, resumeToken: "A".repeat(22) }),
  );
  assertEquals(refused.error, NOT_YOURS);
  assertEquals((await ask(stranger, complete())).event, "error");

  await using client = await plainClient(server.ws);
  const again = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
  assertEquals([again.offset, again.ext.prefixSha256], [BYTES.length, DIGEST]);
  assertStringIncludes(
    String((await ask(client, complete({ sha256: sha256(new Uint8Array(1)) }))).error),
    "SHA-256",
  );
  const filePath = join(server.dir, "data.bin");
  for (let time = 0; time < 2; time++) {
    assertEquals(await ask(client, complete()), { event: "complete-ack", fileId: "f", filePath });
  }
  assertEquals(await filesBelow(server.dir), ["data.bin"]);

  await Deno.remove(filePath);
  assertEquals((await ask(client, complete())).event, "error");
  const over = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
  assertEquals(over.offset, 0);
});

for (const state of ["left", "in use by its old connection", "in use by the same connection"]) {
  Deno.test(`an owner whose file has another size by now starts over; the upload is ${state}`, async () => {
    await using server = await testServer();
    const token = await halfUploaded(server);
    await using old = await plainClient(server.ws);
    if (state !== "left") {
      await startExtended(old, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
    }
    await using other = await plainClient(server.ws);
    const client = state === "in use by the same connection" ? old : other;
    const bytes = BYTES.subarray(0, 2_000_000);
    const upload = await startExtended(client, { fileId: "f", fileSize: bytes.length, resumeToken: token });
    assertEquals([upload.offset, upload.ext.resumeToken], [0, token]);
    if (state === "in use by its old connection") assertEquals((await old.closed).code, 4409);
    sendFrames(client, upload, { bytes });
    await progressUntil(client, ({ offset }) => offset === bytes.length);
    assertEquals((await ask(client, complete({ sha256: sha256(bytes) }))).event, "complete-ack");
    assertEquals(await filesBelow(server.dir), ["data.bin"]);
  });
}

Deno.test("of the token only a hash is on disk, and nothing is told of it", async () => {
  await using server = await testServer({ shareList: true });
  const token = await halfUploaded(server);
  await using client = await plainClient(server.ws);
  await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
  const journal = await Deno.readTextFile(join(server.dir, "data.bin.part.journal"));
  const shown = await (await fetch(`${server.url}/api/uploads`)).text();
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(journal, sha256(new TextEncoder().encode(token)));
  await sendAll(client, {
    fileId: "f",
    offset: HALF,
    ext: (await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken: token })).ext,
  }, { from: HALF });
  await ask(client, complete());
  const completed = await Deno.readTextFile(join(server.dir, ".transfer", "completed.journal"));
  assertStringIncludes(completed, sha256(new TextEncoder().encode(token)));
  const hash = sha256(new TextEncoder().encode(token));
  const told = JSON.stringify(server.events) + shown + metrics;
  for (const text of [journal, completed, told]) assert(!text.includes(token));
  assert(!told.includes(hash));
});

Deno.test("two connections that send to one upload at once never mix their bytes", async () => {
  await using server = await testServer();
  const token = await halfUploaded(server);
  const clients = await Promise.all(Array.from({ length: 6 }, () => plainClient(server.ws)));
  // Each takes it over from the one before, and sends without looking.
  for (const client of clients) {
    client.send(startMessage({ fileId: "f", fileSize: BYTES.length, resumeToken: token }));
    for (let session = 1; session < 10; session++) {
      for (let offset = HALF; offset < HALF + 300_000; offset += 100_000) {
        client.sendBytes(frame(session, offset, BYTES.subarray(offset, offset + 100_000)));
      }
    }
  }
  const last = clients.at(-1);
  assert(last !== undefined);
  const codes = await Promise.all(clients.slice(0, -1).map(async ({ closed }) => (await closed).code));
  assertEquals(codes, Array(5).fill(4409));
  const part = await Deno.readFile(join(server.dir, "data.bin.part"));
  assertEquals(sha256(part), sha256(BYTES.subarray(0, part.length)));
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
  await sendAll(client, upload, { from: upload.offset });
  assertEquals((await ask(client, complete())).event, "complete-ack");
  for (const each of clients) await each[Symbol.asyncDispose]();
});

Deno.test("a start again ends the frames of the one before, on the same connection too", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const first = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  const { resumeToken } = first.ext;
  const second = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken });
  client.sendBytes(frame(first.ext.session, 0, BYTES.subarray(0, 1000)));
  assertEquals((await ask(client, { action: "pause", fileId: "f" })).offset, 0);
  await ask(client, { action: "resume", fileId: "f" });
  client.sendBytes(frame(second.ext.session, 0, BYTES.subarray(0, 1000)));
  await progressUntil(client, ({ offset }) => offset === 1000);
});

Deno.test("a part that a person removed starts over for its owner", async () => {
  await using server = await testServer();
  const token = await halfUploaded(server);
  await Deno.remove(join(server.dir, "data.bin.part"));
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken: token });
  assertEquals(upload.offset, 0);
  await sendAll(client, upload);
  assertEquals((await ask(client, complete())).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), DIGEST);
});

Deno.test("a plain upload can be taken up with a token, and then belongs to it", async () => {
  await using server = await testServer();
  {
    await using plain = await plainClient(server.ws);
    await plain.ask({ action: "start", fileId: "f", fileName: "data.bin", fileSize: BYTES.length });
    await sendChunks(plain, { fileId: "f", bytes: BYTES, to: 65_536 });
    await plain.ask({ action: "stop", fileId: "f", delete: false });
  }
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  assertEquals(upload.offset, 65_536);
  await using plain = await plainClient(server.ws);
  const start = { action: "start", fileId: "f", fileName: "data.bin", fileSize: BYTES.length };
  assertEquals((await plain.ask(start)).error, NOT_YOURS);
});
