import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { failure } from "../build.ts";
import { ROOT } from "./support/program.ts";
import { tempDir } from "./support/temp_dir.ts";

const TARGET = "x86_64-unknown-linux-gnu";

Deno.test("a download site that can't be reached is told as such, with what to do", () => {
  const url = `https://dl.deno.land/release/v2.9.6/denort-${TARGET}.zip`;
  const stderrs = [
    `Download ${url}\nerror: Setting up base binary.\n\nCaused by:\n    dns error`,
    `error: sending request for url (${url}): client error (Connect)`,
  ];
  for (const stderr of stderrs) {
    const { message } = failure(stderr, { target: TARGET, runtime: undefined });
    assertStringIncludes(message, `  ${url}\n`);
    assertStringIncludes(message, "DENORT_BIN");
  }
  const other = failure("error: disk full", { target: TARGET, runtime: "/opt/denort" }).message;
  assert(!other.includes("download site"));
  assertStringIncludes(other, "/opt/denort (DENORT_BIN):\nerror: disk full");
});

Deno.test("a DENORT_BIN that can't be meant is refused before anything is built", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "denort");
  await Deno.writeTextFile(file, "");
  const cases = [
    [[], join(dir.path, "missing"), "DENORT_BIN: there is no "],
    [["--all"], file, "it has to be a directory"],
  ] as const;
  for (const [flags, runtime, message] of cases) {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--frozen", "--config", join(ROOT, "deno.json"), join(ROOT, "build.ts"), dir.path]
        .concat(flags),
      env: { DENORT_BIN: runtime },
    }).output();
    assertEquals(code, 1);
    assertStringIncludes(new TextDecoder().decode(stderr), message);
    assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["denort"]);
  }
});
