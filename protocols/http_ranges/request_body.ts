import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";

/** Why a body was not read. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  /** What to answer. */
  readonly status: 400 | 408 | 413;

  constructor(status: 400 | 408 | 413, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Reads the body of a request as text.
 *
 * @param most `bytes`: longest body that is read; `ms`: how long its client may take for it.
 * @throws {BodyError} It is longer, takes longer, or ends too soon.
 */
export function readBody(
  request: IncomingMessage,
  most: { readonly bytes: number; readonly ms: number },
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const fail = (status: 400 | 408 | 413, message: string) => {
      clearTimeout(timer);
      request.pause();
      reject(new BodyError(status, message));
    };
    const timer = setTimeout(() => fail(408, "The body took too long"), most.ms);
    request.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > most.bytes) return fail(413, `The body is longer than ${most.bytes} bytes`);
      chunks.push(chunk);
    });
    request.on("end", () => {
      clearTimeout(timer);
      resolve(new TextDecoder().decode(Buffer.concat(chunks)));
    });
    request.on("error", () => fail(400, "The body did not come to its end"));
    request.on("close", () => fail(400, "The body did not come to its end"));
  });
}
