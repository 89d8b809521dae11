/**
 * All five protocols, end to end, on one machine: `deno task demo`. Each moves a real file, or messages, is
 * interrupted once and goes on; what arrived is compared by digest. Exit code 0 only if all are equal.
 * However it ends, no program and no file is left behind. `--keep` leaves the servers running until Ctrl+C.
 */

import { join } from "@std/path";
import { chatScene } from "./demo/chat_scene.ts";
import { downloadScene, tcpScene, udpScene } from "./demo/fetch_scenes.ts";
import { outcomeTable } from "./demo/outcome_table.ts";
import { Processes } from "./demo/processes.ts";
import { sampleFile } from "./demo/sample_file.ts";
import type { Outcome, Stage } from "./demo/stage.ts";
import { uploadScene } from "./demo/upload_scene.ts";
import { formatBytes } from "./terminal/format.ts";
import { printNote, printResult } from "./terminal/output.ts";

const FILE_BYTES = 128 * 1024 * 1024;
/** Nothing here takes this long; a demo that hangs is worse than one that fails. */
const LIMIT_MS = 120_000;
const INTERRUPTED = "Interrupted";

async function play(stage: Stage): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const scene = async (title: string, playing: () => Promise<Outcome>) => {
    printResult(`\n${title}`);
    outcomes.push(await playing());
  };
  await scene("Upload over WebSocket", () => uploadScene(stage));
  const origin = outcomes[0]?.server[1] ?? "";
  await scene("Download over HTTP, of what was uploaded", () => downloadScene(stage, origin));
  await scene("Files over TCP", () => tcpScene(stage));
  await scene("Files over UDP", () => udpScene(stage));
  await scene("Messages through a tracker", () => chatScene(stage));
  return outcomes;
}

/** Plays everything in a directory. @returns Whether all that arrived is what was sent. */
async function demo(
  dir: string,
  { stop, keep }: { readonly stop: AbortController; readonly keep: boolean },
): Promise<boolean> {
  await using processes = new Processes({ stateDir: join(dir, "state"), signal: stop.signal });
  const limit = setTimeout(() => stop.abort(new Error(`Not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  let outcomes: readonly Outcome[];
  try {
    const folder = join(dir, "resources");
    await Deno.mkdir(folder);
    const file = await sampleFile(folder, "film.mkv", FILE_BYTES);
    printResult(`Moves ${file.name}, ${formatBytes(file.bytes)} of random bytes, on this machine.`);
    outcomes = await play({ dir, processes, file });
  } finally {
    clearTimeout(limit);
  }
  printResult(["", ...outcomeTable(outcomes)].join("\n"));
  printResult("\nSeconds and MB/s are of what was moved after the interruption.");
  if (keep) await keepRunning(outcomes, stop.signal);
  return outcomes.every(({ isVerified }) => isVerified);
}

async function keepRunning(outcomes: readonly Outcome[], signal: AbortSignal): Promise<void> {
  const servers = outcomes.map(({ server: [what, address] }) => `  ${what.padEnd(28)} ${address}`);
  printResult(["", "The servers run until Ctrl+C:", ...servers].join("\n"));
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
}

/** @returns The exit code. */
async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== "--keep");
  if (unknown !== undefined) {
    printNote(`Unknown argument: ${unknown}\nUsage: deno task demo [--keep]`);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    if (signal !== "SIGINT" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => stop.abort(INTERRUPTED));
  }
  const dir = await Deno.makeTempDir({ prefix: "transfer-demo-" });
  try {
    const isEqual = await demo(dir, { stop, keep: args.includes("--keep") });
    printResult(isEqual ? "All equal, nothing is left behind." : "NOT equal; nothing is left behind.");
    return isEqual ? 0 : 1;
  } catch (error) {
    // Whatever fails once the programs were killed fails because of that.
    const reason = stop.signal.aborted ? stop.signal.reason : error;
    if (reason === INTERRUPTED) {
      printNote("Interrupted; nothing is left behind.");
      return 130;
    }
    printNote(`FAILED: ${reason instanceof Error ? reason.message : reason}`);
    return 1;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.exit(await main(Deno.args));
