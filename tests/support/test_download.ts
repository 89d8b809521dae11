import { startDownload } from "../../protocols/http_ranges/download.ts";
import type {
  DownloadOptions,
  DownloadState,
  RunningDownload,
} from "../../protocols/http_ranges/running_download.ts";
import { filesBelow } from "./bytes.ts";

/** Options of downloads in tests: small pieces, so that a small file has many. */
export function testOptions(url: string, directory: string): DownloadOptions {
  return {
    sources: [url],
    directory,
    threads: 4,
    perHost: 16,
    blockBytes: 256 * 1024,
    retries: 2,
    timeoutMs: 2_000,
    headers: [],
    insecure: false,
    resume: true,
    overwrite: false,
  };
}

/** What a download came to. */
export interface Outcome {
  readonly state: DownloadState;
  /** All files in the directory, and what the one that was asked for holds. */
  readonly files: readonly string[];
  readonly bytes: Uint8Array | undefined;
  readonly problems: RunningDownload["problems"];
}

/** Downloads to the end. */
export async function download(
  url: string,
  directory: string,
  options: Partial<DownloadOptions> = {},
): Promise<Outcome> {
  const running = startDownload({ ...testOptions(url, directory), ...options });
  await running.ended;
  const { state, problems } = running;
  return {
    state,
    problems,
    files: await filesBelow(directory),
    bytes: state.kind === "done" ? await Deno.readFile(state.path) : undefined,
  };
}
