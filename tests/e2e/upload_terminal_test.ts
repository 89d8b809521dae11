import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { filesBelow } from "../support/bytes.ts";
import { onTerminal } from "../support/on_terminal.ts";
import { startServer } from "../support/program.ts";
import { slowLink } from "../support/slow_link.ts";
import { tempDir } from "../support/temp_dir.ts";

async function makeFiles(dir: string, bytes: number): Promise<void> {
  await Deno.mkdir(join(dir, "photos"));
  for (const name of ["a.raw", "b.raw", "c.raw"]) {
    await Deno.create(join(dir, "photos", name)).then((file) => file.close());
    // Sparse: large enough to be seen on its way, and made at once.
    await Deno.truncate(join(dir, "photos", name), bytes);
  }
}

Deno.test("on a terminal each upload has a line and all together one, and none of them stays", async () => {
  await using dir = await tempDir();
  await makeFiles(dir.path, 80_000_000);
  await using server = await startServer(join(dir.path, "uploads"));
  const seen = new Set<number>();
  const { code, screen, output } = await onTerminal(
    ["upload", "photos", "--parallel", "2", "--ws", server.ws],
    {
      cwd: dir.path,
      type(text) {
        const lines = text.split("\n");
        const total = lines.findIndex((line) => /^\d of 3 files/.test(line));
        // The line of all together is the last one.
        if (total >= 0) assertEquals(total, lines.length - 1);
        seen.add(lines.filter((line) => /^photos\/\w\.raw +\[/.test(line)).length);
      },
    },
  );
  assertEquals(code, 0, screen);
  assert(seen.has(2) && !seen.has(3), [...seen].join());
  // One frame overwrites another: the cursor was moved, and nothing but results was left.
  assert(output.includes("\x1b[2A"));
  const [keys, ...lines] = screen.trimEnd().split("\n");
  assertMatch(keys ?? "", /^Keys: p pause/);
  assertEquals(lines.length, 3 * 2 + 1, screen);
  assertMatch(lines.at(-1) ?? "", /^3 files, 240 MB in /);
  for (const i of [0, 2, 4]) assertMatch(lines[i] ?? "", /^photos\/\w\.raw -> \/.*\w\.raw$/);
});

Deno.test("keys act on all uploads: p holds them and those to come, r goes on, q ends them", async () => {
  await using dir = await tempDir();
  await makeFiles(dir.path, 2_000_000_000);
  await using server = await startServer(join(dir.path, "uploads"));
  await using link = slowLink(server.port);
  const args = ["upload", "photos", "--parallel", "2", "--ws", link.ws];
  let step = 0;
  const { code, screen } = await onTerminal(args, {
    cwd: dir.path,
    type(text, press) {
      const paused = text.match(/^photos.*paused, r resumes$/gm)?.length ?? 0;
      const moving = text.match(/^photos.*\/s.*left$/gm)?.length ?? 0;
      const next = (keys: string) => press(keys[step++] ?? "");
      if (step === 0 && moving === 2) next("prq");
      else if (step === 1 && paused === 2) next("prq");
      else if (step === 2 && paused === 0 && moving === 2) next("prq");
    },
  });
  assertEquals(step, 3, screen);
  assertEquals(code, 130, screen);
  assertEquals(screen.match(/run the same command again to continue/g)?.length, 2, screen);
  assertMatch(screen.trimEnd(), /\n0 files; interrupted$/);
  assertEquals((await filesBelow(join(dir.path, "uploads"))).filter((path) => path.endsWith(".part")), [
    "photos/a.raw.part",
    "photos/b.raw.part",
  ]);
});
