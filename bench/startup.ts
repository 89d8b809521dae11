/** How long programs take to start, and how large they are. */

import { join } from "@std/path";
import { LOOPBACK } from "./lab.ts";
import type { Bench } from "./bench.ts";
import { type Contender, MILLISECONDS, Missing, type Row, type Unit } from "./contender.ts";
import { isInstalled, runClient } from "./processes.ts";

const START: Unit = { ...MILLISECONDS, digits: 1 };
const MEGABYTES: Unit = { name: "MB", better: "less", digits: 1 };
const COMMANDS = ["upload", "fetch-ranges", "tcp-get", "udp-get", "ws-serve", "tracker"];

/** The rows. */
export function startup(bench: Bench): readonly Row[] {
  const empty = () => compileEmpty(bench.dir);
  const own = (...words: string[]) =>
    starting(["transfer", ...words].join(" "), [...bench.transfer, ...words]);
  return [
    {
      name: "startup time",
      title: `Start-up${bench.isBinary ? "" : " (from the source tree)"}`,
      unit: START,
      files: [],
      contenders: [
        own("--help"),
        own("--version"),
        ...COMMANDS.map((name) => own(name, "--help")),
        starting("aria2c --help", ["aria2c", "--help"]),
        starting("rclone --help", ["rclone", "--help"]),
        {
          name: "an empty compiled program",
          start: async () => await starting("", [await empty()]).start(LOOPBACK),
        },
      ],
    },
    {
      name: "startup size",
      title: "Size of the program",
      unit: MEGABYTES,
      files: [],
      mostRounds: 1,
      hasWarmUp: false,
      contenders: [
        sized("transfer", () => {
          const [program = ""] = bench.transfer;
          if (bench.isBinary) return Promise.resolve([program]);
          throw new Missing("a binary: --program names it");
        }),
        sized(
          "aria2c with its library",
          async () => [await find("aria2c"), await libraryOf("aria2c", /libaria2\S* => (\S+)/)],
        ),
        sized("rclone", async () => [await find("rclone")]),
        sized("an empty compiled program", async () => [await empty()]),
      ],
    },
  ];
}

function starting(name: string, words: readonly string[]): Contender {
  return {
    name,
    programs: words.slice(0, 1),
    start: () =>
      Promise.resolve({
        servers: [],
        run: async (watch) => ({ value: (await runClient(words, watch)).seconds * 1000 }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

function sized(name: string, paths: () => Promise<readonly string[]>): Contender {
  return {
    name,
    start: async () => {
      let size = 0;
      for (const path of await paths()) size += (await Deno.stat(path)).size;
      return {
        servers: [],
        run: () => Promise.resolve({ value: size / 1e6 }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
  };
}

function find(program: string): Promise<string> {
  if (!isInstalled(program)) throw new Missing(`${program} not installed`);
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return Promise.resolve(folders.map((folder) => join(folder, program)).find(isInstalled) ?? program);
}

/** A library that a program is linked with, as ldd tells. */
async function libraryOf(program: string, pattern: RegExp): Promise<string> {
  const { stdout } = await new Deno.Command("ldd", { args: [await find(program)], stderr: "null" }).output();
  const path = pattern.exec(new TextDecoder().decode(stdout))?.[1];
  if (path === undefined) throw new Missing(`the library of ${program}`);
  return path;
}

/** Compiles a program that does nothing, once. @returns Its path. */
async function compileEmpty(dir: string): Promise<string> {
  const [source, output] = [join(dir, "empty.js"), join(dir, "empty")];
  if (isInstalled(output)) return output;
  await Deno.writeTextFile(source, "");
  const flags = ["compile", "--quiet", "--no-check", "--no-config", "--allow-all", "--no-code-cache"];
  const args = [...flags, "--output", output, source];
  const { success } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  if (!success) throw new Missing("the runtime that deno compile embeds: DENORT_BIN names it");
  return output;
}
