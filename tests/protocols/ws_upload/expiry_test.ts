import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Uploads } from "../../../protocols/ws_upload/uploads.ts";
import { UploadStore } from "../../../store/upload_store.ts";
import { filesBelow, pseudoRandomBytes } from "../../support/bytes.ts";
import { startExtended } from "../../support/extension_client.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { testServer } from "../../support/upload_server.ts";

const DAY_MS = 86_400_000;
const BYTES = pseudoRandomBytes(1000);
const LONG_AGO = new Date(Date.now() - 30 * DAY_MS);
const PARTS = ["a.bin.part", "a.bin.part.journal"];

/** Leaves two unfinished uploads in a directory, `a` and `b`; nobody has written to `a` for a month. */
async function leaveTwo(dir: string): Promise<void> {
  await using server = await testServer({ dir });
  await using client = await plainClient(server.ws);
  for (const fileId of ["a", "b"]) {
    await client.ask({ action: "start", fileId, fileName: `${fileId}.bin`, fileSize: 2000 });
    await sendChunks(client, { fileId, bytes: BYTES });
    await client.ask({ action: "stop", fileId, delete: false });
  }
  await Deno.utime(join(dir, "a.bin.part"), LONG_AGO, LONG_AGO);
}

/** The uploads of a directory without a server, and a client that hears its answers. */
async function uploadsOf(dir: string) {
  const events: string[] = [];
  const answers: string[] = [];
  const uploads = await Uploads.open({
    store: await UploadStore.open(dir, { nowMs: Date.now() }),
    maxFileBytes: Infinity,
    maxTotalBytes: Infinity,
    maxSessions: 10,
    overwrite: false,
    onEvent: ({ type }) => void events.push(type),
  });
  const client = uploads.connect({
    send: ({ event }) => void answers.push(event),
    close: () => {},
    isOpen: true,
    heardAtMs: 0,
  });
  return { uploads, client, events, answers };
}

const start = { action: "start", fileId: "a", fileName: "a.bin", fileSize: 2000, ext: undefined } as const;

Deno.test("an upload that nobody continued for so long is deleted at a start, one of today is not", async () => {
  await using dir = await tempDir();
  await leaveTwo(dir.path);
  await using server = await testServer({ dir: dir.path, expireMs: 7 * DAY_MS });
  assertEquals(server.events, [{ type: "expired", fileId: "a", name: "a.bin" }]);
  assertEquals(await filesBelow(dir.path), ["b.bin.part", "b.bin.part.journal"]);
  await using client = await plainClient(server.ws);
  assertEquals((await startExtended(client, { fileId: "a", fileName: "a.bin", fileSize: 2000 })).offset, 0);
});

Deno.test("an upload in use never expires; one that was left does", async () => {
  await using dir = await tempDir();
  const { uploads, client, events, answers } = await uploadsOf(dir.path);
  await uploads.handle(start, client);
  await uploads.expire(Infinity);
  await uploads.handle({ action: "pause", fileId: "a" }, client);
  await uploads.expire(Infinity);
  assertEquals(answers, ["start-ack", "pause-ack"]);
  assertEquals(await filesBelow(dir.path), PARTS);
  await uploads.disconnected(client);
  await uploads.expire(Infinity);
  assertEquals(events.at(-1), "expired");
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("an upload counts from when its client was last there, however it left", async () => {
  for (const leave of ["stop", "disconnect"]) {
    await using dir = await tempDir();
    await leaveTwo(dir.path);
    const { uploads, client, answers } = await uploadsOf(dir.path);
    await uploads.handle(start, client);
    if (leave === "stop") await uploads.handle({ action: "stop", fileId: "a", delete: false }, client);
    else await uploads.disconnected(client);
    assertEquals(answers[0], "start-ack");
    await uploads.expire(Date.now() - DAY_MS);
    assertEquals((await filesBelow(dir.path)).filter((name) => name.startsWith("a")), PARTS, leave);
    if (leave === "stop") await uploads.disconnected(client);
  }
});

Deno.test("an upload whose part a person removed expires like any other", async () => {
  await using dir = await tempDir();
  await leaveTwo(dir.path);
  const { uploads, events } = await uploadsOf(dir.path);
  await Deno.remove(join(dir.path, "a.bin.part"));
  await uploads.expire(Date.now() - DAY_MS);
  assertEquals(events, ["expired"]);
  assertEquals(await filesBelow(dir.path), ["b.bin.part", "b.bin.part.journal"]);
});
