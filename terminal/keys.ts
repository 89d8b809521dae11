import { printNote } from "./output.ts";
import { terminalSize } from "./terminal.ts";
import { wrapWords } from "./text_width.ts";

/** Tells a person which keys there are, if there is one who could press them. */
export function printKeys(help: string): void {
  if (Deno.stdin.isTerminal()) printNote(wrapWords(`Keys: ${help}`, terminalSize().columns));
}

/**
 * Calls back for each key pressed, until `signal` is aborted. Does nothing when standard input is not a
 * terminal. Ctrl+C stays what it is: a signal.
 */
export async function listenForKeys(onKey: (key: string) => void, signal: AbortSignal): Promise<void> {
  if (!Deno.stdin.isTerminal() || signal.aborted) return;
  Deno.stdin.setRaw(true, { cbreak: true });
  const restore = () => Deno.stdin.setRaw(false);
  signal.addEventListener("abort", restore, { once: true });
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64);
  while (!signal.aborted) {
    const length = await Deno.stdin.read(buffer);
    if (length === null || signal.aborted) return;
    // F4 comes as "\x1bOS", pasted text all at once: neither is somebody who presses "s".
    if (length === 1) onKey(decoder.decode(buffer.subarray(0, length)));
  }
}
