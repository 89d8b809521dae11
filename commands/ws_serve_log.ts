import type { Logger } from "@logtape/logtape";
import type { DownloadEvent } from "../protocols/http_ranges/queue_service.ts";
import type { Denial } from "../protocols/ws_upload/access_gate.ts";
import type { UploadEvent } from "../protocols/ws_upload/upload_event.ts";
import { denialLog } from "./denial_log.ts";

/** What `ws-serve` writes to its log. */
export interface ServeLog extends Disposable {
  readonly onEvent: (event: UploadEvent) => void;
  readonly onDownload: (event: DownloadEvent) => void;
  readonly onDenied: (denial: Denial) => void;
}

/** Writes what a server tells to a log. Disposing of it writes what it still holds back. */
export function serveLog(log: Logger): ServeLog {
  const denials = denialLog(log, "requests");
  return {
    onEvent({ type, ...properties }) {
      // One a chunk: that is what /metrics and /api/events are for.
      if (type === "progress") return;
      const isBad = type === "failed" || type === "unusable";
      if (isBad) log.warn(`upload ${type}`, properties);
      else log.info(`upload ${type}`, properties);
    },
    onDownload({ type, ...properties }) {
      const isBad = type === "failed" || type === "unsaved" || type === "undeleted";
      const told = "url" in properties ? { ...properties, url: withoutQuery(properties.url) } : properties;
      if (isBad) log.warn(`download ${type}`, told);
      else log.info(`download ${type}`, told);
    },
    onDenied: ({ reason, ...properties }) => denials.deny(reason, properties),
    [Symbol.dispose]: () => denials[Symbol.dispose](),
  };
}

/** What is in a query may be a secret: a signature, or a token. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "");
}
