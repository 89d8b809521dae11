import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { appendRecord, decodeRecords, encodeRecord, readJournal } from "../../store/journal.ts";

const RECORDS = [{ type: "open", name: "a\nb" }, { n: 1 }, { n: 2 }];
const TEXT = RECORDS.map(encodeRecord).join("");

Deno.test("records come back as they were written", () => {
  fc.assert(fc.property(fc.array(fc.jsonValue()), (records) => {
    const text = records.map(encodeRecord).join("");
    assertEquals(JSON.stringify(decodeRecords(text)), JSON.stringify(records));
  }));
});

Deno.test("wherever a crash cuts the journal, the whole records before it remain", () => {
  const ends = RECORDS.map((_, i) => RECORDS.slice(0, i + 1).map(encodeRecord).join("").length);
  for (let cut = 0; cut <= TEXT.length; cut++) {
    const whole = ends.filter((end) => end <= cut).length;
    assertEquals(decodeRecords(TEXT.slice(0, cut)), RECORDS.slice(0, whole));
  }
});

Deno.test("a damaged character ends the journal before its record", () => {
  for (let at = 0; at < TEXT.length; at++) {
    const damaged = `${TEXT.slice(0, at)}${TEXT[at] === "#" ? "%" : "#"}${TEXT.slice(at + 1)}`;
    const intact = TEXT.slice(0, at).split("\n").length - 1;
    assertEquals(decodeRecords(damaged), RECORDS.slice(0, intact));
  }
});

Deno.test("what is appended behind a torn record is not lost", async () => {
  const path = await Deno.makeTempFile({ prefix: "transfer-test-" });
  try {
    await appendRecord(path, { n: 1 });
    await Deno.writeTextFile(path, '0badc0de {"n":', { append: true });
    assertEquals(await readJournal(path), [{ n: 1 }]);
    await appendRecord(path, { n: 2 });
    assertEquals(await readJournal(path), [{ n: 1 }, { n: 2 }]);
  } finally {
    await Deno.remove(path);
  }
});
