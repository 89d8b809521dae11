/** What is typed into a chat, and what it says. */

import type { ChatEvent, Place } from "../protocols/tracker/peer_chat_events.ts";
import { printable } from "../terminal/printable.ts";

/** What a line asks for. */
export type ChatCommand =
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "msg"; readonly to: string; readonly text: string }
  | { readonly kind: "join"; readonly channel: string }
  | { readonly kind: "who" | "quit" | "help" | "nothing" }
  | { readonly kind: "wrong"; readonly reason: string };

/** What can be typed. */
export const CHAT_HELP = `/msg NAME TEXT   say something to one peer; a NAME with spaces in quotes
/join CHANNEL    enter a channel, and talk there
/who             who is in this channel
/quit            leave; so does Ctrl+D
//TEXT           say something that begins with a slash`;

/** Reads a line. */
export function parseChatLine(line: string): ChatCommand {
  const text = line.trim();
  if (text === "") return { kind: "nothing" };
  if (!text.startsWith("/")) return { kind: "say", text };
  if (text.startsWith("//")) return { kind: "say", text: text.slice(1) };
  const [, word = "", rest = ""] = /^\/(\S*)\s*(.*)$/su.exec(text) ?? [];
  switch (word) {
    case "msg": {
      const [, quoted, bare, said = ""] = /^(?:"([^"]+)"|(\S+))\s+(.+)$/su.exec(rest) ?? [];
      const to = quoted ?? bare;
      return to === undefined
        ? { kind: "wrong", reason: "Expected /msg NAME TEXT" }
        : { kind: "msg", to, text: said };
    }
    case "join": {
      const channel = rest.replace(/^#/, "");
      return channel === "" ? { kind: "wrong", reason: "Expected /join CHANNEL" } : { kind: "join", channel };
    }
    case "who":
    case "quit":
    case "help":
      return { kind: word };
    default:
      return { kind: "wrong", reason: `There is no /${word}; /help tells what there is` };
  }
}

/** An event in words, on a line that is safe to print; `undefined`: it is not worth one. */
export function chatLine(event: ChatEvent): string | undefined {
  switch (event.event) {
    case "ready":
      return `You are ${printable(event.peer)} in ${
        channelWords(event.channel)
      }; others reach you at ${event.address}. /help`;
    case "message":
      return `${clock(event.ts)} ${placeWords(event)}${printable(event.from)}: ${
        printable(event.text)
      }  [${event.via}]`;
    case "sent":
      return `${clock(event.ts)} ${placeWords(event)}sent  [${wayWords(event)}]`;
    case "joined":
      return `You are in ${channelWords(event.channel)}`;
    case "member":
      return `${printable(event.peer)} ${event.joined ? "joined" : "left"} ${channelWords(event.channel)}`;
    case "who": {
      const names = event.members.map(({ peer, online, direct }) => {
        return `${printable(peer)}${direct ? " (direct)" : online ? "" : " (away)"}`;
      });
      return `In ${channelWords(event.channel)}: ${names.join(", ") || "nobody"}`;
    }
    case "refused":
      return `Somebody at ${event.address} was refused: ${printable(event.reason)}`;
    case "tracker":
      return event.connected
        ? "The tracker is back"
        : `The tracker can't be reached (${printable(event.reason ?? "")}), trying again; peers still can`;
    case "gap":
      return "More was said while you were away than the tracker has kept";
    case "error":
      return printable(event.error);
  }
}

function placeWords(place: Place): string {
  return "channel" in place ? `${channelWords(place.channel)} ` : `to ${printable(place.to)} `;
}

function channelWords(channel: string): string {
  return `#${printable(channel)}`;
}

function wayWords({ direct, tracker, failed }: Extract<ChatEvent, { event: "sent" }>): string {
  const ways = direct.length === 0 ? [] : [`direct to ${direct.map(printable).join(", ")}`];
  if (tracker) ways.push(direct.length === 0 ? "tracker" : "tracker to others");
  if (failed !== undefined) {
    ways.push(`not to ${direct.length === 0 ? "anybody" : "others"}: ${printable(failed)}`);
  }
  return ways.join("; ");
}

function clock(ms: number): string {
  const time = new Date(ms);
  return `${String(time.getHours()).padStart(2, "0")}:${String(time.getMinutes()).padStart(2, "0")}`;
}
