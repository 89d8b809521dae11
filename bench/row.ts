/** Runs the contenders of a row in turn, and measures each. */

import { printNote } from "../terminal/output.ts";
import { type Contender, Missing, type Outcome, type Place, type Ready, type Row } from "./contender.ts";
import { type Effort, observed } from "./measure.ts";
import type { FreeMemory } from "./memory.ts";
import { isInstalled } from "./processes.ts";

/** One round of one contender. */
export type Round = Outcome & Effort;

/** What a contender came to. */
export interface Standing {
  readonly name: string;
  /** Those that count, and ended well. */
  readonly rounds: readonly Round[];
  /** Why there are no more of them. */
  readonly failure?: string;
}

/** What a row came to. */
export interface RowResult {
  readonly row: Row;
  /** How many rounds each was to run. */
  readonly rounds: number;
  readonly standings: readonly Standing[];
}

interface Runner {
  readonly contender: Contender;
  readonly rounds: Round[];
  ready?: Ready;
  failure?: string;
}

/** How long it goes on. */
interface Turns {
  readonly rounds: number;
  readonly patienceS: number;
  readonly memory: FreeMemory;
  /** Ends all at once. */
  readonly signal: AbortSignal;
}

class NotInTime extends Error {}

/**
 * Starts all contenders, and lets them do the job in turn, round by round. Who fails or takes longer than
 * `patienceS` seconds is out.
 */
export async function runRow(
  row: Row,
  place: Place,
  { rounds: wanted, patienceS, memory, signal }: Turns,
): Promise<RowResult> {
  const rounds = Math.min(wanted * (row.repeats ?? 1), row.mostRounds ?? Infinity);
  const hasWarmUp = row.hasWarmUp ?? row.link === undefined;
  const runners = row.contenders.map((contender): Runner => ({ contender, rounds: [] }));
  try {
    for (const runner of runners) await start(runner, place);
    for (let round = hasWarmUp ? 0 : 1; round <= rounds; round++) {
      for (const runner of runners) {
        await memory.touch(row.bytes ?? 0);
        const done = await runOnce(runner, { patienceS, signal });
        if (done === undefined) continue;
        printNote(
          `${row.name}, round ${round}: ${runner.contender.name} ${
            done.value.toFixed(row.unit.digits)
          } ${row.unit.name}`,
        );
        if (round > 0) runner.rounds.push(done);
      }
    }
  } finally {
    for (const { ready } of runners) await ready?.[Symbol.asyncDispose]();
  }
  const standings = runners.map(({ contender: { name }, rounds, failure }): Standing => {
    return failure === undefined ? { name, rounds } : { name, rounds, failure };
  });
  return { row, rounds, standings };
}

async function start(runner: Runner, place: Place): Promise<void> {
  const { contender: { programs = [], start } } = runner;
  const missing = programs.filter((program) => !isInstalled(program));
  try {
    if (missing.length > 0) throw new Missing(`${missing.join(", ")} not installed`);
    runner.ready = await start(place);
  } catch (error) {
    await giveUp(runner, error);
  }
}

async function runOnce(
  runner: Runner,
  { patienceS, signal: ended }: Pick<Turns, "patienceS" | "signal">,
): Promise<Round | undefined> {
  const { ready } = runner;
  if (ready === undefined) return undefined;
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new NotInTime(`not in ${patienceS} s`)), patienceS * 1000);
  const signal = AbortSignal.any([patience.signal, ended]);
  try {
    ended.throwIfAborted();
    const { result, effort } = await observed(ready.servers, async (add) => {
      return await Promise.race([ready.run({ signal, add }), aborted(signal)]);
    });
    return { ...result, ...effort };
  } catch (error) {
    ended.throwIfAborted();
    await giveUp(runner, error);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function giveUp(runner: Runner, error: unknown): Promise<void> {
  const why = error instanceof Error ? error.message.trim() : String(error);
  runner.failure = error instanceof Missing
    ? `missing: ${why}`
    : error instanceof NotInTime
    ? why
    : `failed: ${why}`;
  printNote(`${runner.contender.name}: ${runner.failure}`);
  const { ready } = runner;
  delete runner.ready;
  await ready?.[Symbol.asyncDispose]();
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
