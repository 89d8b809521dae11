import { join } from "@std/path";
import type { DocCommand } from "./doc_blocks.ts";
import { BINARY, ROOT } from "./program.ts";
import { tempDir } from "./temp_dir.ts";

/** What the directory of a section is called in what is shown. */
const HOME = "/home/user";
/** What a section has of its own. With its first process all that it started is gone. */
const APART = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
/** Names that mean this machine, in a section. */
const HOSTS = "127.0.0.1 localhost files.example.org chat.example.org files.lan";
/** A section takes a few seconds; one that hangs is ended, with all that it started. */
const LIMIT_SECONDS = 90;

/** What commands that were run in order have left. */
export interface DocRun {
  readonly code: number;
  readonly stderr: string;
  /** The lines that each command printed, of those that were run. */
  readonly printed: readonly (readonly string[])[];
}

/** Where Deno keeps packages, as the directory of the user that it is found by is another one here. */
function denoDir(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "", ".cache");
  return Deno.env.get("DENO_DIR") ?? join(cache, "deno");
}

/** Writes `transfer` into a directory: the binary that is tested, or what runs the source tree. */
async function writeTransfer(dir: string): Promise<void> {
  const config = join(ROOT, "deno.json");
  const run = BINARY ??
    [Deno.execPath(), "run", "-A", "--quiet", "--frozen", "--config", config, join(ROOT, "main.ts")].join(
      " ",
    );
  await Deno.writeTextFile(join(dir, "transfer"), `#!/bin/sh\nexec ${run} "$@"\n`, { mode: 0o755 });
}

/**
 * A script of bash that runs commands in order. Each one's output goes to a file of its own. A command that
 * stays in the background is waited for until it has printed something, as a person would.
 */
function script(commands: readonly DocCommand[]): string {
  const lines = commands.map(({ script }, index) => {
    const awaited = script.endsWith("&")
      ? `until [ -s "$OUT/${index}" ]; do kill -0 $!; sleep 0.05; done\n`
      : "";
    return `exec >"$OUT/${index}"\n${script}\n${awaited}`;
  });
  return `ip link set lo up\nmount --bind "$OUT/hosts" /etc/hosts\ntrap 'code=$?; kill $(jobs -p) 2>/dev/null || :; wait || :; exit $code' EXIT\nset -e\n${
    lines.join("")
  }`;
}

/**
 * Runs commands in order, up to one that fails, in an empty directory with `transfer` on the path, and in a
 * network of their own that has loopback alone. A few names are found there. Needs root on Linux.
 */
export async function runCommands(commands: readonly DocCommand[]): Promise<DocRun> {
  await using outside = await tempDir();
  const at = (name: string) => join(outside.path, name);
  for (const name of ["home", "bin", "out", "state"]) await Deno.mkdir(at(name));
  await writeTransfer(at("bin"));
  await Deno.writeTextFile(at("out/hosts"), `${HOSTS}\n`);
  const { code, stderr } = await new Deno.Command("timeout", {
    args: ["-k", "5", String(LIMIT_SECONDS), "unshare", ...APART, "bash", "-c", script(commands)],
    cwd: at("home"),
    env: {
      PATH: `${at("bin")}:${Deno.env.get("PATH") ?? ""}`,
      ...{ HOME: at("home"), OUT: at("out"), XDG_STATE_HOME: at("state") },
      ...{ DENO_DIR: denoDir(), NO_COLOR: "1", TZ: "UTC" },
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const printed: string[][] = [];
  for (const index of commands.keys()) {
    const text = await Deno.readTextFile(at(join("out", String(index)))).catch(() => undefined);
    if (text === undefined) break;
    printed.push(text === "" ? [] : text.replaceAll(at("home"), HOME).replace(/\n$/, "").split("\n"));
  }
  return { code, stderr: new TextDecoder().decode(stderr), printed };
}
