import { answers } from "./answers.ts";
import { type Answer, success, successOf } from "./answer.ts";
import type { ReadPage } from "./history.ts";
import { addressOf } from "./peer_routes.ts";
import type { Rates } from "./rates.ts";
import { Refusal } from "./refusal.ts";
import { requests } from "./requests.ts";
import { type Route, route } from "./route.ts";
import { timestamp } from "./timestamp.ts";
import type { Sent, Tracker } from "./tracker.ts";

/** What is said, in channels and between two. */
export function messageRoutes(tracker: Tracker, rates: Rates): readonly Route[] {
  return [...sendingRoutes(tracker, rates), ...readingRoutes(tracker)];
}

function sendingRoutes(tracker: Tracker, rates: Rates): readonly Route[] {
  const { channels, peers } = tracker;
  return [
    route({
      methods: ["post"],
      path: "/broadcast-peer",
      summary: "Send a message to a channel",
      request: requests.broadcast,
      answer: answers.broadcast,
      async run({ peer_id, from_peer, channel, message, msg_id }, call) {
        const from = peer_id ?? from_peer;
        if (from === undefined) throw new Refusal(400, "peer_id: is missing");
        const waiting = rates.write(from, call);
        if (waiting !== undefined) await waiting;
        const room = { kind: "channel", channel } as const;
        const sent = await tracker.send({ from, room, text: message, msgId: msg_id }, call);
        const recipients = channels.recipients(channel, from);
        return success(
          `"message":"Message broadcasted","recipients":${recipients},` +
            `"channel":${JSON.stringify(channel)},${sentJson(sent)}`,
        );
      },
    }),
    route({
      methods: ["post"],
      path: "/send-peer",
      summary: "Send a message to a peer",
      request: requests.direct,
      answer: answers.direct,
      async run({ from_peer, to_peer, message, msg_id }, call) {
        await rates.write(from_peer, call);
        const room = { kind: "direct", to: to_peer } as const;
        const sent = await tracker.send({ from: from_peer, room, text: message, msgId: msg_id }, call);
        const peer_info = { ...addressOf(tracker.known(to_peer)), online: peers.isOnline(to_peer) };
        return success(
          `"message":"Message sent","peer_info":${JSON.stringify(peer_info)},${sentJson(sent)}`,
        );
      },
    }),
  ];
}

function readingRoutes(tracker: Tracker): readonly Route[] {
  const { history } = tracker;
  return [
    route({
      methods: ["get", "post"],
      path: "/get-messages",
      summary: "Read the messages of a channel",
      request: requests.channelMessages,
      answer: answers.channelMessages,
      run({ channel, ...page }) {
        tracker.checkChannel(channel);
        return pageAnswer(history.readChannel(channel, page), `"channel":${JSON.stringify(channel)},`);
      },
    }),
    route({
      methods: ["get", "post"],
      path: "/get-direct-messages",
      summary: "Read what two peers wrote to each other",
      request: requests.directMessages,
      answer: answers.directMessages,
      run({ peer1, peer2, ...page }, call) {
        return pageAnswer(history.readDirect(tracker.conversation(peer1, peer2, call), page));
      },
    }),
    route({
      methods: ["get"],
      path: "/conversations",
      summary: "List with whom a peer spoke, the latest first",
      request: requests.peer,
      answer: answers.conversations,
      run({ peer_id }, call) {
        const conversations = tracker.conversations(peer_id, call).map(({ peer, id }) => {
          return { peer_id: peer, last_id: id };
        });
        return successOf({ conversations, count: conversations.length });
      },
    }),
  ];
}

function sentJson({ message, isDuplicate }: Sent): string {
  const { id, ts } = message;
  return `"id":${id},"timestamp":"${timestamp(ts)}"${isDuplicate ? ',"duplicate":true' : ""}`;
}

function pageAnswer({ json, count, lastId }: ReadPage, members = ""): Answer {
  return success(`${members}"messages":[${json}],"count":${count},"last_id":${lastId}`);
}
