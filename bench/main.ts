/**
 * This project beside the tools people would use instead, in turn, on one machine, with the same files and links:
 *
 *   deno task bench [upload | download | tcp | udp | tracker | proxy | startup]... [--rounds 5] [--only TEXT]
 *     [--json FILE] [--program PATH] [--dir DIR] [--netlab PATH] [--patience 60]
 *
 * Without names it runs all. `--only` chooses rows whose names hold the text. `--program` is a binary to measure
 * instead of `deno run main.ts`. `--dir` keeps the files that are moved for the next run. `--netlab` (or
 * TRANSFER_NETLAB) is the program that makes long links, see `lab.ts`. docs/performance.md says how to read it.
 */

import { parseArgs } from "@std/cli";
import { fromFileUrl, join, resolve } from "@std/path";
import { printNote, printResult } from "../terminal/output.ts";
import type { Bench, Capability } from "./bench.ts";
import { Missing, type Row } from "./contender.ts";
import { download } from "./download.ts";
import { Sources } from "./files.ts";
import { LOOPBACK, withLink } from "./lab.ts";
import { describeMachine, type Machine, machineText, roomIn } from "./machine.ts";
import { FreeMemory } from "./memory.ts";
import { proxy } from "./proxy.ts";
import { type RowResult, runRow } from "./row.ts";
import { startup } from "./startup.ts";
import { rowData, rowText } from "./table.ts";
import { tcp } from "./tcp.ts";
import { tracker } from "./tracker.ts";
import { udp } from "./udp.ts";
import { upload } from "./upload.ts";

const CAPABILITIES: Readonly<Record<string, Capability>> = {
  upload,
  download,
  tcp,
  udp,
  tracker,
  proxy,
  startup,
};
const STRINGS = ["rounds", "only", "json", "program", "dir", "netlab", "patience"];
const TMPFS = "/dev/shm";
/** What all files of a run, and what arrives of them, take at most. */
const ROOM_BYTES = 16e9;
const ROOT = fromFileUrl(new URL("..", import.meta.url));

interface Options {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly patienceS: number;
  readonly only: string;
  readonly json: string | undefined;
  readonly program: string | undefined;
  readonly dir: string | undefined;
  readonly netlab: string | undefined;
}

/** Ctrl+C: what was started is ended, and what was made is removed. */
class Interrupted extends Error {}

if (import.meta.main) {
  const options = readOptions();
  if (typeof options === "string") {
    printNote(options);
    Deno.exit(2);
  }
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => interrupt.abort(new Interrupted()));
  }
  try {
    await bench(options, interrupt.signal);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    Deno.exit(130);
  }
  // The listeners for signals would keep it.
  Deno.exit(0);
}

/** @returns What is wrong, if something is. */
function readOptions(): Options | string {
  const unknown: string[] = [];
  const args = parseArgs(Deno.args, {
    string: STRINGS,
    unknown: (word: string, key?: string) => key === undefined || unknown.push(word) === 0,
  });
  if (unknown.length > 0) {
    return `There is no flag ${unknown[0]}, but ${STRINGS.map((name) => `--${name}`).join(", ")}`;
  }
  const names = args._.map(String);
  const odd = names.find((name) => CAPABILITIES[name] === undefined);
  if (odd !== undefined) return `There is no ${odd} to measure, but ${Object.keys(CAPABILITIES).join(", ")}`;
  const text = (name: string) => args[name] === undefined ? undefined : String(args[name]);
  const program = text("program");
  const [rounds, patienceS] = [Number(text("rounds") ?? 5), Number(text("patience") ?? 60)];
  if (!(Number.isInteger(rounds) && rounds > 0 && patienceS > 0)) {
    return "--rounds and --patience are numbers above 0";
  }
  return {
    names: names.length === 0 ? Object.keys(CAPABILITIES) : names,
    ...{ rounds, patienceS },
    only: text("only") ?? "",
    json: text("json"),
    program: program === undefined ? undefined : resolve(program),
    dir: text("dir"),
    netlab: text("netlab") ?? Deno.env.get("TRANSFER_NETLAB"),
  };
}

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const scratch = async (parent: string) => {
    const path = await Deno.makeTempDir({ dir: parent, prefix: "transfer-bench-" });
    stack.defer(() => Deno.remove(path, { recursive: true }));
    return path;
  };
  const temporary = Deno.env.get("TMPDIR") ?? "/tmp";
  const parent = options.dir ?? (await roomIn(TMPFS) > ROOM_BYTES ? TMPFS : temporary);
  await Deno.mkdir(parent, { recursive: true });
  const [dir, disk] = [await scratch(parent), await scratch(temporary)];
  const files = options.dir === undefined
    ? join(dir, "files")
    : join(resolve(options.dir), "transfer-bench-files");
  await Deno.mkdir(files, { recursive: true });
  const { program } = options;
  const transfer = program === undefined
    ? [Deno.execPath(), "run", "-A", "--config", join(ROOT, "deno.json"), join(ROOT, "main.ts")]
    : [program];
  const machine = await describeMachine({ program: program ?? "deno run main.ts", dir, disk });
  printResult(`${machineText(machine)}\n`);
  const rows = await runAll(
    { transfer, isBinary: program !== undefined, dir, disk, sources: new Sources(files) },
    { ...options, signal },
  );
  if (options.json !== undefined) await writeJson(options.json, { machine, options, rows });
}

async function runAll(
  bench: Bench,
  options: Options & { readonly signal: AbortSignal },
): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  const memory = new FreeMemory(bench.dir);
  for (const name of options.names) {
    const rows = CAPABILITIES[name]?.(bench) ?? [];
    for (const row of rows.filter((each) => each.name.includes(options.only))) {
      try {
        const result = await runOne(row, { ...options, memory });
        printResult(`${rowText(result)}\n`);
        found.push({ capability: name, ...rowData(result) });
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        printResult(`### ${row.title}\n\nNot run; missing: ${error.message}\n`);
        found.push({ capability: name, name: row.name, title: row.title, missing: error.message });
      }
    }
  }
  return found;
}

async function runOne(
  row: Row,
  options: Options & { readonly memory: FreeMemory; readonly signal: AbortSignal },
): Promise<RowResult> {
  for (const file of row.files) await file.make();
  if (row.link === undefined) return await runRow(row, LOOPBACK, options);
  return await withLink(row.link, options.netlab, (place) => runRow(row, place, options));
}

async function writeJson(
  path: string,
  { machine, options, rows }: {
    readonly machine: Machine;
    readonly options: Options;
    readonly rows: readonly unknown[];
  },
): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify({ machine, options, rows }, undefined, 2)}\n`);
}
