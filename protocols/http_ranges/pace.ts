import type { Lease } from "./leases.ts";

/** A connection that brings nothing for so long is cut while others work. */
const SILENT_MS = 10_000;
/** A connection is judged by its speed after so long. */
const JUDGED_AFTER_MS = 5_000;
/** Far slower: by this factor than the median of the others. */
const FAR_SLOWER = 10;

/**
 * Connections that have been silent for too long: `patienceMs`, for an answer under way, or else a shorter
 * time, also for one that has not begun.
 */
export function findSilent(
  leases: readonly Lease[],
  { patienceMs: patience, nowMs }: { readonly patienceMs: number | undefined; readonly nowMs: number },
): readonly Lease[] {
  const candidates = patience === undefined ? leases : leases.filter(({ phase }) => phase === "flowing");
  return candidates.filter(({ at, to, aliveAtMs }) =>
    at < to && nowMs - aliveAtMs >= (patience ?? SILENT_MS)
  );
}

/** The slowest connection, if it is far slower than the others and would hold up the end. */
export function findSlow(leases: readonly Lease[], nowMs: number): Lease | undefined {
  const judged = leases.filter(({ requestedAtMs, phase }) =>
    phase === "flowing" && nowMs - requestedAtMs >= JUDGED_AFTER_MS
  );
  const bySpeed = leases.filter(({ phase }) => phase === "flowing").map(({ speed }) => speed.at(nowMs)).sort((
    a,
    b,
  ) => a - b);
  const median = bySpeed[Math.floor(bySpeed.length / 2)] ?? 0;
  if (bySpeed.length < 2) return undefined;
  return judged.find(({ speed }) => speed.at(nowMs) * FAR_SLOWER < median);
}
