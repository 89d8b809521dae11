import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { onTerminal } from "../support/on_terminal.ts";
import { startServer } from "../support/program.ts";
import { slowLink } from "../support/slow_link.ts";
import { tempDir } from "../support/temp_dir.ts";

const PROGRESS = /^film.mkv +\[.* left$/m;

async function makeFile(path: string, bytes: number): Promise<void> {
  await Deno.create(path).then((file) => file.close());
  await Deno.truncate(path, bytes);
}

Deno.test("Ctrl+Z takes the progress away, and fg brings it and the keys back", async () => {
  await using dir = await tempDir();
  await makeFile(join(dir.path, "film.mkv"), 40_000_000);
  await using server = await startServer(join(dir.path, "uploads"));
  await using link = slowLink(server.port);
  let step = 0;
  let suspended = "";
  const { code, screen } = await onTerminal(["upload", "film.mkv", "--ws", link.ws], {
    cwd: dir.path,
    script: (line) => `set -m; ${line}; echo "code $?"; fg >/dev/null`,
    type(text, press) {
      const hasProgress = PROGRESS.test(text);
      if (step === 0 && hasProgress) {
        step = 1;
        press("\x1a");
      } else if (step === 1 && text.includes("code 147")) {
        if (suspended === "") suspended = text;
        else if (hasProgress) {
          step = 2;
          press("q");
        }
      }
    },
  });
  assertEquals(step, 2, screen);
  assert(!PROGRESS.test(suspended), suspended);
  assert(!PROGRESS.test(screen), screen);
  assertEquals(code, 130, screen);
  assertMatch(screen, /code 147\n.*film.mkv: interrupted at /s);
});

Deno.test("in the background the terminal is the shell's: nothing is drawn, and no key is waited for", async () => {
  await using dir = await tempDir();
  await makeFile(join(dir.path, "film.mkv"), 20_000_000);
  await using server = await startServer(join(dir.path, "uploads"));
  const { code, screen, output } = await onTerminal(["upload", "film.mkv", "--ws", server.ws], {
    cwd: dir.path,
    // A job that was stopped is as good as ended to "wait".
    script: (line) => `set -m; ${line} & wait $!; code=$?; kill -9 $! 2>/dev/null; exit $code`,
    type: () => {},
  });
  assertEquals(code, 0, screen);
  assert(!screen.includes("Keys:") && !output.includes("\x1b["), screen);
  assertMatch(screen, /1 file, 20\.0 MB in /);
});
