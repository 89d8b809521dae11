/**
 * Builds the binary: `deno task compile` makes `dist/transfer` for this machine, `deno task compile:all` one
 * for each platform, with `dist/SHA256SUMS`. The program is bundled first, so that what is embedded is what is
 * imported, and starting a command means reading a few files instead of hundreds.
 */

import { fromFileUrl, join, toFileUrl } from "@std/path";
import { createHash } from "node:crypto";
import denoJson from "./deno.json" with { type: "json" };
import { formatBytes } from "./terminal/format.ts";
import { printNote, printResult } from "./terminal/output.ts";
import { assets } from "./web/assets.ts";
import { chatAssets } from "./web/chat_assets.ts";

const ROOT = fromFileUrl(new URL(".", import.meta.url));
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;

/** What is exported by the modules of `web/` that embed pages. */
const PAGES = [
  { file: "assets.ts", name: "assets", pages: assets },
  { file: "chat_assets.ts", name: "chatAssets", pages: chatAssets },
] as const;

/** What the person can do something about; printed without a stack. */
class BuildError extends Error {
  override readonly name = "BuildError";
}

/** There is nothing to embed the program in; `.ci/run` tells this apart, by exit code 3. */
class NoRuntimeError extends BuildError {}

/** How a run of Deno ended. */
interface Finished {
  readonly success: boolean;
  readonly stderr: string;
}

async function deno(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdout: "null",
    stderr: "piped",
  }).output();
  return { success, stderr: new TextDecoder().decode(stderr) };
}

/**
 * Makes the modules that embed the pages anew, with the types erased of what the pages share with the command
 * line: the binary needs nothing to do that with, and no time for it when it starts.
 *
 * @returns The configuration of a program that has them instead.
 */
async function embedPages(stage: string): Promise<string> {
  const replaced: Record<string, string> = {};
  for (const { file, name, pages } of PAGES) {
    const url = toFileUrl(join(stage, file));
    await Deno.writeTextFile(url, `export const ${name} = new Map(${JSON.stringify([...pages])});\n`);
    replaced[toFileUrl(join(ROOT, "web", file)).href] = url.href;
  }
  const config = join(stage, "deno.json");
  const { unstable, imports, nodeModulesDir } = denoJson;
  const settings = { unstable, nodeModulesDir, imports: { ...imports, ...replaced } };
  await Deno.writeTextFile(config, JSON.stringify(settings));
  return config;
}

/** Puts the program into a directory: `main.js`, a file for each command, and what several of them share. */
async function bundle(stage: string): Promise<void> {
  const common = [
    "bundle",
    "--quiet",
    "--config",
    await embedPages(stage),
    "--lock",
    "deno.lock",
    "--frozen",
  ];
  const main = ["--code-splitting", "--outdir", join(stage, "out"), "main.ts"];
  // Workers are found beside the file that starts them, under their own name.
  const worker = ["--output", join(stage, "out", "digest_worker.ts"), join("store", "digest_worker.ts")];
  for (const args of [main, worker]) {
    const { success, stderr } = await deno([...common, ...args]);
    if (!success) throw new BuildError(`The program could not be bundled:\n${stderr}`);
  }
}

async function compile(
  stage: string,
  { output, target, runtime }: {
    readonly output: string;
    readonly target: string;
    /** The file to embed; without one Deno fetches it. */
    readonly runtime: string | undefined;
  },
): Promise<void> {
  const { success, stderr } = await deno([
    "compile",
    "--quiet",
    "--no-check",
    "--no-config",
    "--no-lock",
    "--allow-all",
    "--unstable-net",
    // For net/old_garbage.ts.
    "--v8-flags=--expose-gc",
    // It would be kept where others may write.
    "--no-code-cache",
    "--target",
    target,
    "--include",
    join(stage, "out", "digest_worker.ts"),
    "--output",
    output,
    join(stage, "out", "main.js"),
  ], runtime === undefined ? {} : { DENORT_BIN: runtime });
  if (!success) throw failure(stderr, { target, runtime });
}

/** What Deno's complaint means; when it could not fetch the runtime, with what to do then. */
export function failure(
  stderr: string,
  { target, runtime }: { readonly target: string; readonly runtime: string | undefined },
): Error {
  const url = /https:\/\/dl\.deno\.land\/[^\s)]+/.exec(stderr)?.[0];
  if (url === undefined) {
    const which = runtime === undefined ? "" : ` with the runtime ${runtime} (DENORT_BIN)`;
    return new BuildError(`${target} could not be compiled${which}:\n${stderr}`);
  }
  return new NoRuntimeError([
    `Deno's download site can't be reached for the runtime that goes into the binary:`,
    `  ${url}`,
    `Unpack that archive on a machine that reaches it, and set DENORT_BIN to the file in it; for`,
    `compile:all to a directory with one for each target, named as the archives are without ".zip".`,
  ].join("\n"));
}

/** `DENORT_BIN`, or the file for a target in the directory that it names. */
async function runtimeFor(target: string, { isForAll }: { readonly isForAll: boolean }): Promise<
  string | undefined
> {
  const path = Deno.env.get("DENORT_BIN");
  if (path === undefined || path === "") return undefined;
  let found: Deno.FileInfo;
  try {
    found = await Deno.stat(path);
  } catch (error) {
    throw new BuildError(`DENORT_BIN: there is no ${path}`, { cause: error });
  }
  if (found.isDirectory) return join(path, `denort-${target}`);
  if (!isForAll) return path;
  throw new BuildError(
    `DENORT_BIN names one runtime (${path}); for all targets it has to be a directory with a file for each:` +
      TARGETS.map((each) => `\n  denort-${each}`).join(""),
  );
}

/** A runtime of another version embeds without complaint, and then does not start. */
async function tryOut(binary: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(binary, { args: ["--version"] }).output();
  const text = new TextDecoder();
  if (success && text.decode(stdout).trim() === `transfer ${denoJson.version}`) return;
  const said = text.decode(stderr).trim();
  await Deno.remove(binary);
  throw new BuildError(
    `${binary} does not start; is DENORT_BIN the runtime of Deno ${Deno.version.deno}?\n${said}`,
  );
}

async function build(dist: string, { isForAll }: { readonly isForAll: boolean }): Promise<void> {
  await Deno.mkdir(dist, { recursive: true });
  const stage = await Deno.makeTempDir({ prefix: "transfer-build-" });
  try {
    const targets = isForAll ? TARGETS : [Deno.build.target];
    const runtimes = await Promise.all(targets.map((target) => runtimeFor(target, { isForAll })));
    await bundle(stage);
    const sums: string[] = [];
    for (const [i, target] of targets.entries()) {
      const name = `transfer${isForAll ? `-${target}` : ""}${target.includes("windows") ? ".exe" : ""}`;
      const output = join(dist, name);
      await compile(stage, { output, target, runtime: runtimes[i] });
      if (target === Deno.build.target) await tryOut(output);
      const bytes = await Deno.readFile(output);
      sums.push(`${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`);
      printResult(`${output}  ${formatBytes(bytes.length)}`);
    }
    if (isForAll) await Deno.writeTextFile(join(dist, "SHA256SUMS"), sums.join(""));
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

if (import.meta.main) {
  try {
    const [dist = join(ROOT, "dist")] = Deno.args.filter((arg) => arg !== "--all");
    await build(dist, { isForAll: Deno.args.includes("--all") });
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    printNote(error.message);
    Deno.exit(error instanceof NoRuntimeError ? 3 : 1);
  }
}
