import { duration, wholeNumber } from "./flag_values.ts";

/** How many messages are kept, and how long. */
export interface HistoryLimits {
  readonly count: number;
  readonly ageMs: number;
}

const count = wholeNumber(1, 10_000_000);

/** A time of a second or more: with less nobody would be there, and nothing kept. */
export function lastingTime(value: string): number {
  const ms = duration(value);
  if (ms < 1000) throw new RangeError("at least 1s");
  return ms;
}

/** A count, an age, or both: `10000`, `30d`, `10000,30d`. What is not named is as by default. */
export function historyLimits(value: string): HistoryLimits {
  let limits: HistoryLimits = { count: 10_000, ageMs: 30 * 86_400_000 };
  try {
    for (const part of value.split(",")) {
      if (/^\d+$/.test(part)) limits = { ...limits, count: count(part) };
      else limits = { ...limits, ageMs: lastingTime(part) };
    }
  } catch {
    throw new RangeError("a count, an age or both, such as 10000,30d");
  }
  return limits;
}
