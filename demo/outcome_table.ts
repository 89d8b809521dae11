import type { Outcome } from "./stage.ts";

/** The outcomes as lines of a table of at most 80 columns. */
export function outcomeTable(outcomes: readonly Outcome[]): string[] {
  const rows = outcomes.map(({ protocol, bytes, resumedBytes, seconds, isVerified }) => [
    protocol,
    bytes.toLocaleString("en"),
    seconds.toFixed(2),
    (resumedBytes / 1e6 / seconds).toFixed(1),
    isVerified ? "yes" : "NO",
  ]);
  return aligned([["protocol", "bytes", "seconds", "MB/s", "verified"], ...rows]);
}

/** The first and the last column begin where they begin, the figures between end where they end. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, i) => {
      if (i === row.length - 1) return cell;
      return i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
    }).join("   ")
  );
}
