/** A file is fetched in each of three ways: killed, and the same command again. */

import { join } from "@std/path";
import { formatBytes } from "../terminal/format.ts";
import { claimed } from "../tests/support/claimed.ts";
import type { Serving } from "./processes.ts";
import { hasDigest } from "./sample_file.ts";
import { type Outcome, type Stage, tell } from "./stage.ts";

/** Slow enough to be interrupted on any machine; without it all is there in a moment. */
const SLOWLY = ["--max-rate", "30M"];

/** From the server of uploads, over HTTP. */
export async function downloadScene(stage: Stage, origin: string): Promise<Outcome> {
  const { file } = stage;
  const out = join(stage.dir, "downloads");
  const args = ["fetch-ranges", `${origin}files/${file.name}`, "--out", `${out}/`];
  const fetched = await interrupted(stage, { out, slowly: [...args, ...SLOWLY], args });
  return { protocol: "HTTP ranges", ...fetched, server: ["its queue of downloads", `${origin}downloads`] };
}

/** From a server over TCP, which ends half-way, too. */
export async function tcpScene(stage: Stage): Promise<Outcome> {
  const { processes, file } = stage;
  const out = join(stage.dir, "tcp");
  const serve = (port: number, ...flags: readonly string[]) =>
    processes.serve([...served("tcp-serve", stage), "--port", `${port}`, ...flags]);
  const slow = await serve(0, ...SLOWLY);
  const { port } = slow;
  const args = ["tcp-get", `127.0.0.1:${port}`, file.name, "--out", out];
  const restart = async () => {
    await slow.end("SIGKILL");
    await serve(port);
    tell("tcp-serve", "killed (SIGKILL) and started again");
  };
  const fetched = await interrupted(stage, { out, slowly: args, args, between: restart });
  const server = ["tcp-serve", `transfer tcp-get 127.0.0.1:${port} --list`] as const;
  return { protocol: "TCP files", ...fetched, server };
}

/** From a server over UDP. */
export async function udpScene(stage: Stage): Promise<Outcome> {
  const out = join(stage.dir, "udp");
  const { port }: Serving = await stage.processes.serve([...served("udp-serve", stage), "--port", "0"]);
  const args = ["udp-get", `127.0.0.1:${port}`, stage.file.name, "--out", out];
  const fetched = await interrupted(stage, { out, slowly: [...args, ...SLOWLY], args });
  const server = ["udp-serve", `transfer udp-get 127.0.0.1:${port} --list`] as const;
  return { protocol: "UDP files", ...fetched, server };
}

function served(command: string, { dir, file }: Stage): readonly string[] {
  return [command, file.dir, "--list", join(dir, `${command}.txt`)];
}

/** Kills a command when a quarter has been written down as received, and runs it again to its end. */
async function interrupted(
  { processes, file }: Stage,
  { out, slowly, args, between }: {
    /** Where the file goes. */
    readonly out: string;
    readonly slowly: readonly string[];
    readonly args: readonly string[];
    readonly between?: () => Promise<void>;
  },
): Promise<Pick<Outcome, "bytes" | "resumedBytes" | "seconds" | "isVerified">> {
  const what = `${args[0]} ${file.name}`;
  await Deno.mkdir(out);
  const killedAt = await processes.kill(slowly, (signal) => claimed(out, file.bytes / 4, signal));
  tell(what, `killed (SIGKILL) at ${formatBytes(killedAt)}`);
  await between?.();
  const { bytes, seconds, path } = await processes.finish(args);
  tell(what, `went on at ${formatBytes(file.bytes - bytes)}`);
  const isEqual = await hasDigest(path, file.sha256);
  // Room for the next.
  await Deno.remove(out, { recursive: true });
  return {
    bytes: file.bytes,
    resumedBytes: bytes,
    seconds,
    isVerified: isEqual && file.bytes - bytes >= killedAt,
  };
}
