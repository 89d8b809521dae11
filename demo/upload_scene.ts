import { join } from "@std/path";
import { formatBytes } from "../terminal/format.ts";
import { partReached } from "../tests/support/claimed.ts";
import { slowLink } from "../tests/support/slow_link.ts";
import { hasDigest } from "./sample_file.ts";
import { type Outcome, type Stage, tell } from "./stage.ts";

/** A file is sent over a slow link; sender and server end half-way, and both go on without the link. */
export async function uploadScene({ dir, processes, file }: Stage): Promise<Outcome> {
  const uploads = join(dir, "uploads");
  await Deno.mkdir(uploads);
  const serve = (port: number) =>
    processes.serve([
      "ws-serve",
      "--dir",
      uploads,
      "--downloads-dir",
      join(dir, "files"),
      "--port",
      `${port}`,
    ]);
  const upload = (port: number) => ["upload", file.path, "--ws", `ws://127.0.0.1:${port}/ws`];

  const first = await serve(0);
  let killedAt: number;
  let port: number;
  {
    await using link = slowLink(first.port);
    // 64 KiB every 2 ms: 30 MB/s.
    link.delayMs = 2;
    port = Number(new URL(link.ws).port);
    killedAt = await processes.kill(upload(port), (signal) => partReached(uploads, file.bytes / 4, signal));
  }
  tell(`upload ${file.name}`, `killed (SIGKILL) at ${formatBytes(killedAt)}`);
  await first.end("SIGTERM");
  // Where the link was, so that the same command reaches it.
  await serve(port);
  tell("ws-serve", "stopped and started again");

  const { bytes, seconds, path } = await processes.finish(upload(port));
  tell(`upload ${file.name}`, `went on at ${formatBytes(file.bytes - bytes)}`);
  return {
    protocol: "WebSocket upload",
    bytes: file.bytes,
    resumedBytes: bytes,
    seconds,
    isVerified: file.bytes - bytes >= killedAt && await hasDigest(path, file.sha256),
    server: ["ws-serve, page in a browser", `http://localhost:${port}/`],
  };
}
