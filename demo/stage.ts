import { printResult } from "../terminal/output.ts";
import type { Processes } from "./processes.ts";
import type { SampleFile } from "./sample_file.ts";

/** What a scene of the demo plays with. */
export interface Stage {
  /** Temporary, and gone afterwards. */
  readonly dir: string;
  readonly processes: Processes;
  /** What is moved. */
  readonly file: SampleFile;
}

/** How a scene went. */
export interface Outcome {
  readonly protocol: string;
  /** Size of what was moved, all in all. */
  readonly bytes: number;
  /** How much of it came after the interruption, in how many seconds. */
  readonly resumedBytes: number;
  readonly seconds: number;
  /** Whether what arrived has the digest of what was sent, and what came before the interruption was kept. */
  readonly isVerified: boolean;
  /** The server, which is still running, and what to do there. */
  readonly server: readonly [what: string, address: string];
}

/** Tells of one step. */
export function tell(what: string, outcome: string): void {
  printResult(`  ${what.padEnd(24)} ${outcome}`);
}
