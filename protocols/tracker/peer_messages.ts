import { z } from "zod";
import { MAX_MESSAGE_BYTES } from "./limits.ts";
import { isName, NAME_WORDS } from "./names.ts";

/** Longest line between peers, with its line feed, in bytes. */
export const MAX_LINE_BYTES = 64 * 1024;

/** A peer sent what the protocol does not allow; the connection ends. */
export class PeerProtocolError extends Error {
  override readonly name = "PeerProtocolError";
}

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true });

const name = z.string().refine(isName, NAME_WORDS);
/** Of 16, 32 and 64 bytes, in base64url. */
const nonce = z.string().regex(/^[A-Za-z0-9_-]{22}$/);
const key = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const sig = z.string().regex(/^[A-Za-z0-9_-]{86}$/);
const id = z.string().regex(/^[\x21-\x7e]{1,64}$/);
const text = z.string().min(1).refine(
  (message) => message.isWellFormed() && utf8.encode(message).length <= MAX_MESSAGE_BYTES,
  `at most ${MAX_MESSAGE_BYTES} bytes`,
);

const peerMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), v: z.int(), peer_id: name, key, nonce }),
  z.object({ type: z.literal("hello_ack"), nonce, sig }),
  z.object({ type: z.literal("auth"), sig }),
  z.object({ type: z.literal("message"), id, channel: name.optional(), text, ts: z.int().min(0) }),
  z.object({ type: z.literal("ack"), id }),
  z.object({ type: z.literal("error"), error: z.string().max(1000) }),
]);

/** A line between peers; docs/protocols.md says what each means. */
export type PeerMessage = z.infer<typeof peerMessage>;

/** What one peer says to another, or to all in a channel. */
export type ChatMessage = Extract<PeerMessage, { type: "message" }>;

/** A message as its line. JSON holds no line feed. */
export function encodePeerMessage(message: PeerMessage): Uint8Array {
  return utf8.encode(`${JSON.stringify(message)}\n`);
}

/** Reads a line, without its line feed. @throws {PeerProtocolError} It is no message of the protocol. */
export function parsePeerMessage(line: Uint8Array): PeerMessage {
  const parsed = peerMessage.safeParse(json(line));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PeerProtocolError(`No message: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`);
}

function json(line: Uint8Array): unknown {
  try {
    return JSON.parse(strict.decode(line));
  } catch (error) {
    throw new PeerProtocolError("A line is not JSON in UTF-8", { cause: error });
  }
}
