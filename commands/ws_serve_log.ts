import type { Logger } from "@logtape/logtape";
import { EventQuota } from "../net/event_quota.ts";
import type { DownloadEvent } from "../protocols/http_ranges/queue_service.ts";
import type { Denial } from "../protocols/ws_upload/access_gate.ts";
import type { UploadEvent } from "../protocols/ws_upload/upload_event.ts";

/** Denials of one reason that are logged one by one in a minute; of the others the number is. */
const DENIALS_A_MINUTE = 10;

/** What `ws-serve` writes to its log. */
export interface ServeLog extends Disposable {
  readonly onEvent: (event: UploadEvent) => void;
  readonly onDownload: (event: DownloadEvent) => void;
  readonly onDenied: (denial: Denial) => void;
}

/** Writes what a server tells to a log. Disposing of it writes what it still holds back. */
export function serveLog(log: Logger): ServeLog {
  const quota = new EventQuota<Denial["reason"]>(DENIALS_A_MINUTE);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const drain = (nowMs: number) => {
    for (const [reason, count] of quota.drain(nowMs)) log.warn("more requests denied", { reason, count });
    clearTimeout(timer);
    timer = undefined;
  };
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
    onDenied(denial) {
      const nowMs = performance.now();
      drain(nowMs);
      if (quota.admit(denial.reason, nowMs)) log.warn("request denied", { ...denial });
      const { dueAtMs } = quota;
      if (dueAtMs !== undefined) timer = setTimeout(() => drain(performance.now()), dueAtMs - nowMs);
    },
    [Symbol.dispose]: () => drain(Infinity),
  };
}

/** What is in a query may be a secret: a signature, or a token. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, "");
}
