import { Buffer } from "node:buffer";

const encoder = new TextEncoder();

/** A head as bytes. */
export function encodeHead(
  first: string,
  fields: Iterable<readonly [name: string, value: string]>,
): Uint8Array {
  let text = `${first}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  text += "\r\n";
  const bytes = encoder.encode(text);
  // It is ASCII as a rule, which is written much faster so.
  return bytes.length === text.length ? bytes : Buffer.from(text, "latin1");
}
