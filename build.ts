/**
 * Builds the binary: `deno task compile` makes `dist/transfer` for this machine, `deno task compile:all` one
 * for each platform, with `dist/SHA256SUMS`. The program is bundled first, so that what is embedded is what is
 * imported, and starting a command means reading a few files instead of hundreds.
 */

import { fromFileUrl, join, resolve, toFileUrl } from "@std/path";
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

/** The digests of all binaries, as `sha256sum --check` reads them. */
const SUMS = "SHA256SUMS";

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

/** Where things are made before they get their place, and what ends that early. */
interface Workshop {
  /** A directory of its own in the one that the binaries go to, so that these need only be renamed. */
  readonly stage: string;
  readonly signal: AbortSignal;
}

async function deno(
  args: readonly string[],
  { signal, env = {} }: { readonly signal: AbortSignal; readonly env?: Readonly<Record<string, string>> },
): Promise<Finished> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdout: "null",
    stderr: "piped",
    signal,
  }).output();
  signal.throwIfAborted();
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
async function bundle({ stage, signal }: Workshop): Promise<void> {
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
    const { success, stderr } = await deno([...common, ...args], { signal });
    if (!success) throw new BuildError(`The program could not be bundled:\n${stderr}`);
  }
}

/** A binary that was made. */
interface Binary {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

async function compile(
  { stage, signal }: Workshop,
  { name, target, runtime }: {
    readonly name: string;
    readonly target: string;
    /** The file to embed; without one Deno fetches it. */
    readonly runtime: string | undefined;
  },
): Promise<Binary> {
  const output = join(stage, name);
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
  ], { signal, env: runtime === undefined ? {} : { DENORT_BIN: runtime } });
  if (!success) throw failure(stderr, { target, runtime });
  if (target === Deno.build.target) await tryOut(output);
  const bytes = await Deno.readFile(output);
  return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
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
  const said = await versionOf(binary).catch(String);
  if (said.trim() === `transfer ${denoJson.version}`) return;
  throw new BuildError(
    `What was compiled does not start; is DENORT_BIN the runtime of Deno ${Deno.version.deno}?\n${said.trim()}`,
  );
}

async function versionOf(binary: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(binary, { args: ["--version"] }).output();
  const text = new TextDecoder();
  return text.decode(stdout) + text.decode(stderr);
}

/** All binaries that were wanted, or none: what is there already stays until they are all made. */
async function build(
  dist: string,
  { isForAll, signal }: { readonly isForAll: boolean; readonly signal: AbortSignal },
): Promise<void> {
  await Deno.mkdir(dist, { recursive: true });
  const stage = await Deno.makeTempDir({ dir: dist, prefix: ".build-" });
  try {
    const targets = isForAll ? TARGETS : [Deno.build.target];
    const runtimes = await Promise.all(targets.map((target) => runtimeFor(target, { isForAll })));
    await bundle({ stage, signal });
    const binaries: Binary[] = [];
    for (const [i, target] of targets.entries()) {
      const name = `transfer${isForAll ? `-${target}` : ""}${target.includes("windows") ? ".exe" : ""}`;
      binaries.push(await compile({ stage, signal }, { name, target, runtime: runtimes[i] }));
    }
    if (isForAll) {
      const sums = binaries.map(({ sha256, name }) => `${sha256}  ${name}\n`).join("");
      await Deno.writeTextFile(join(stage, SUMS), sums);
      // Meanwhile there is none, rather than one of other binaries.
      await Deno.remove(join(dist, SUMS)).catch(() => {});
    }
    for (const { name, bytes } of binaries) {
      await Deno.rename(join(stage, name), join(dist, name));
      printResult(`${join(dist, name)}  ${formatBytes(bytes)}`);
    }
    if (isForAll) await Deno.rename(join(stage, SUMS), join(dist, SUMS));
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

if (import.meta.main) {
  const interrupted = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupted.abort());
  try {
    const [dist = join(ROOT, "dist")] = Deno.args.filter((arg) => arg !== "--all");
    await build(resolve(dist), { isForAll: Deno.args.includes("--all"), signal: interrupted.signal });
    Deno.exit(0);
  } catch (error) {
    if (interrupted.signal.aborted) Deno.exit(130);
    if (!(error instanceof BuildError)) throw error;
    printNote(error.message);
    Deno.exit(error instanceof NoRuntimeError ? 3 : 1);
  }
}
