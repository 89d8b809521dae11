import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ask, until } from "../../support/download_api.ts";
import { startDownloadServer } from "../../support/download_server.ts";
import { readEvents } from "../../support/event_reader.ts";
import { HELD_BYTES, startOrigin } from "../../support/origin.ts";
import { tempDir } from "../../support/temp_dir.ts";

Deno.test("events of downloads and uploads come in one sequence that can be taken up again", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path, server: { shareList: true } });
  const url = `${server.server.url}/api/events`;
  let seen = "";
  {
    await using reader = await readEvents(url);
    const first = await reader.next();
    assertEquals(first?.data, { uploads: [], completed: [], downloads: [] });
    seen = first?.id ?? "";
  }
  await ask(server.api, "POST", { urls: [`${origin.url}/files/a.bin`] });
  const done = await until(server, 1, ({ state }) => state === "done");
  await ask(`${server.api}/1`, "DELETE");
  await using reader = await readEvents(url, { "Last-Event-ID": seen });
  const events = await reader.until("download-gone");
  const states = events.filter(({ type }) => type === "download").map(({ data }) => data.state);
  assertEquals(states.at(-1), "done");
  assert(states.includes("active"), states.join());
  assertEquals(events.at(-2)?.data, done);
  assertEquals(events.at(-1)?.data, { id: 1 });
  assertEquals(events.map(({ id }) => Number(id.split("-")[1])), events.map((_, i) => i + 1));
});

Deno.test("a progress event names the connections and what is there of the file", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  await ask(server.api, "POST", { urls: [`${origin.url}/held/a.bin`] });
  const item = await until(server, 1, ({ received }) => received === HELD_BYTES);
  const { lanes, finished, bytesPerSecond } = { lanes: [], finished: [], bytesPerSecond: 0, ...item };
  assertEquals(lanes, [{ lane: 0, from: 0, at: HELD_BYTES, to: 300_000, bytesPerSecond: 1 }]);
  assertEquals([finished, bytesPerSecond, item.threads], [[[0, HELD_BYTES]], 1, 1]);
});

Deno.test("metrics count downloads by state and by how they ended", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path, side: { maxActive: 1 } });
  const urls = ["/files/a.bin", "/missing", "/held/b.bin", "/held/c.bin"].map((path) => origin.url + path);
  await ask(server.api, "POST", { urls });
  await until(server, 3, ({ received }) => received === HELD_BYTES);
  const text = await (await fetch(`${server.server.url}/metrics`)).text();
  const values = Object.fromEntries(
    text.split("\n").filter((line) => line.startsWith("transfer_download_")).map((line) => line.split(" ")),
  );
  assertEquals(values, {
    'transfer_download_items{state="queued"}': "1",
    'transfer_download_items{state="active"}': "1",
    'transfer_download_items{state="paused"}': "0",
    transfer_download_bytes_per_second: "1",
    'transfer_download_ended_total{outcome="done"}': "1",
    'transfer_download_ended_total{outcome="failed"}': "1",
    'transfer_download_ended_total{outcome="cancelled"}': "0",
    transfer_download_file_bytes_total: "300000",
    transfer_download_unsaved_total: "0",
  });
  assertStringIncludes(text, "transfer_upload_open_sessions 0");
});
