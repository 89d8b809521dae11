/**
 * How long the binary takes to start, beside an empty program compiled by the same Deno, aria2c and rclone (Debian's
 * packages; left out where they are not), in turn:
 *
 *   deno run -A bench/compare_startup.ts [--rounds 30] [--binary dist/transfer]
 *
 * prints a table of medians of whole processes, and how much larger the binary is than the empty program. Run it
 * with the Deno, and the DENORT_BIN, that the binary was built with.
 */

import { parseArgs } from "@std/cli";
import { join, resolve } from "@std/path";
import { formatBytes } from "../terminal/format.ts";
import { printResult } from "../terminal/output.ts";
import { median } from "./measure.ts";

const args = parseArgs(Deno.args, { string: ["rounds", "binary"] });
const rounds = Number(args.rounds ?? 30);
const binary = resolve(String(args.binary ?? "dist/transfer"));

const dir = await Deno.makeTempDir({ prefix: "transfer-bench-" });
try {
  const empty = await compileEmpty();
  const lines = [
    [empty],
    [binary, "--help"],
    [binary, "--version"],
    ...["upload", "fetch-ranges", "tcp-get", "udp-get", "ws-serve", "tracker"].map((
      name,
    ) => [binary, name, "--help"]),
    ["aria2c", "--help"],
    ["rclone", "--help"],
  ];
  const times = lines.map((): number[] => []);
  const isThere = await Promise.all(lines.map(async (line) => await timeOf(line) !== undefined));
  for (let round = 0; round < rounds; round++) {
    for (const [i, line] of lines.entries()) {
      const ms = isThere[i] === true ? await timeOf(line) : undefined;
      if (ms !== undefined) times[i]?.push(ms);
    }
  }
  const base = median(times[0] ?? []);
  printResult(`|  | median | range | to the empty program |\n| - | - | - | - |`);
  for (const [i, line] of lines.entries()) {
    const all = times[i] ?? [];
    if (all.length === 0) continue;
    const name = i === 0 ? "the empty program" : line.join(" ").replace(binary, "transfer");
    const range = `${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)} ms`;
    printResult(`| ${name} | ${median(all).toFixed(1)} ms | ${range} | ${(median(all) / base).toFixed(2)} |`);
  }
  const [own, bare] = [(await Deno.stat(binary)).size, (await Deno.stat(empty)).size];
  printResult(
    `\nThe binary has ${formatBytes(own)}, ${formatBytes(own - bare)} more than the empty program.`,
  );
} finally {
  await Deno.remove(dir, { recursive: true });
}

/** @returns The path of a program that does nothing. */
async function compileEmpty(): Promise<string> {
  const [source, output] = [join(dir, "empty.js"), join(dir, "empty")];
  await Deno.writeTextFile(source, "");
  const flags = ["compile", "--quiet", "--no-check", "--no-config", "--allow-all", "--no-code-cache"];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...flags, "--output", output, source],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return output;
}

/** From start to end of a process, in milliseconds; `undefined` if there is no such program. */
async function timeOf([program = "", ...words]: readonly string[]): Promise<number | undefined> {
  const start = performance.now();
  try {
    const { success } = await new Deno.Command(program, { args: words, stdout: "null", stderr: "null" })
      .spawn().status;
    if (!success) throw new Error(`${program} ${words.join(" ")} failed`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return performance.now() - start;
}
