/**
 * How a client of XFER/1 and a server find out whether the other one speaks it too. A plain server takes the
 * hello for the name of a file that it does not have.
 */

import { Buffer } from "node:buffer";
import { z } from "zod";
import { BLOCK_BYTES } from "./blocks.ts";
import { missingAnswer } from "./plain.ts";

/** Bytes of a nonce: random, new for every connection. */
export const NONCE_BYTES = 16;

/** The nonces of a connection. */
export interface Nonces {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

const HELLO = "xfer1 ";
const GREETING = "XFER/1 ";
/** Bytes of a hello. */
export const HELLO_BYTES = HELLO.length + 2 * NONCE_BYTES;
/** Most that a client keeps of what comes before the answer: the plain list. */
const MAX_LIST_BYTES = 1024 * 1024;
/** Longest JSON of a greeting. */
const MAX_SETTINGS_BYTES = 4096;

const encoder = new TextEncoder();

const settings = z.object({
  version: z.literal(1),
  nonce: z.string().regex(new RegExp(`^[0-9a-f]{${2 * NONCE_BYTES}}$`)),
  auth: z.boolean(),
  blockBytes: z.literal(BLOCK_BYTES),
  maxRequests: z.int().min(1).max(65_536),
});

/** What a server tells in its answer to a hello. */
export interface Greeting {
  /** Random, new for every connection; {@linkcode NONCE_BYTES} of them. */
  readonly nonce: Uint8Array;
  /** Whether AUTH has to come first. */
  readonly auth: boolean;
  /** How many requests may be under way at a time. */
  readonly maxRequests: number;
}

/** What a client finds behind its hello. */
export type Greeted =
  /** A plain server: the connection goes on in the plain protocol. `list` is what it sent before its answer. */
  | { readonly kind: "plain"; readonly list: Uint8Array }
  /** `rest` has come behind the greeting, and is the beginning of frames. */
  | { readonly kind: "xfer"; readonly list: Uint8Array; readonly rest: Uint8Array } & Greeting;

/** What the first bytes from a client are. `rest` has come behind a hello. */
export type Opening =
  | { readonly kind: "hello"; readonly nonce: Uint8Array; readonly rest: Uint8Array }
  | { readonly kind: "plain" }
  /** The beginning of a hello, if more comes soon; else a plain request. */
  | { readonly kind: "partial" };

/** A server has answered a hello with something that is neither of the two answers. */
export class HelloError extends Error {
  override readonly name = "HelloError";
}

/** The first message of a client. @param nonce {@linkcode NONCE_BYTES} random bytes. */
export function encodeHello(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  return encoder.encode(helloOf(nonce));
}

/** Tells a hello from a plain request. @param bytes All that has come so far. */
export function classifyOpening(bytes: Uint8Array): Opening {
  const text = Buffer.from(bytes.subarray(0, HELLO_BYTES)).toString("latin1");
  const digits = text.slice(HELLO.length);
  if (!HELLO.startsWith(text.slice(0, HELLO.length)) || !/^[0-9a-f]*$/.test(digits)) return { kind: "plain" };
  if (bytes.length < HELLO_BYTES) return { kind: "partial" };
  return { kind: "hello", nonce: Uint8Array.fromHex(digits), rest: bytes.subarray(HELLO_BYTES) };
}

/** A server's answer to a hello. */
export function encodeGreeting(
  clientNonce: Uint8Array,
  { nonce, auth, maxRequests }: Greeting,
): Uint8Array<ArrayBuffer> {
  const json: z.infer<typeof settings> = {
    version: 1,
    nonce: nonce.toHex(),
    auth,
    blockBytes: BLOCK_BYTES,
    maxRequests,
  };
  return encoder.encode(`${GREETING}${clientNonce.toHex()} ${JSON.stringify(json)}\n`);
}

/**
 * Finds a server's answer to a hello in what it sends: its list may be before it. Both answers hold the
 * client's nonce, so that nothing in a list can be taken for one.
 */
export class GreetingReader {
  readonly #nonce: Uint8Array;
  readonly #greeting: Uint8Array;
  readonly #missing: Uint8Array;
  #memory = Buffer.alloc(4096);
  #length = 0;
  /** Where the greeting was found; its end may not have come. */
  #greetingAt = -1;

  /** @param nonce The client's, as it was sent in the hello. */
  constructor(nonce: Uint8Array) {
    this.#nonce = nonce;
    this.#greeting = encoder.encode(`${GREETING}${nonce.toHex()} `);
    this.#missing = encoder.encode(missingAnswer(helloOf(nonce)));
  }

  /** All that has come. Of a server that answers neither way it is its list, as far as there is one. */
  get received(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  /**
   * Takes what has come. Bytes are copied.
   *
   * @returns The answer, once it is complete; nothing more may be added then.
   * @throws {HelloError} A greeting that can't be understood, or no answer within 1 MiB.
   */
  add(bytes: Uint8Array): Greeted | undefined {
    // An answer may have begun in what came before.
    const from = Math.max(0, this.#length - Math.max(this.#greeting.length, this.#missing.length));
    this.#append(bytes);
    const received = this.#memory.subarray(0, this.#length);
    if (this.#greetingAt < 0) {
      const missingAt = received.indexOf(this.#missing, from);
      if (missingAt >= 0) return { kind: "plain", list: received.subarray(0, missingAt) };
      this.#greetingAt = received.indexOf(this.#greeting, from);
    }
    if (this.#greetingAt >= 0) return this.#readGreeting(received);
    if (this.#length > MAX_LIST_BYTES) {
      throw new HelloError(`The server did not answer the hello within ${MAX_LIST_BYTES} bytes`);
    }
    return undefined;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#memory.length) {
      const longer = Buffer.alloc(Math.max(length, 2 * this.#memory.length));
      longer.set(this.received);
      this.#memory = longer;
    }
    this.#memory.set(bytes, this.#length);
    this.#length = length;
  }

  #readGreeting(received: Buffer): Greeted | undefined {
    const jsonAt = this.#greetingAt + this.#greeting.length;
    const end = received.indexOf("\n", jsonAt);
    if ((end < 0 ? received.length : end) - jsonAt > MAX_SETTINGS_BYTES) {
      throw new HelloError(`The server's greeting is longer than ${MAX_SETTINGS_BYTES} bytes`);
    }
    if (end < 0) return undefined;
    const { auth, maxRequests, nonce } = parseSettings(received.subarray(jsonAt, end).toString());
    // With one nonce for both, what a client proves could be sent back to it as the server's proof.
    if (nonce === this.#nonce.toHex()) throw new HelloError("The server greets with the client's own nonce");
    return {
      kind: "xfer",
      nonce: Uint8Array.fromHex(nonce),
      auth,
      maxRequests,
      list: received.subarray(0, this.#greetingAt),
      rest: received.subarray(end + 1),
    };
  }
}

function helloOf(nonce: Uint8Array): string {
  return HELLO + nonce.toHex();
}

function parseSettings(json: string): z.infer<typeof settings> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new HelloError("The server's greeting is not valid JSON", { cause });
  }
  const parsed = settings.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new HelloError(
    `The server's greeting is not understood: ${issue?.path.join(".")}: ${issue?.message}`,
  );
}
