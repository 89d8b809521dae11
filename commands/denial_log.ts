import type { Logger } from "@logtape/logtape";
import { EventQuota } from "../net/event_quota.ts";

/** Denials of one reason that are logged one by one in a minute; of the others the number is. */
const DENIALS_A_MINUTE = 10;

/** Logs what a server turns away, so that a flood of it is none in the log. */
export interface DenialLog extends Disposable {
  /** @param properties What is told beside the reason. */
  deny(reason: string, properties: Readonly<Record<string, unknown>>): void;
}

/**
 * Makes a {@linkcode DenialLog}. Disposing of it writes what it still holds back.
 *
 * @param things What is turned away, in the plural: "requests".
 */
export function denialLog(log: Logger, things: "requests" | "connections"): DenialLog {
  const quota = new EventQuota<string>(DENIALS_A_MINUTE);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const drain = (nowMs: number) => {
    for (const [reason, count] of quota.drain(nowMs)) log.warn(`more ${things} denied`, { reason, count });
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    deny(reason, properties) {
      const nowMs = performance.now();
      drain(nowMs);
      if (quota.admit(reason, nowMs)) log.warn(`${things.slice(0, -1)} denied`, { reason, ...properties });
      const { dueAtMs } = quota;
      if (dueAtMs !== undefined) timer = setTimeout(() => drain(performance.now()), dueAtMs - nowMs);
    },
    [Symbol.dispose]: () => drain(Infinity),
  };
}
