/** Bytes as text, one character each. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  // In pieces, as arguments of a call are limited.
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return text;
}
