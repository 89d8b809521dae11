/** Numbers as people read them. Also loaded by the page, so it imports nothing. */

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"] as const;

/**
 * Bytes in decimal units with three significant digits.
 *
 * @example
 * ```ts
 * formatBytes(999); // "999 B"
 * formatBytes(1_536_000); // "1.54 MB"
 * ```
 */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be printed as "1000" of its unit.
  while (unit < UNITS.length - 1 && value >= (unit === 0 ? 1000 : 999.5)) {
    value /= 1000;
    unit++;
  }
  const decimals = unit === 0 ? 0 : value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(decimals)} ${UNITS[unit]}`;
}

/** A rate in bytes a second: "12.3 MB/s". */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/**
 * A duration by its two largest units: "42s", "3m05s", "2h07m", "4d03h", six characters at most: from a hundred
 * days on it is "100d+". Rounded up, so that something still to wait for is never "0s".
 */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const pad = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h${pad(whole % 3600 / 60)}m`;
  if (whole >= 100 * 86_400) return "100d+";
  return `${Math.floor(whole / 86_400)}d${pad(whole % 86_400 / 3600)}h`;
}
