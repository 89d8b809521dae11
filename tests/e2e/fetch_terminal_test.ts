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

Deno.test("of several files each is paused by one key, and the keys are told once", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const paused = new Set<string>();
  const urls = ["a.bin", "b.bin", "c.bin"].map((name) => `${server.origin}/${name}`);
  let presses = 0;
  const { code, screen } = await onTerminal(
    ["fetch-ranges", ...urls, "--max-rate", "4M", "--block", "256K"],
    {
      cwd: dir.path,
      type(text, press) {
        const [, name = "", rest = ""] = /^([abc]\.bin) +(.*)$/m.exec(text) ?? [];
        if (rest.includes("paused, r resumes") && !paused.has(name)) {
          paused.add(name);
          press("r");
        } else if (rest.includes("left") && !paused.has(name) && presses === paused.size) {
          presses++;
          press("p");
        }
      },
    },
  );
  assertEquals([code, paused.size, presses], [0, 3, 3], screen);
  assertEquals(screen.match(/Keys: /g)?.length, 1, screen);
});
