/**
 * Runs the commands of Markdown files as `tests/docs_test.ts` does, and writes into them what was printed where it
 * is not what is shown. What differs from run to run has to be replaced by `…` by hand.
 *
 *   deno run -A tests/support/doc_write.ts README.md docs/usage.md
 */

import { docSections, isShown } from "./doc_blocks.ts";
import { runCommands } from "./doc_run.ts";
import { printNote } from "../../terminal/output.ts";

for (const file of Deno.args) {
  const text = await Deno.readTextFile(file);
  const lines = text.split("\n");
  const sections = [...docSections(file, text).values()];
  // From the end, so that what is written moves no line that is still to be looked at.
  for (const { commands } of sections.reverse()) {
    const { code, stderr, printed } = await runCommands(commands);
    if (code !== 0) printNote(`${commands[printed.length - 1]?.place}: exit code ${code}\n${stderr}`);
    for (const [index, { line, script, shown }] of [...commands.entries()].reverse()) {
      const output = printed[index];
      if (shown === undefined || output === undefined || isShown(shown, output)) continue;
      // Lines that still hold stay, with what stands for anything in them.
      const written = output.map((each) =>
        shown.find((kept) => kept !== "…" && isShown([kept], [each])) ?? each
      );
      lines.splice(line - 1 + script.split("\n").length, shown.length, ...written);
    }
  }
  await Deno.writeTextFile(file, lines.join("\n"));
}
