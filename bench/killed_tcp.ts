/**
 * Kills `transfer tcp-get` or its server with SIGKILL at random moments, runs the same command again (the
 * client) or starts it anew on its port (the server), and compares all that came:
 *
 *   deno run -A bench/killed_tcp.ts [--kills 50] [--size 32M]
 *
 * The tests do a short form.
 */

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { randomFillSync } from "node:crypto";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { filesBelow, sha256 } from "../tests/support/bytes.ts";
import { finished, type ServingProcess, startTcpServer, startTransfer } from "../tests/support/program.ts";

/** What is not killed would take about so long: kills hit all of it, its start and its end too. */
const RUN_MS = 2_500;
/** Small files beside the large one, of 16 KiB. */
const SMALL = 400;

const args = parseArgs(Deno.args, { string: ["size", "kills"] });
const size = byteSize(String(args.size ?? "32M"));
const kills = Number(args.kills ?? 50);
const root = await Deno.makeTempDir({ prefix: "transfer-bench-" });
const [served, dir] = [join(root, "served"), join(root, "data")];
const rate = String(Math.floor((size + SMALL * 16_384) * 1000 / RUN_MS));
const killed = { client: 0, server: 0 };
let [sets, exact] = [0, 0];
let server: ServingProcess | undefined;
try {
  const expected = await makeSource();
  server = await startTcpServer(served, { flags: ["--max-rate", rate] });
  const { port } = server;
  while (killed.client + killed.server < kills) {
    if (!await fetchOnce(port)) continue;
    sets++;
    const isExact = await isWhole(expected);
    if (isExact) exact++;
    const state = isExact ? "byte-exact" : `DIFFERENT (${(await filesBelow(dir)).slice(0, 20).join(", ")})`;
    printResult(
      `set ${sets}, kills so far ${killed.client} of clients, ${killed.server} of servers: ${state}`,
    );
    await Deno.remove(dir, { recursive: true });
  }
} finally {
  await server?.end("SIGKILL");
  await Deno.remove(root, { recursive: true });
}
printResult(`${killed.client + killed.server} kills, ${exact} of ${sets} sets byte-exact`);
Deno.exit(exact === sets ? 0 : 1);

/** Makes what is served. @returns The digest of each file by its path. */
async function makeSource(): Promise<ReadonlyMap<string, string>> {
  await Deno.mkdir(join(served, "many"), { recursive: true });
  const expected = new Map<string, string>();
  const make = async (path: string, bytes: number) => {
    const content = randomFillSync(new Uint8Array(bytes));
    await Deno.writeFile(join(served, path), content);
    expected.set(path, sha256(content));
  };
  await make("data.bin", size);
  for (let index = 0; index < SMALL; index++) await make(`many/${index}.bin`, 16_384);
  return expected;
}

/** Runs the client once, and kills one of the two meanwhile if it takes long enough. @returns Whether it ended well. */
async function fetchOnce(port: number): Promise<boolean> {
  const child = startTransfer(["tcp-get", `127.0.0.1:${port}`, "--all", "--out", dir, "--json", "--quiet"]);
  let victim: "client" | "server" | undefined;
  let restarting = Promise.resolve();
  const timer = setTimeout(() => {
    victim = Math.random() < 0.5 ? "client" : "server";
    killed[victim]++;
    if (victim === "client") child.kill("SIGKILL");
    else restarting = restart(port);
  }, Math.random() * RUN_MS);
  const { code, stderr } = await finished(child);
  clearTimeout(timer);
  await restarting;
  // A server that is killed before it has answered at all ends the command, which is then run again.
  if (code !== 0 && victim === undefined) throw new Error(stderr);
  return code === 0;
}

async function restart(port: number): Promise<void> {
  await server?.end("SIGKILL");
  server = await startTcpServer(served, { port, flags: ["--max-rate", rate] });
}

/** Whether all files are there, as they should be, and nothing beside them. */
async function isWhole(expected: ReadonlyMap<string, string>): Promise<boolean> {
  const found = await filesBelow(dir);
  if (found.length !== expected.size) return false;
  for (const path of found) {
    if (sha256(await Deno.readFile(join(dir, path))) !== expected.get(path)) return false;
  }
  return true;
}
