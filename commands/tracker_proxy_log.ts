import type { Logger } from "@logtape/logtape";
import { EventQuota } from "../net/event_quota.ts";
import type { ProxyEvent } from "../protocols/proxy/proxy_context.ts";
import { denialLog } from "./denial_log.ts";

/** Failures of one upstream and kind that are logged in a minute; all are counted in the metrics. */
const FAILURES_A_MINUTE = 10;

/** Times that an upstream is told to be down in a minute; of one that comes and goes there may be thousands. */
const CHANGES_A_MINUTE = 10;

/** What `tracker proxy` writes to its log. Disposing of it writes what it still holds back. */
export interface ProxyLog extends Disposable {
  readonly onEvent: (event: Exclude<ProxyEvent, { type: "request" }>) => void;
}

/** Writes what a proxy tells to a log. */
export function proxyLog(log: Logger): ProxyLog {
  const denials = denialLog(log, "connections");
  const failures = new EventQuota<string>(FAILURES_A_MINUTE);
  const changes = new EventQuota<string>(CHANGES_A_MINUTE);
  const down = new Set<string>();
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
        case "down": {
          const { upstream, reason } = event;
          if (!changes.admit(upstream, performance.now())) return;
          down.add(upstream);
          return log.warn("upstream down", { upstream, reason });
        }
        case "up":
          // Who reads that one is down is told of its end, however many changes were not told.
          if (!down.delete(event.upstream)) return;
          return log.info("upstream up again", { upstream: event.upstream });
      }
    },
    [Symbol.dispose]: () => denials[Symbol.dispose](),
  };
}
