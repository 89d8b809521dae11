import { assert, assertEquals, assertMatch } from "@std/assert";
import { fetchView } from "../../commands/fetch_progress.ts";
import type { RunningDownload } from "../../protocols/http_ranges/running_download.ts";
import { TransferTally } from "../../commands/transfer_tally.ts";
import { textWidth } from "../../terminal/text_width.ts";

const MB = 1_000_000;

/** A download as it is seen from outside. */
function running(seen: Partial<RunningDownload> = {}): RunningDownload {
  return {
    state: { kind: "loading" },
    url: "http://127.0.0.1/film.mkv",
    name: "film.mkv",
    size: 100 * MB,
    received: 42 * MB,
    connections: [
      { lane: 0, source: 0, from: 0, at: 4 * MB, to: 8 * MB, bytesPerSecond: 2 * MB },
      { lane: 2, source: 0, from: 50 * MB, at: 51 * MB, to: undefined, bytesPerSecond: MB },
    ],
    finished: [],
    problems: [],
    note: undefined,
    pause() {},
    resume() {},
    cancel() {},
    ended: Promise.resolve(),
    ...seen,
  };
}

const ALONE = { files: 1, tally: new TransferTally() };

Deno.test("each connection has a line, and the whole one below them", () => {
  const [first = "", third = "", whole = "", ...more] = fetchView(running(), ALONE).lines({
    columns: 120,
    rows: 24,
  });
  assertMatch(whole, /^film\.mkv .*42\.0 % {2}42\.0 MB of 100 MB/);
  assertMatch(first, /^ {2}connection 1 .*50\.0 % {2}4\.00 MB of 8\.00 MB {2}2\.00 MB\/s +2s left/);
  assertMatch(third, /^ {2}connection 3 .*1\.00 MB +1\.00 MB\/s/);
  assertEquals(more, []);
});

Deno.test("several downloads have a line for all of them, which stays when there is no room", () => {
  const tally = new TransferTally();
  tally.add({ event: "done", file: "a", path: "/a", bytes: 8 * MB, transferredBytes: 8 * MB });
  tally.add({ event: "failed", file: "b", error: "gone" });
  const view = fetchView(running(), { files: 3, tally });
  const lines = view.lines({ columns: 120, rows: 24 });
  assertEquals(lines.length, 4);
  assertMatch(lines[2] ?? "", /^film\.mkv +\[/);
  assertMatch(lines[3] ?? "", /^2 of 3 files, 1 failed +50\.0 MB$/);
  assertEquals(view.lines({ columns: 120, rows: 2 }).length, 1);
  assertMatch(view.lines({ columns: 120, rows: 4 })[1] ?? "", /^film\.mkv/);
});

Deno.test("lines fit into a terminal of any size", () => {
  for (let columns = 1; columns < 130; columns++) {
    const lines = fetchView(running({ name: "映画".repeat(20) }), ALONE).lines({ columns, rows: 3 });
    for (const line of lines) assert(textWidth(line) <= columns, `${columns}: ${line}`);
    assertEquals(lines.length, 2);
  }
});

Deno.test("what a download waits for stands where its speed would", () => {
  const plain = (seen: Partial<RunningDownload>) => fetchView(running(seen), ALONE).plain();
  assertEquals(
    plain({ state: { kind: "paused" }, connections: [] }),
    "film.mkv: 42.0 %  42.0 MB of 100 MB  paused, r resumes",
  );
  assertMatch(
    plain({ state: { kind: "probing" }, name: undefined, size: undefined }),
    /^127\.0\.0\.1: .*connecting/,
  );
  assertMatch(
    plain({ note: "The server answered 503; next try in 4s" }),
    /503; next try in 4s, 2 connections$/,
  );
  assertMatch(plain({ state: { kind: "verifying" } }), /verifying/);
});
