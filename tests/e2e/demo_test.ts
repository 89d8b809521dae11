import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { ROOT } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Starts the demo, its temporary files in a directory. */
function startDemo(tmp: string, ...args: readonly string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--frozen",
      "--config",
      join(ROOT, "deno.json"),
      join(ROOT, "demo.ts"),
      ...args,
    ],
    env: { NO_COLOR: "1", TMPDIR: tmp, TEMP: tmp, TMP: tmp },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const notes = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
    .getReader();
  return {
    child,
    /** The lines up to one that has this in it. */
    async until(words: string): Promise<readonly string[]> {
      const passed: string[] = [];
      for (let next = await lines.read(); !next.done; next = await lines.read()) {
        passed.push(next.value);
        if (next.value.includes(words)) return passed;
      }
      throw new Error(`The demo ended before "${words}": ${passed.join("\n")} ${await notes}`);
    },
    async end() {
      const { code } = await child.status;
      for (let next = await lines.read(); !next.done;) next = await lines.read();
      return { code, notes: await notes };
    },
  };
}

/** Asserts that the demo left no file in its temporary directory, and no program that was told of it. */
async function assertNothingLeft(tmp: string): Promise<void> {
  assertEquals([...Deno.readDirSync(tmp)], []);
  if (Deno.build.os !== "linux") return;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const commandLine = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    assert(!commandLine.includes(tmp), commandLine.replaceAll("\0", " "));
  }
}

Deno.test("the demo interrupts and resumes all five protocols, and keeps the servers if it is asked to", async () => {
  await using tmp = await tempDir();
  const demo = startDemo(tmp.path, "--keep");
  const lines = await demo.until("Seconds and MB/s");
  const begin = lines.findIndex((line) => line.startsWith("protocol"));
  assertMatch(lines[begin] ?? "", /^protocol +bytes +seconds +MB\/s +verified$/);
  const rows = lines.slice(begin + 1, begin + 6).map((line) => line.split(/ {2,}/));
  const file = "134,217,728";
  assertEquals(rows.map(([protocol, bytes, , , verified]) => [protocol, bytes, verified]), [
    ["WebSocket upload", file, "yes"],
    ["HTTP ranges", file, "yes"],
    ["TCP files", file, "yes"],
    ["UDP files", file, "yes"],
    ["Tracker chat", "400,000", "yes"],
  ]);
  for (const [, , seconds, rate] of rows) assert(Number(seconds) > 0 && Number(rate) > 0);
  assertEquals(lines.filter((line) => line.includes("killed (SIGKILL)")).length, 6);
  for (const line of lines) assert(line.length <= 80, line);

  await demo.until("run until Ctrl+C");
  const [page = ""] = (await demo.until("http://localhost")).slice(-1);
  const url = /http\S+/.exec(page)?.[0] ?? "";
  const response = await fetch(`${url}files/film.mkv`, { headers: { range: "bytes=0-9" } });
  assertEquals([response.status, (await response.bytes()).length], [206, 10]);
  await demo.until("tracker, page");
  demo.child.kill("SIGINT");
  assertEquals(await demo.end(), { code: 0, notes: "" });
  await assertNothingLeft(tmp.path);
});

Deno.test("Ctrl+C leaves nothing of the demo behind, whatever it is at", async () => {
  for (const words of ["Moves film.mkv", "Files over TCP", "Messages through"]) {
    await using tmp = await tempDir();
    const demo = startDemo(tmp.path);
    await demo.until(words);
    demo.child.kill("SIGINT");
    const { code, notes } = await demo.end();
    assertEquals(code, 130, notes);
    assertStringIncludes(notes, "Interrupted");
    await assertNothingLeft(tmp.path);
  }
});

Deno.test("an argument that the demo does not know is refused", async () => {
  await using tmp = await tempDir();
  const demo = startDemo(tmp.path, "--kepp");
  const { code, notes } = await demo.end();
  assertEquals(code, 2);
  assertStringIncludes(notes, "--kepp");
});
