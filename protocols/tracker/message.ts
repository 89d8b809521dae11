import { timestamp } from "./timestamp.ts";

/** A message that is stored, or about to be. */
export interface Message {
  readonly id: number;
  readonly room: Room;
  readonly from: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly ts: number;
  /** The sender's own id of it, by which a repeated send is known. */
  readonly msgId: string | undefined;
}

/** Where messages are: in a channel, or between two peers. */
export type Room =
  | { readonly kind: "channel"; readonly channel: string }
  | { readonly kind: "direct"; readonly to: string };

/** The room's key in the store, the same for both directions; names hold no line feed. */
export function roomKey(room: Room, from: string): string {
  return room.kind === "channel" ? channelKey(room.channel) : directKey(from, room.to);
}

export function channelKey(channel: string): string {
  return `#${channel}`;
}

export function directKey(one: string, other: string): string {
  return one < other ? `@${one}\n${other}` : `@${other}\n${one}`;
}

/** A message as peers see it, as JSON. */
export function messageJson({ id, room, from, text, ts, msgId }: Message): string {
  const place = room.kind === "channel"
    ? `"channel":${JSON.stringify(room.channel)},"from":${JSON.stringify(from)}`
    : `"from":${JSON.stringify(from)},"to":${JSON.stringify(room.to)}`;
  // By it a peer knows what it was sent directly already.
  const own = msgId === undefined ? "" : `,"msg_id":${JSON.stringify(msgId)}`;
  return `{"id":${id},${place},"message":${JSON.stringify(text)},"timestamp":"${
    timestamp(ts)
  }","ts":${ts}${own}}`;
}
