/** No server is waited for longer than this, whatever it asks for. */
const MOST_MS = 3_600_000;

/**
 * How long a `Retry-After` header asks to wait (RFC 9110 section 10.2.3), in milliseconds: seconds, or a
 * date, which is read by the server's clock if its answer has a `Date`.
 *
 * @param nowMs This machine's clock, milliseconds since 1970.
 * @returns `undefined` when there is none or it makes no sense. At most an hour.
 */
export function retryAfterMs(
  { retryAfter, date, nowMs }: {
    readonly retryAfter: string | null | undefined;
    readonly date?: string | null | undefined;
    readonly nowMs: number;
  },
): number | undefined {
  const text = retryAfter?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Math.min(MOST_MS, Number(text) * 1000);
  // Every form of an HTTP date has letters; Date.parse takes "-5" for a year.
  const atMs = /[a-z]/i.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(atMs)) return undefined;
  const sentMs = Date.parse(date ?? "");
  return Math.min(MOST_MS, Math.max(0, atMs - (Number.isNaN(sentMs) ? nowMs : sentMs)));
}
