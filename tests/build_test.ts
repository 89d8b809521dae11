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

/** Runs `build.ts` in a directory that it is to build into. */
async function build(dir: string, { flags = [], runtime }: {
  readonly flags?: readonly string[];
  readonly runtime: string;
}): Promise<{ readonly code: number; readonly stderr: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--frozen",
      "--config",
      join(ROOT, "deno.json"),
      join(ROOT, "build.ts"),
      ".",
      ...flags,
    ],
    cwd: dir,
    env: { DENORT_BIN: runtime },
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

const namesIn = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

Deno.test("a DENORT_BIN that can't be meant is refused before anything is built", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "denort");
  await Deno.writeTextFile(file, "");
  const cases = [
    [[], join(dir.path, "missing"), "DENORT_BIN: there is no "],
    [["--all"], file, "it has to be a directory"],
  ] as const;
  for (const [flags, runtime, message] of cases) {
    const { code, stderr } = await build(dir.path, { flags, runtime });
    assertEquals(code, 1);
    assertStringIncludes(stderr, message);
    assertEquals(namesIn(dir.path), ["denort"]);
  }
});

Deno.test("a build that fails leaves the binaries and sums of an earlier one, and nothing else", async () => {
  await using dir = await tempDir();
  const dist = join(dir.path, "dist");
  await Deno.mkdir(dist);
  const before = ["SHA256SUMS", "transfer", "transfer.exe"];
  for (const name of before) await Deno.writeTextFile(join(dist, name), "of yesterday");
  // A program to embed in, but not one that starts what is embedded.
  const { code, stderr } = await build(dist, { runtime: Deno.execPath() });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "does not start");
  assertEquals(namesIn(dist), before);
  for (const name of before) assertEquals(await Deno.readTextFile(join(dist, name)), "of yesterday");
});
