import { assert, assertEquals } from "@std/assert";
import { realDisk } from "../../store/disk.ts";
import { CorruptError, MissingError } from "../../store/fetched_file.ts";
import { ReceivedPart } from "../../store/received_part.ts";
import { filesBelow } from "../support/bytes.ts";
import { tempDir } from "../support/temp_dir.ts";

const PROBLEMS: readonly (readonly [name: string, problem: Error, keptBytes: number])[] = [
  ["a file that has gone from the server", new MissingError("It has gone"), 1000],
  ["a connection that was lost", new Error("Nothing comes"), 1000],
  ["a file that came corrupt", new CorruptError("It has another digest"), 0],
];

for (const [name, problem, keptBytes] of PROBLEMS) {
  Deno.test(`${name} leaves ${keptBytes} of 1000 bytes for the next run`, async () => {
    await using dir = await tempDir();
    const destination = { disk: realDisk(), directory: dir.path, name: "a", url: "udp://example.org/a" };
    const opened = await ReceivedPart.open(destination);
    assert(opened.kind === "part");
    await opened.part.begin({ size: 2000, mtimeMs: 1 });
    const writer = await opened.part.openWriter();
    await writer.write(new Uint8Array(1000), 0);
    writer.close();
    await opened.part.abandon(problem);
    const again = await ReceivedPart.open(destination);
    assert(again.kind === "part");
    assertEquals(again.part.written.bytes, keptBytes);
    await again.part.discard();
    assertEquals(await filesBelow(dir.path), []);
  });
}
