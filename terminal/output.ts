import { terminalSize } from "./terminal.ts";
import { wrapWords } from "./text_width.ts";

const encoder = new TextEncoder();

/** What becomes of the program when nobody reads its results any more. */
let endUnread = (closed: unknown): void => {
  throw closed;
};

/** Says what ends the program when nobody reads its results any more (`| head`). Else writing them fails. */
export function whenUnread(end: () => void): void {
  endUnread = end;
}

/** Writes a result to standard output. */
export function printResult(line: string): void {
  try {
    writeAll(Deno.stdout, `${line}\n`);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    endUnread(error);
  }
}

/** Writes a result that is prose to standard output, on a terminal wrapped between words. */
export function printResultWords(text: string): void {
  printResult(forReading(text, Deno.stdout));
}

/** Writes a note or an error to standard error, on a terminal wrapped between words. */
export function printNote(text: string): void {
  printLogLine(forReading(text, Deno.stderr));
}

/** Writes a line to standard error as it is. */
export function printLogLine(line: string): void {
  drawRaw(`${line}\n`);
}

function forReading(text: string, stream: { isTerminal(): boolean }): string {
  if (!stream.isTerminal()) return text;
  const { columns } = terminalSize();
  return text.split("\n").map((line) => wrapWords(line, columns)).join("\n");
}

/** Writes to standard error as it is, without a line end. What nobody reads there holds nothing up. */
export function drawRaw(text: string): void {
  try {
    writeAll(Deno.stderr, text);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = encoder.encode(text);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}
