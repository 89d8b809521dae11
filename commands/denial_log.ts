import type { Logger } from "@logtape/logtape";
import { EventQuota } from "../net/event_quota.ts";

/** Lines of one reason that are logged one by one in a minute; of the others the number is. */
const LINES_A_MINUTE = 10;
/** Longest reason that is logged, in UTF-16 units. */
const MAX_REASON = 500;

type Properties = Readonly<Record<string, unknown>>;

/** Logs what a server turns away, so that a flood of it is none in the log. */
export interface DenialLog extends Disposable {
  /** @param properties What is told beside the reason. */
  deny(reason: string, properties: Properties): void;
}

/** Logs what fails, so that a disk that is full does not fill what is left of it. */
export interface ErrorLog extends Disposable {
  fail(error: unknown): void;
}

/**
 * Makes a {@linkcode DenialLog}. Disposing of it writes what it still holds back.
 *
 * @param things What is turned away, in the plural: "requests".
 */
export function denialLog(log: Logger, things: "requests" | "connections"): DenialLog {
  const quota = linesOf({
    one: (properties) => log.warn(`${things.slice(0, -1)} denied`, properties),
    more: (properties) => log.warn(`more ${things} denied`, properties),
  });
  return { deny: quota.tell, [Symbol.dispose]: quota[Symbol.dispose] };
}

/** Makes an {@linkcode ErrorLog}. Disposing of it writes what it still holds back. */
export function errorLog(log: Logger): ErrorLog {
  const quota = linesOf({
    one: (properties) => log.error("failed", properties),
    more: (properties) => log.error("failed again", properties),
  });
  return {
    fail: (error) => quota.tell(String(error).slice(0, MAX_REASON), {}),
    [Symbol.dispose]: quota[Symbol.dispose],
  };
}

/** @param lines Write a line; `more`: for all of a reason that were held back. */
function linesOf(
  { one, more }: {
    readonly one: (properties: Properties) => void;
    readonly more: (properties: Properties) => void;
  },
): Disposable & { readonly tell: (reason: string, properties: Properties) => void } {
  const quota = new EventQuota<string>(LINES_A_MINUTE);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const drain = (nowMs: number) => {
    for (const [reason, count] of quota.drain(nowMs)) more({ reason, count });
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    tell(reason, properties) {
      const nowMs = performance.now();
      drain(nowMs);
      if (quota.admit(reason, nowMs)) one({ reason, ...properties });
      const { dueAtMs } = quota;
      if (dueAtMs !== undefined) timer = setTimeout(() => drain(performance.now()), dueAtMs - nowMs);
    },
    [Symbol.dispose]: () => drain(Infinity),
  };
}
