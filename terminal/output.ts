const encoder = new TextEncoder();

/** Writes a result to standard output. */
export function printResult(line: string): void {
  writeAll(Deno.stdout, `${line}\n`);
}

/** Writes a note, an error or progress to standard error. */
export function printNote(line: string): void {
  writeAll(Deno.stderr, `${line}\n`);
}

/** Writes to standard error as it is, without a line end. */
export function drawRaw(text: string): void {
  writeAll(Deno.stderr, text);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = encoder.encode(text);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}
