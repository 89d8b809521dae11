import { assertEquals } from "@std/assert";
import { onTerminal } from "../support/on_terminal.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("nothing is printed in colour, not even on a terminal that is not told so", async () => {
  await using dir = await tempDir();
  for (
    const args of [["--help"], ["upload", "--help"], ["uplaod"], ["upload", "missing"], [
      "tracker",
      "--db",
      "/",
    ]]
  ) {
    const { output } = await onTerminal(args, {
      cwd: dir.path,
      env: { NO_COLOR: "", TERM: "xterm-256color" },
      type: () => {},
    });
    // deno-lint-ignore no-control-regex
    assertEquals(output.match(/\x1b\[[\d;]*m/g), null, output);
    assertEquals(output === "", false);
  }
});
