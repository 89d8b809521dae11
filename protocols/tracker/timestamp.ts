let lastSecond = NaN;
let lastText = "";

/** A time as the plain protocol writes it: UTC, `2025-11-05T10:30:00`. The last one is remembered. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(second * 1000).toISOString().slice(0, 19);
  }
  return lastText;
}
