import { z } from "zod";
import { claimed } from "./claimed.ts";
import { finished, startTransfer, transfer } from "./program.ts";

const done = z.object({
  event: z.literal("done"),
  path: z.string(),
  bytes: z.number(),
  transferredBytes: z.number(),
});

/** Options of {@linkcode killedGet}. */
export interface KilledGetOptions {
  readonly command: "tcp-get" | "udp-get";
  readonly port: number;
  readonly name: string;
  /** Where to; it has to be there. */
  readonly dir: string;
  /** After how many bytes claimed by its journal the program is killed; one run for each. */
  readonly killAt: readonly number[];
}

/** Fetches a file, killed again and again, and then to its end. */
export async function killedGet(
  { command, port, name, dir, killAt }: KilledGetOptions,
): Promise<z.infer<typeof done> & { readonly claimedAt: readonly number[] }> {
  const args = [command, `127.0.0.1:${port}`, name, "--out", dir, "--json"];
  const claimedAt: number[] = [];
  for (const bytes of killAt) {
    const child = startTransfer(args);
    claimedAt.push(await claimed(dir, bytes));
    child.kill("SIGKILL");
    await finished(child);
  }
  const last = await transfer(args);
  if (last.code !== 0) throw new Error(`${command}: exit ${last.code}: ${last.stderr}`);
  return { claimedAt, ...done.parse(JSON.parse(last.stdout.split("\n")[0] ?? "")) };
}
