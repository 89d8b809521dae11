import { printNote } from "./output.ts";
import { aroundSuspension, hasKeyboard } from "./suspension.ts";

/** Tells a person which keys there are, if there is one who could press them. */
export function printKeys(help: string): void {
  if (hasKeyboard()) printNote(`Keys: ${help}`);
}

/**
 * Calls back for each key pressed, until `signal` is aborted. Does nothing when standard input is not a
 * terminal, or that of a shell which runs the program in the background. Ctrl+C stays what it is: a signal.
 */
export async function listenForKeys(onKey: (key: string) => void, signal: AbortSignal): Promise<void> {
  if (!hasKeyboard() || signal.aborted) return;
  const take = () => Deno.stdin.setRaw(true, { cbreak: true });
  const release = () => Deno.stdin.setRaw(false);
  const suspension = aroundSuspension({ suspend: release, resume: () => hasKeyboard() && take() });
  const end = () => {
    suspension[Symbol.dispose]();
    // To change the terminal of others stops a program.
    if (hasKeyboard()) release();
  };
  signal.addEventListener("abort", end, { once: true });
  take();
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64);
  while (!signal.aborted) {
    const length = await Deno.stdin.read(buffer);
    if (length === null || signal.aborted) return;
    // F4 comes as "\x1bOS", pasted text all at once: neither is somebody who presses "s".
    if (length === 1) onKey(decoder.decode(buffer.subarray(0, length)));
  }
}
