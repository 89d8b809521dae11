import type { FileEnd } from "../store/fetched_file.ts";
import type { FileEndEvent } from "./event_schemas.ts";

/** A file's end as an event. @param seconds How long it took, when it came by itself. */
export function fileEnd(end: FileEnd, seconds: number | undefined): FileEndEvent {
  const { path: file } = end;
  switch (end.kind) {
    case "done": {
      const { local: path, size: bytes, fetchedBytes: transferredBytes, digest } = end;
      const time = seconds === undefined ? {} : { seconds };
      return { event: "done", file, path, bytes, transferredBytes, ...time, ...digest };
    }
    case "there":
      return { event: "there", file, path: end.local, bytes: end.size };
    case "failed":
      return { event: "failed", file, error: end.reason, ...(end.isCorrupt ? { corrupt: true } : {}) };
  }
}
