import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeRecords, encodeRecord, Journal } from "../../store/journal.ts";
import { VolatileDisk } from "../support/volatile_disk.ts";

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
  const disk = new VolatileDisk(() => 0.5);
  const journal = await Journal.create(disk, "/j", { n: 1 });
  await (await disk.open("/j")).writeAt(
    new TextEncoder().encode('0badc0de {"n":'),
    encodeRecord({ n: 1 }).length,
  );
  const opened = await Journal.open(disk, "/j");
  assertEquals(opened.records, [{ n: 1 }]);
  await Promise.all([opened.journal.append({ n: 2 }), opened.journal.append({ n: 3 }, { n: 4 })]);
  assertEquals((await Journal.open(disk, "/j")).records, [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
  assertEquals(journal.path, "/j");
});
