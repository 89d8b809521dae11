/** One download by `transfer` or by aria2c, as a process of its own from start to end, and nginx to ask. */

import { join } from "@std/path";
import { printNote } from "../terminal/output.ts";
import { digestOf, peakUntilEnd } from "./measure.ts";

/** Where programs run: nothing, or words that come before them, such as `ip netns exec NAME`. */
export type Prefix = readonly string[];

/** A file to download, and how. */
export interface Task {
  readonly url: string;
  /** Hexadecimal. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly connections: number;
  /** Where to, for the time of the download. */
  readonly dir: string;
  readonly prefix: Prefix;
}

/** One measured download. */
export interface DownloadRound {
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** Peak memory in MB: the kernel's own high-water mark (VmHWM). */
  readonly peakMb: number;
}

/** Downloads with `transfer fetch-ranges`, or another command of the same flags, SHA-256 included. */
export function transferDownload(command: readonly string[], task: Task): Promise<DownloadRound> {
  return round(task, (dir) => {
    const flags = ["--threads", String(task.connections), "--out", `${dir}/`, "--quiet"];
    return [...command, "fetch-ranges", task.url, ...flags];
  });
}

/** Downloads with aria2c, which computes no digest. */
export function ariaDownload(task: Task): Promise<DownloadRound> {
  const { connections, url } = task;
  return round(task, (dir) => [
    ...["aria2c", "--quiet", "--no-conf", `--dir=${dir}`],
    ...[`-x${connections}`, `-s${connections}`, "-k1M", "--file-allocation=none", url],
  ]);
}

async function round(task: Task, command: (dir: string) => readonly string[]): Promise<DownloadRound> {
  return await timedRun({
    dir: task.dir,
    command: (dir) => [...task.prefix, ...command(dir)],
    check: (dir) => checkFile(dir, task),
  });
}

/** Runs a program into a directory of its own, from its start to its end, and checks what it has put there. */
export async function timedRun(
  { dir: parent, command, check }: {
    /** Where the directory is made, for the time of the run. */
    readonly dir: string;
    readonly command: (dir: string) => readonly string[];
    /** @throws {Error} It is not what it should be. */
    readonly check: (dir: string) => Promise<void>;
  },
): Promise<DownloadRound> {
  const dir = await Deno.makeTempDir({ dir: parent, prefix: "transfer-bench-" });
  try {
    const [program = "", ...args] = command(dir);
    const startedMs = performance.now();
    const child = new Deno.Command(program, { args, stdout: "null", stderr: "piped", stdin: "null" }).spawn();
    const errors = new Response(child.stderr).text();
    const peak = peakUntilEnd(child);
    const { code } = await child.status;
    const seconds = (performance.now() - startedMs) / 1000;
    if (code !== 0) throw new Error(`${program} failed (${code}): ${await errors}`);
    await check(dir);
    return { seconds, peakMb: await peak };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function checkFile(dir: string, { sha256 }: Task): Promise<void> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(dir)) names.push(name);
  const [name] = names;
  if (name === undefined || names.length !== 1) throw new Error(`Not one file came, but ${names.join(", ")}`);
  if (await digestOf(join(dir, name)) !== sha256) throw new Error(`${name} is not the file`);
}

/** A running nginx. */
export interface Nginx extends AsyncDisposable {
  readonly origin: string;
}

/** Starts nginx over a directory, with `/limited/` giving each connection so many bytes a second. */
export async function startNginx(
  { root, address, port, limitRate, prefix }: {
    readonly root: string;
    readonly address: string;
    readonly port: number;
    readonly limitRate: number;
    readonly prefix: Prefix;
  },
): Promise<Nginx> {
  const state = await Deno.makeTempDir({ prefix: "transfer-bench-nginx-" });
  const bodies = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
    `${name}_temp_path ${state}/${name};`
  );
  const config = `daemon off; worker_processes 2; pid ${state}/pid; error_log ${state}/error.log;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; ${bodies.join(" ")}
  server {
    listen ${address}:${port};
    root ${root};
    location /limited/ { alias ${root}/; limit_rate ${limitRate}; }
  }
}
`;
  await Deno.writeTextFile(join(state, "nginx.conf"), config);
  const [program = "", ...args] = [
    ...prefix,
    "nginx",
    "-e",
    `${state}/error.log`,
    "-c",
    `${state}/nginx.conf`,
  ];
  const child = new Deno.Command(program, { args, stdout: "null", stderr: "null", stdin: "null" }).spawn();
  const end = async () => {
    child.kill("SIGTERM");
    await child.status;
    await Deno.remove(state, { recursive: true });
  };
  // The process that listens writes this file when it does.
  for (let tries = 0; !(await Deno.stat(join(state, "pid")).catch(() => undefined))?.size; tries++) {
    if (tries === 50) {
      printNote(await Deno.readTextFile(join(state, "error.log")).catch(() => ""));
      await end();
      throw new Error("nginx did not start");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { origin: `http://${address}:${port}`, [Symbol.asyncDispose]: end };
}
