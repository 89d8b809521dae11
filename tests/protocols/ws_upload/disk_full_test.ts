import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { CAN_MOUNT } from "../../support/machine.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { smallDisk } from "../../support/small_disk.ts";
import { testServer } from "../../support/upload_server.ts";

Deno.test({
  name: "a disk that fills up costs no stored byte, and the upload goes on once there is room",
  ignore: !CAN_MOUNT,
}, async () => {
  await using disk = await smallDisk("4m");
  await using server = await testServer({ dir: disk.path });
  await using client = await plainClient(server.ws);
  const bytes = pseudoRandomBytes(2_000_000);
  await client.ask({ action: "start", fileId: "f", fileName: "data.bin", fileSize: bytes.length });
  await sendChunks(client, { fileId: "f", bytes, to: 600_000, chunkBytes: 100_000 });
  await disk.fill();

  let stored = 600_000;
  let refused = "";
  while (refused === "") {
    const data = bytes.subarray(stored, stored + 100_000).toBase64();
    const answer = await client.ask({ action: "chunk", fileId: "f", offset: stored, data });
    if (answer.event === "error") refused = String(answer.error);
    else stored = Number(answer.offset);
  }
  assertEquals(refused, "No space left on the server's disk");
  const part = await Deno.readFile(join(server.dir, "data.bin.part"));
  assertEquals(part, bytes.subarray(0, stored));

  const again = await client.ask({
    action: "start",
    fileId: "f",
    fileName: "data.bin",
    fileSize: bytes.length,
  });
  assert(
    String(again.error ?? "").startsWith("No space left") || again.offset === stored,
    JSON.stringify(again),
  );
  await disk.free();
  const resumed = await client.ask({
    action: "start",
    fileId: "f",
    fileName: "data.bin",
    fileSize: bytes.length,
  });
  assertEquals(resumed.offset, stored);
  await sendChunks(client, { fileId: "f", bytes, from: stored });
  assertEquals((await client.ask({ action: "complete", fileId: "f" })).event, "complete-ack");
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), sha256(bytes));
});

Deno.test({
  name: "a disk without room for a journal refuses a start and keeps nothing of it",
  ignore: !CAN_MOUNT,
}, async () => {
  await using disk = await smallDisk("1m");
  await using server = await testServer({ dir: disk.path });
  await disk.fill();
  await using client = await plainClient(server.ws);
  const answer = await client.ask({ action: "start", fileId: "f", fileName: "empty", fileSize: 0 });
  assertEquals(answer, { event: "error", fileId: "f", error: "No space left on the server's disk" });
  assertEquals(await filesBelow(disk.path), ["filler"]);
  await disk.free();
  assertEquals(
    (await client.ask({ action: "start", fileId: "f", fileName: "empty", fileSize: 0 })).event,
    "start-ack",
  );
});
