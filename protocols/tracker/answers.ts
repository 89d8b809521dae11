/** What answers carry, for `/openapi.json`. */

import { z } from "@hono/zod-openapi";

const peer = z.object({ peer_id: z.string(), ip: z.string(), port: z.int(), key: z.string().optional() });
const message = z.object({
  id: z.int(),
  channel: z.string().optional(),
  from: z.string(),
  to: z.string().optional(),
  message: z.string(),
  timestamp: z.string(),
  ts: z.int(),
  msg_id: z.string().optional(),
});
const said = { message: z.string() };
const sent = { ...said, id: z.int(), timestamp: z.string(), duplicate: z.boolean().optional() };
const listed = { messages: z.array(message), count: z.int(), last_id: z.int() };

/** By request. */
export const answers = {
  said: z.object(said),
  registered: z.object({ ...said, peer_id: z.string() }),
  peers: z.object({ peers: z.array(peer.extend({ last_seen: z.string() })), count: z.int() }),
  membership: z.object({ ...said, channel: z.string(), members_count: z.int() }),
  connection: z.object({ ...said, peer_info: peer }),
  broadcast: z.object({ ...sent, recipients: z.int(), channel: z.string() }),
  direct: z.object({ ...sent, peer_info: peer.extend({ online: z.boolean() }) }),
  channelMessages: z.object({ channel: z.string(), ...listed }),
  directMessages: z.object(listed),
  channels: z.object({
    channels: z.array(z.object({ channel: z.string(), members_count: z.int(), last_id: z.int() })),
    count: z.int(),
  }),
  members: z.object({
    channel: z.string(),
    members: z.array(z.object({ peer_id: z.string(), online: z.boolean() })),
    count: z.int(),
  }),
  conversations: z.object({
    conversations: z.array(z.object({ peer_id: z.string(), last_id: z.int() })),
    count: z.int(),
  }),
  user: z.object({ ...said, user: z.string().nullable() }),
  access: z.object({ users: z.boolean(), user: z.string().nullable(), token: z.boolean() }),
} as const;
