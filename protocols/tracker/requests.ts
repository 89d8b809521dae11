import { isIP } from "node:net";
import { z } from "@hono/zod-openapi";
import { GENERAL } from "./channels.ts";
import { MAX_MESSAGE_BYTES, MAX_NAME, MAX_READ } from "./limits.ts";
import { NAME, NAME_WORDS } from "./names.ts";

const utf8 = new TextEncoder();

const checked = z.string().min(1).max(MAX_NAME).regex(NAME, `may have ${NAME_WORDS}`);
const sent = z.string().max(4 * MAX_NAME);
const name = sent.transform((text) => text.normalize("NFC")).pipe(checked)
  .openapi({ type: "string", example: "alice" });

const digits = (least: number, most: number) =>
  z.union([z.number(), z.string().regex(/^\d{1,16}$/).transform(Number)]).pipe(z.int().min(least).max(most))
    .openapi({ type: "integer", minimum: least, maximum: most });

const text = z.string().min(1).refine((message) => {
  // Three bytes a UTF-16 unit at most: most messages need not be encoded to be found short enough.
  return message.length * 3 <= MAX_MESSAGE_BYTES || utf8.encode(message).length <= MAX_MESSAGE_BYTES;
}, `at most ${MAX_MESSAGE_BYTES} bytes`).transform((message) => message.toWellFormed())
  .openapi({ type: "string", example: "hi" });

const msgId = z.string().regex(/^[\x21-\x7e]{1,64}$/, "1 to 64 printable ASCII characters").optional();
const id = digits(0, Number.MAX_SAFE_INTEGER);
const page = { since: id.optional(), before: id.optional(), limit: digits(1, MAX_READ).optional() };
/** None, or an empty one, is the channel that always exists. */
const channel = sent.default(GENERAL).transform((text) => text === "" ? GENERAL : text.normalize("NFC"))
  .pipe(checked).openapi({ type: "string", default: GENERAL });

/** What requests carry, in a JSON body or the query. */
export const requests = {
  nothing: z.object({}),
  registration: z.object({
    peer_id: name,
    ip: z.string().refine((address) => isIP(address) !== 0, "an IP address").openapi({
      example: "192.0.2.1",
    }),
    port: digits(1, 65_535),
  }),
  membership: z.object({ peer_id: name, channel: name }),
  connection: z.object({ from_peer: name, to_peer: name }),
  broadcast: z.object({
    peer_id: name.optional(),
    from_peer: name.optional(),
    channel,
    message: text,
    msg_id: msgId,
  }).refine(
    ({ peer_id, from_peer }) => (peer_id ?? from_peer) !== undefined,
    { path: ["peer_id"], message: "is missing" },
  ),
  direct: z.object({ from_peer: name, to_peer: name, message: text, msg_id: msgId }),
  channelMessages: z.object({ channel, ...page }),
  directMessages: z.object({ peer1: name, peer2: name, ...page }),
  channel: z.object({ channel }),
  peer: z.object({ peer_id: name }),
  login: z.object({ username: z.string().min(1).max(MAX_NAME), password: z.string().min(1).max(1024) }),
  events: z.object({
    channel: z.array(name).max(100).default([]),
    peer_id: name.optional(),
    since: id.optional(),
  }),
} as const;

/** A page of messages that is asked for. */
export interface PageRequest {
  readonly since?: number | undefined;
  readonly before?: number | undefined;
  readonly limit?: number | undefined;
}
