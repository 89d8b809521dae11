import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { pseudoRandomBytes } from "../support/bytes.ts";
import { onTerminal } from "../support/on_terminal.ts";
import { rangeServer } from "../support/range_server.ts";
import { tempDir } from "../support/temp_dir.ts";

const FILE = pseudoRandomBytes(4_000_000);

Deno.test("on a terminal the file has a line, each connection another, and keys pause and resume it", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  let mostLanes = 0;
  let hasPaused = false;
  let hasResumed = false;
  const args = ["fetch-ranges", `${server.origin}/data.bin`, "--threads", "3", "--block", "256K"];
  const { code, screen } = await onTerminal([...args, "--max-rate", "2M"], {
    cwd: dir.path,
    type(text, press) {
      const lines = text.split("\n");
      const lanes = lines.filter((line) => /^ {2}connection \d/.test(line)).length;
      mostLanes = Math.max(mostLanes, lanes);
      if (lanes > 1 && !hasPaused) press("p");
      if (!text.includes("paused, r resumes")) return;
      hasPaused = true;
      // Nothing is asked for while it is paused.
      if (!hasResumed) assertEquals(lanes, 0);
      hasResumed = true;
      press("r");
    },
  });
  assertEquals([code, hasPaused, hasResumed], [0, true, true], screen);
  assert(mostLanes > 1 && mostLanes <= 3, `${mostLanes}`);
  // What was shown has gone; the result stays.
  assert(!screen.includes("connection 1"), screen);
  assertStringIncludes(screen, "SHA-256");
  assertEquals(await Deno.readFile(join(dir.path, "data.bin")), FILE);
});
