/** Downloads that are interrupted, paused or cancelled, and what the next one makes of what they left. */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { startDownload } from "../../../protocols/http_ranges/download.ts";
import type { RunningDownload } from "../../../protocols/http_ranges/running_download.ts";
import { filesBelow, pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import * as fault from "../../support/faults.ts";
import { rangeServer } from "../../support/range_server.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { download, testOptions } from "../../support/test_download.ts";

const SIZE = 3_000_000;
const FILE = pseudoRandomBytes(SIZE);
const SHA256 = sha256(FILE);

/** Cancels a download once half of it is there. */
function cancelHalfWay(deletesPart: boolean): (download: RunningDownload) => void {
  return (download) => {
    if (download.received > SIZE / 2 && download.state.kind === "loading") download.cancel(deletesPart);
  };
}

Deno.test("a download that was cancelled goes on where it stopped, and only with the same file", async () => {
  for (const isSame of [true, false]) {
    await using dir = await tempDir();
    const etag = { current: '"1"' };
    await using server = await rangeServer(FILE, {
      tweak: (answer, request, connection) =>
        fault.headers({ etag: etag.current })(answer, request, connection),
    });
    const options = testOptions(`${server.origin}/data.bin`, dir.path);
    const first = startDownload({
      ...options,
      onChange: cancelHalfWay(false),
    });
    await first.ended;
    assertEquals(first.state, { kind: "cancelled", kept: true });
    assertEquals(await filesBelow(dir.path), ["data.bin.part", "data.bin.part.journal"]);

    if (!isSame) etag.current = '"2"';
    const { state, bytes, files } = await download(`${server.origin}/data.bin`, dir.path);
    assert(state.kind === "done", JSON.stringify(state));
    assertEquals([bytes, files], [FILE, ["data.bin"]]);
    assertEquals(state.fetchedBytes <= SIZE / 2, isSame, `${state.fetchedBytes}`);
  }
});

Deno.test("without --no-resume's leave nothing is begun anew, and with it everything", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const options = testOptions(`${server.origin}/data.bin`, dir.path);
  const first = startDownload({
    ...options,
    onChange: cancelHalfWay(false),
  });
  await first.ended;
  const { state, files } = await download(`${server.origin}/data.bin`, dir.path, { resume: false });
  assert(state.kind === "done", JSON.stringify(state));
  assertEquals([state.fetchedBytes, files], [SIZE, ["data.bin"]]);
});

Deno.test("a part of another URL is left alone", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const first = startDownload({
    ...testOptions(`${server.origin}/one/data.bin`, dir.path),
    onChange: cancelHalfWay(false),
  });
  await first.ended;
  const { state, files } = await download(`${server.origin}/two/data.bin`, dir.path);
  assert(state.kind === "done", JSON.stringify(state));
  assertEquals(state.fetchedBytes, SIZE);
  assertEquals(files, ["data.bin", "data.bin.part", "data.bin.part.journal"]);
});

Deno.test("a pause stops everything until it is over, and a cancelled download can leave nothing", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  let hasPaused = false;
  const running = startDownload({
    ...testOptions(`${server.origin}/data.bin`, dir.path),
    onChange(self) {
      if (hasPaused || self.received < SIZE / 2) return;
      hasPaused = true;
      self.pause();
      assertEquals([self.state.kind, self.connections], ["paused", []]);
      queueMicrotask(() => self.resume());
    },
  });
  await running.ended;
  assertEquals([running.state.kind, hasPaused], ["done", true]);

  const gone = startDownload({
    ...testOptions(`${server.origin}/other.bin`, dir.path),
    onChange: cancelHalfWay(true),
  });
  await gone.ended;
  assertEquals(gone.state, { kind: "cancelled", kept: false });
  assertEquals(await filesBelow(dir.path), ["data.bin"]);
});

Deno.test("a download that is cancelled at once has asked for nothing", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const running = startDownload(testOptions(`${server.origin}/data.bin`, dir.path));
  running.cancel(false);
  await running.ended;
  assertEquals([running.state.kind, server.requests.length], ["cancelled", 0]);
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("two downloads of one URL do not get in each other's way", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const url = `${server.origin}/data.bin`;
  const outcomes = await Promise.all([download(url, dir.path), download(url, dir.path)]);
  for (const { state } of outcomes) {
    assert(
      state.kind === "done" || (state.kind === "failed" && /at work on/.test(state.reason)),
      JSON.stringify(state),
    );
  }
  assert(outcomes.some(({ state }) => state.kind === "done"));
  for (const file of await filesBelow(dir.path)) {
    assertEquals(await Deno.readFile(join(dir.path, file)), FILE);
  }
});

Deno.test("what was published is told before its journal goes, by the next run if this one dies there", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const url = `${server.origin}/data.bin`;
  const whole = ["data.bin", "data.bin.part.journal"];
  const died = await download(url, dir.path, {
    onPublished: async ({ path, bytes }) => {
      assertEquals([path, bytes], [join(dir.path, "data.bin"), SIZE]);
      assertEquals(await filesBelow(dir.path), whole);
      throw new Error("The process dies");
    },
  });
  assertEquals([died.state.kind, died.files], ["failed", whole]);
  const told: string[] = [];
  const { state, files } = await download(url, dir.path, {
    onPublished: async ({ sha256 }) => {
      told.push(sha256);
      assertEquals(await filesBelow(dir.path), whole);
    },
  });
  assertEquals([state.kind, told, files], ["done", [SHA256], ["data.bin"]]);
});
