import { assertEquals, assertStringIncludes } from "@std/assert";
import { uploadNote } from "../../commands/upload_note.ts";
import { progressTable } from "../../terminal/progress.ts";

const REASON = "Can't connect to localhost:4600, is the server running? (tcp connect error)";

Deno.test("a lost connection is told in few words, so that the name stays on the line", () => {
  const note = uploadNote({ kind: "offline", retryAtMs: 5_500, reason: REASON }, 2_500);
  assertEquals(note, "no connection, next try in 3s");
  const name = "of-24-characters-all.mkv";
  const [line = ""] = progressTable([{ name, done: 1, total: 1e9, bytesPerSecond: 0, note: `${note}` }], 110);
  assertStringIncludes(line, name);
  assertStringIncludes(line, `${note}`);
});

Deno.test("an upload that moves, or was not tried yet, needs no note", () => {
  assertEquals(uploadNote({ kind: "sending", length: 1, deadlineMs: 1 }, 0), undefined);
  assertEquals(uploadNote({ kind: "offline", retryAtMs: 0, reason: "" }, 0), undefined);
});
