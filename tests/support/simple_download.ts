import { basename, join } from "@std/path";
import { createHash } from "node:crypto";
import type { QueueItem } from "../../protocols/http_ranges/queue_item.ts";
import type { DownloadState, RunningDownload } from "../../protocols/http_ranges/running_download.ts";

/**
 * The least that a download can be: one stream, continued by `Range` where it stopped. It stands in for
 * the real one where a test is about the queue.
 */
export function simpleDownload(item: QueueItem, directory: string): RunningDownload {
  const { key, name: wanted } = item.request;
  const name = wanted ?? decodeURIComponent(basename(new URL(key).pathname));
  const path = join(directory, name);
  const abort = new AbortController();
  let state: DownloadState = { kind: "probing" };
  let size: number | undefined;
  let received = 0;

  const run = async (): Promise<DownloadState> => {
    using file = await Deno.open(`${path}.part`, { create: true, write: true });
    received = await file.seek(0, Deno.SeekMode.End);
    const response = await fetch(key, {
      headers: received === 0 ? {} : { Range: `bytes=${received}-` },
      signal: abort.signal,
    });
    if (!response.ok) {
      await response.body?.cancel();
      return { kind: "failed", reason: `The server answered ${response.status}`, isCorrupt: false };
    }
    size = received + Number(response.headers.get("content-length"));
    state = { kind: "loading" };
    for await (const bytes of response.body ?? []) {
      await file.write(bytes);
      received += bytes.length;
    }
    await Deno.rename(`${path}.part`, path);
    return { kind: "done", path, bytes: received, fetchedBytes: received, seconds: 1, ...await digest(path) };
  };
  const ended = run().catch((error: unknown): DownloadState => {
    if (abort.signal.aborted) return { kind: "cancelled", kept: true };
    return { kind: "failed", reason: String(error), isCorrupt: false };
  }).then((end) => void (state = end));
  return {
    get state() {
      return state;
    },
    url: key,
    name,
    get size() {
      return size;
    },
    get received() {
      return received;
    },
    get connections() {
      if (state.kind !== "loading") return [];
      return [{ lane: 0, source: 0, from: 0, at: received, to: size, bytesPerSecond: 1 }];
    },
    get finished() {
      return received === 0 ? [] : [{ from: 0, to: received }];
    },
    problems: [],
    note: undefined,
    pause: () => {},
    resume: () => {},
    cancel: () => abort.abort(),
    ended,
  };
}

async function digest(path: string): Promise<{ readonly sha256: string }> {
  return { sha256: createHash("sha256").update(await Deno.readFile(path)).digest("hex") };
}
