/** What a run ran on: without this its figures say little. */

import { isInstalled } from "./processes.ts";

/** A program, the words that make it tell its version, and where in that it stands. */
const VERSIONS: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["node", ["--version"], /v([\d.]+)/],
  ["curl", ["--version"], /curl ([\d.]+)/],
  ["nginx", ["-v"], /nginx\/([\d.]+)/],
  ["rclone", ["version"], /rclone v([\w.-]+)/],
  ["aria2c", ["--version"], /version ([\d.]+)/],
  ["axel", ["--version"], /Axel ([\d.]+)/],
  ["wget2", ["--version"], /Wget2 ([\d.]+)/],
  ["lftp", ["--version"], /Version ([\d.]+)/],
  ["rsync", ["--version"], /version ([\d.]+)/],
  ["iperf3", ["--version"], /iperf ([\d.]+)/],
  ["atftp", ["--version"], /atftp-?([\d.]+)/],
  ["uftp", ["-V"], /UFTP version ([\d.]+)/i],
  ["redis-server", ["--version"], /v=([\d.]+)/],
  ["wrk", ["-v"], /wrk (?:debian\/)?([\w.-]+)/],
];
/** These don't tell: their packages do. */
const PACKAGED: Readonly<Record<string, string>> = {
  gtlsclient: "ngtcp2-client",
  gtlsserver: "ngtcp2-server",
  uftp: "uftp",
  atftp: "atftp",
  wrk: "wrk",
};
const TUS = new URL("tus/package.json", import.meta.url);

/** A machine and what is installed on it. */
export interface Machine {
  readonly date: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGb: number;
  readonly kernel: string;
  /** Of TCP, where a program asks for no other. */
  readonly congestion: string;
  /** Runnable processes on average, over 1, 5 and 15 minutes, at the start. */
  readonly load: readonly number[];
  readonly deno: string;
  readonly program: string;
  readonly dir: string;
  readonly fileSystem: string;
  readonly disk: string;
  readonly diskFileSystem: string;
  /** Versions by name; `missing` where there is none. */
  readonly peers: Readonly<Record<string, string>>;
}

/** Looks at this machine. */
export async function describeMachine(
  { program, dir, disk }: { readonly program: string; readonly dir: string; readonly disk: string },
): Promise<Machine> {
  const peers: Record<string, string> = {};
  for (const [name, words, pattern] of VERSIONS) peers[name] = await versionOf([name, ...words], pattern);
  for (const name of ["gtlsclient", "gtlsserver"]) peers[name] = await versionOf([name], /$^/);
  Object.assign(peers, JSON.parse(await Deno.readTextFile(TUS)).dependencies);
  const cpu = await textOf("/proc/cpuinfo");
  return {
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
    processor: /model name\s*: (.*)/.exec(cpu)?.[1] ?? Deno.build.arch,
    processors: navigator.hardwareConcurrency,
    memoryGb: Deno.systemMemoryInfo().total / 1e9,
    kernel: `${Deno.build.os} ${Deno.osRelease()}`,
    congestion: (await textOf("/proc/sys/net/ipv4/tcp_congestion_control")).trim(),
    load: Deno.loadavg(),
    deno: Deno.version.deno,
    ...{ program, dir, disk },
    fileSystem: await fileSystemOf(dir),
    diskFileSystem: await fileSystemOf(disk),
    peers,
  };
}

/** As a list in Markdown. */
export function machineText(machine: Machine): string {
  const { processor, processors, memoryGb, kernel, congestion, load, peers } = machine;
  return [
    `- ${machine.date} UTC, ${processors} × ${processor}, ${
      memoryGb.toFixed(0)
    } GB, ${kernel}, TCP ${congestion}`,
    `- load at the start: ${load.map((value) => value.toFixed(1)).join(", ")}`,
    `- Deno ${machine.deno}, program: ${machine.program}`,
    `- files on ${machine.fileSystem} (${machine.dir}), databases on ${machine.diskFileSystem} (${machine.disk})`,
    `- ${Object.entries(peers).map(([name, version]) => `${name} ${version}`).join(", ")}`,
  ].join("\n");
}

/** The type of the file system that a directory is on. */
async function fileSystemOf(dir: string): Promise<string> {
  const { stdout } = await new Deno.Command("stat", { args: ["-f", "-c", "%T", dir], stderr: "null" })
    .output();
  return new TextDecoder().decode(stdout).trim();
}

/** Bytes that a directory's file system has room for. */
export async function roomIn(dir: string): Promise<number> {
  const { stdout } = await new Deno.Command("stat", { args: ["-f", "-c", "%a %S", dir], stderr: "null" })
    .output();
  const [blocks = 0, size = 0] = new TextDecoder().decode(stdout).trim().split(" ").map(Number);
  return blocks * size;
}

async function versionOf([program = "", ...args]: readonly string[], pattern: RegExp): Promise<string> {
  if (!isInstalled(program)) return "missing";
  const told = pattern.exec(await outputOf(program, args))?.[1];
  if (told !== undefined) return told;
  const packaged = PACKAGED[program];
  if (packaged === undefined || !isInstalled("dpkg-query")) return "of unknown version";
  return (await outputOf("dpkg-query", ["-W", "-f", "${Version}", packaged])).trim() || "of unknown version";
}

async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

async function textOf(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}
