import type { Logger } from "@logtape/logtape";
import { EventQuota } from "../net/event_quota.ts";
import type { ProxyEvent } from "../protocols/proxy/proxy_context.ts";
import { denialLog } from "./denial_log.ts";

/** Failures of one upstream and kind that are logged in a minute; all are counted in the metrics. */
const FAILURES_A_MINUTE = 10;

/** What `tracker proxy` writes to its log. Disposing of it writes what it still holds back. */
export interface ProxyLog extends Disposable {
  readonly onEvent: (event: Exclude<ProxyEvent, { type: "request" }>) => void;
}

/** Writes what a proxy tells to a log. */
export function proxyLog(log: Logger): ProxyLog {
  const denials = denialLog(log, "connections");
  const failures = new EventQuota<string>(FAILURES_A_MINUTE);
  return {
    onEvent(event) {
      switch (event.type) {
        case "refused": {
          const { address, reason, message } = event;
          return denials.deny(reason, { address, message });
        }
        case "failed": {
          const { upstream, fault, reason } = event;
          if (!failures.admit(`${upstream} ${fault}`, performance.now())) return;
          return log.warn("upstream failed", { upstream, fault, reason });
        }
        case "down":
          return log.warn("upstream down", { upstream: event.upstream, reason: event.reason });
        case "up":
          return log.info("upstream up again", { upstream: event.upstream });
      }
    },
    [Symbol.dispose]: () => denials[Symbol.dispose](),
  };
}
