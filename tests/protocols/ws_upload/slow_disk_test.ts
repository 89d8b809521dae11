import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { join } from "@std/path";
import type { UploadEvent } from "../../../protocols/ws_upload/upload_event.ts";
import { filesBelow, pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import {
  ask,
  type ExtendedUpload,
  frame,
  progressUntil,
  sendFrames,
  startExtended,
} from "../../support/extension_client.ts";
import { CAN_MOUNT } from "../../support/machine.ts";
import { obstructedDisk } from "../../support/obstructed_disk.ts";
import { type PlainClient, plainClient, sendChunks } from "../../support/plain_client.ts";
import { rawSocket } from "../../support/raw_socket.ts";
import { smallDisk } from "../../support/small_disk.ts";
import { type TestServer, testServer } from "../../support/upload_server.ts";

const MIB = 1024 * 1024;
const BYTES = pseudoRandomBytes(3_000_000);
const DIGEST = sha256(BYTES);

async function gauge(server: TestServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^\\w*_?${name} (\\S+)$`, "m").exec(text)?.[1] ?? NaN);
}

/** Asks the server again, a round trip each time, until a gauge has a value; after very many, it never will. */
async function gaugeReaches(server: TestServer, name: string, value: number): Promise<void> {
  let last = NaN;
  for (let round = 0; round < 5000; round++) {
    last = await gauge(server, name);
    if (last === value) return;
  }
  throw new Error(`${name} stays ${last}, expected was ${value}`);
}

async function uploadRest(
  client: PlainClient,
  upload: ExtendedUpload,
  { bytes = BYTES, digest = DIGEST } = {},
): Promise<Record<string, unknown>> {
  sendFrames(client, upload, { bytes, from: upload.offset });
  if (upload.offset < bytes.length) await progressUntil(client, ({ offset }) => offset === bytes.length);
  return await ask(client, { action: "complete", fileId: upload.fileId, sha256: digest });
}

Deno.test("a disk that stands still stops the client, not the server, and costs little memory", async () => {
  const obstructed = obstructedDisk();
  await using server = await testServer({ disk: obstructed.disk });
  const bytes = pseudoRandomBytes(24 * MIB);
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, {
    fileId: "slow",
    fileName: "slow.bin",
    fileSize: bytes.length,
  });
  const held = obstructed.hold("slow.bin.part");
  sendFrames(client, upload, { bytes, chunkBytes: MIB });
  await held;
  await gaugeReaches(server, "paused_sockets", 1);
  assertEquals(client.unread, 0);
  const queued = await gauge(server, "queue_bytes");
  // The message that is being written, and the beginning of the next one.
  assert(queued > MIB, String(queued));
  assertLessOrEqual(queued, 2 * MIB);

  // Whoever does not write there is served.
  await using other = await plainClient(server.ws);
  const quick = await startExtended(other, {
    fileId: "quick",
    fileName: "quick.bin",
    fileSize: BYTES.length,
  });
  assertEquals((await uploadRest(other, quick)).event, "complete-ack");
  assertEquals([client.unread, await gauge(server, "queue_bytes")], [0, queued]);

  obstructed.release();
  await progressUntil(client, ({ offset }) => offset === bytes.length);
  const ack = await ask(client, { action: "complete", fileId: "slow", sha256: sha256(bytes) });
  assertEquals(ack.event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "slow.bin"))), sha256(bytes));
  assertEquals([await gauge(server, "queue_bytes"), await gauge(server, "paused_sockets")], [0, 0]);
});

Deno.test("nothing is called durable while its sync is under way, and the client goes on meanwhile", async () => {
  const obstructed = obstructedDisk();
  await using server = await testServer({ disk: obstructed.disk });
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  const held = obstructed.hold("data.bin.part", "sync");
  sendFrames(client, upload, { bytes: BYTES, to: 1_500_000 });
  await held;
  sendFrames(client, upload, { bytes: BYTES, from: 1_500_000 });
  const seen = await progressUntil(client, ({ offset }) => offset === BYTES.length);
  assertEquals(new Set(seen.map(({ durable }) => durable)), new Set([0]));
  obstructed.release();
  await progressUntil(client, ({ durable }) => durable === BYTES.length);
  assertEquals(obstructed.synced("data.bin.part"), BYTES.length);
});

/** What makes the server sync a part. */
const SYNCED_BY: readonly (readonly [string, Record<string, unknown>])[] = [
  ["complete", { action: "complete", fileId: "f", sha256: DIGEST }],
  ["pause", { action: "pause", fileId: "f" }],
  ["stop", { action: "stop", fileId: "f", delete: false }],
];

for (const [what, message] of SYNCED_BY) {
  Deno.test(`a sync that fails at ${what} is told, and costs what was not durable, no more`, async () => {
    const obstructed = obstructedDisk();
    await using server = await testServer({ disk: obstructed.disk });
    await using client = await plainClient(server.ws);
    const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
    sendFrames(client, upload, { bytes: BYTES, to: 1_000_000 });
    await ask(client, { action: "pause", fileId: "f" });
    await ask(client, { action: "resume", fileId: "f" });
    assertEquals(obstructed.synced("data.bin.part"), 1_000_000);
    sendFrames(client, upload, { bytes: BYTES, from: 1_000_000 });
    obstructed.failSync("data.bin.part");
    const seen = await progressUntil(client, ({ offset }) => offset === BYTES.length);
    const answer = await ask(client, message);
    // Unless a second had passed, and the sync of every second was the one that failed.
    const isTold = answer.event === "error" || answer.offset === 1_000_000 || what === "stop";
    assert(isTold, JSON.stringify(answer));
    assertEquals(server.events.filter(({ type }) => type === "failed").length, 1);
    for (const { durable } of seen) assertLessOrEqual(Number(durable), 1_000_000);

    const again = await startExtended(client, {
      fileId: "f",
      fileSize: BYTES.length,
      resumeToken: upload.ext.resumeToken,
    });
    assertEquals([again.offset, again.ext.durableOffset], [1_000_000, 1_000_000]);
    assertEquals(again.ext.prefixSha256, sha256(BYTES.subarray(0, 1_000_000)));
    assertEquals((await uploadRest(client, again)).event, "complete-ack");
    assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), DIGEST);
    assertEquals(await filesBelow(server.dir), ["data.bin"]);
  });
}

Deno.test("a sync that fails beside an upload is told with the next frame", async () => {
  const obstructed = obstructedDisk();
  const failed = Promise.withResolvers<UploadEvent>();
  const onEvent = (event: UploadEvent) => event.type === "failed" && failed.resolve(event);
  await using server = await testServer({ disk: obstructed.disk, onEvent });
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  obstructed.failSync("data.bin.part");
  sendFrames(client, upload, { bytes: BYTES, to: 2_000_000 });
  const event = await failed.promise;
  assertEquals(event.type === "failed" && event.fileId, "f");
  client.sendBytes(frame(upload.ext.session, 2_000_000, BYTES.subarray(2_000_000)));
  let answer = await client.next();
  while (answer.event === "progress") {
    assertEquals(answer.durable, 0);
    answer = await client.next();
  }
  assertEquals(answer, { event: "offset-mismatch", fileId: "f", expected: 0, received: 2_000_000 });
  assertEquals((await uploadRest(client, { ...upload, offset: 0 })).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), DIGEST);
});

Deno.test({
  name: "a disk that fills up under frames tells so, keeps what it had, and goes on with room",
  ignore: !CAN_MOUNT,
}, async () => {
  await using disk = await smallDisk("6m");
  await using server = await testServer({ dir: disk.path });
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  sendFrames(client, upload, { bytes: BYTES, to: 600_000 });
  await progressUntil(client, ({ offset }) => offset === 600_000);
  await disk.fill();
  sendFrames(client, upload, { bytes: BYTES, from: 600_000 });
  const told = await ask(client, { action: "resume", fileId: "f" });
  assertEquals(told, { event: "error", fileId: "f", error: "No space left on the server's disk" });
  for (
    let answer = told;
    answer.event !== "resume-ack";
    answer = await client.next()
  ) { /* one for each frame */ }
  const stored = await Deno.readFile(join(server.dir, "data.bin.part"));
  assert(stored.length >= 600_000 && stored.length < BYTES.length);
  assertEquals(sha256(stored), sha256(BYTES.subarray(0, stored.length)));

  await disk.free();
  const { resumeToken } = upload.ext;
  const again = await startExtended(client, { fileId: "f", fileSize: BYTES.length, resumeToken });
  assertEquals(again.offset, stored.length);
  assertEquals((await uploadRest(client, again)).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), DIGEST);
});

Deno.test("a client that never reads its answers is dropped, and the server goes on", async () => {
  await using server = await testServer();
  using silent = await rawSocket(server.server.port);
  const refused = JSON.stringify({ action: "pause", fileId: "x".repeat(1000) });
  let sent = 0;
  let reason = "";
  // Far more answers than a socket's buffers hold.
  while (reason === "" && sent < 100_000) {
    await silent.send(refused).catch((error: unknown) => reason = String(error));
    sent++;
  }
  assert(reason !== "", "it was served without end");
  await gaugeReaches(server, "connections", 0);
  await using client = await plainClient(server.ws);
  const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length });
  assertEquals((await uploadRest(client, upload)).event, "complete-ack");
  assertEquals(await gauge(server, "queue_bytes"), 0);
});

Deno.test("200 uploads at once all arrive, and nothing stays in the queues", async () => {
  await using server = await testServer();
  const clients = await Promise.all(Array.from({ length: 200 }, () => plainClient(server.ws)));
  await Promise.all(clients.map(async (client, at) => {
    const bytes = pseudoRandomBytes(MIB, at + 1);
    if (at % 4 === 0) {
      await client.ask({ action: "start", fileId: `${at}`, fileName: `${at}.bin`, fileSize: MIB });
      await sendChunks(client, { fileId: `${at}`, bytes, chunkBytes: 256 * 1024 });
      assertEquals((await client.ask({ action: "complete", fileId: `${at}` })).event, "complete-ack");
    } else {
      const upload = await startExtended(client, { fileId: `${at}`, fileName: `${at}.bin`, fileSize: MIB });
      assertEquals(
        (await uploadRest(client, upload, { bytes, digest: sha256(bytes) })).event,
        "complete-ack",
      );
    }
    assertEquals(sha256(await Deno.readFile(join(server.dir, `${at}.bin`))), sha256(bytes));
  }));
  assertEquals([await gauge(server, "queue_bytes"), await gauge(server, "paused_sockets")], [0, 0]);
  for (const client of clients) await client[Symbol.asyncDispose]();
});
