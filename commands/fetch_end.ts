import type { RunningDownload } from "../protocols/http_ranges/running_download.ts";
import type { FileEndEvent } from "./event_schemas.ts";

/** How a download that has ended did. */
export function fetchEnd(
  { url, state, received }: Pick<RunningDownload, "url" | "state" | "received">,
): FileEndEvent {
  switch (state.kind) {
    case "done": {
      const { path, bytes, fetchedBytes, seconds, sha256 } = state;
      return { event: "done", file: url, path, bytes, transferredBytes: fetchedBytes, seconds, sha256 };
    }
    case "failed":
      return {
        event: "failed",
        file: url,
        error: state.reason,
        ...(state.isCorrupt ? { corrupt: true } : {}),
      };
    default:
      return { event: "interrupted", file: url, keptBytes: received };
  }
}
