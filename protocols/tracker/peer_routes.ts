import { answers } from "./answers.ts";
import { success, successOf } from "./answer.ts";
import type { Peer } from "./peers.ts";
import { requests } from "./requests.ts";
import { type Route, route } from "./route.ts";
import { timestamp } from "./timestamp.ts";
import type { Tracker } from "./tracker.ts";
import type { Rates } from "./rates.ts";

/** How long a list may be told again though somebody gave a sign of life, in milliseconds. */
const LIST_MS = 1_000;

/** Who is there, and in which channels. */
export function peerRoutes(tracker: Tracker, rates: Rates): readonly Route[] {
  return [...presenceRoutes(tracker, rates), ...membershipRoutes(tracker, rates)];
}

function presenceRoutes(tracker: Tracker, rates: Rates): readonly Route[] {
  const list = peerList(tracker);
  return [
    route({
      methods: ["post"],
      path: "/submit-info",
      summary: "Register a peer, or tell its new address",
      request: requests.registration,
      answer: answers.registered,
      async run({ peer_id, ip, port }, call) {
        await rates.write(peer_id, call);
        await tracker.register({ id: peer_id, ip, port }, call);
        return successOf({ message: "Peer registered", peer_id });
      },
    }),
    route({
      methods: ["get", "post"],
      path: "/get-list",
      summary: "List the peers that are present",
      request: requests.nothing,
      answer: answers.peers,
      run: (_input, { nowMs }) => success(list(nowMs)),
    }),
    route({
      methods: ["post"],
      path: "/connect-peer",
      summary: "Tell the address of a peer that is present",
      request: requests.connection,
      answer: answers.connection,
      run({ from_peer, to_peer }, call) {
        tracker.speak(from_peer, call);
        const peer_info = addressOf(tracker.present(to_peer));
        return successOf({ message: "Peer info retrieved", peer_info });
      },
    }),
  ];
}

function membershipRoutes(tracker: Tracker, rates: Rates): readonly Route[] {
  const { peers, channels, history } = tracker;
  return [
    route({
      methods: ["post"],
      path: "/add-list",
      summary: "Make a peer a member of a channel",
      request: requests.membership,
      answer: answers.membership,
      async run({ peer_id, channel }, call) {
        await rates.write(peer_id, call);
        await tracker.join(channel, peer_id, call);
        const members_count = channels.memberCount(channel);
        return successOf({ message: `Added to channel ${channel}`, channel, members_count });
      },
    }),
    route({
      methods: ["post"],
      path: "/leave-list",
      summary: "End a peer's membership of a channel",
      request: requests.membership,
      answer: answers.membership,
      async run({ peer_id, channel }, call) {
        await rates.write(peer_id, call);
        await tracker.leave(channel, peer_id, call);
        const members_count = channels.memberCount(channel);
        return successOf({ message: `Removed from channel ${channel}`, channel, members_count });
      },
    }),
    route({
      methods: ["get"],
      path: "/channels",
      summary: "List the channels",
      request: requests.nothing,
      answer: answers.channels,
      run() {
        const listed = [...channels.names].map((channel) => ({
          channel,
          members_count: channels.memberCount(channel),
          last_id: history.lastId(channel),
        }));
        return successOf({ channels: listed, count: listed.length });
      },
    }),
    route({
      methods: ["get"],
      path: "/members",
      summary: "List the members of a channel",
      request: requests.channel,
      answer: answers.members,
      run({ channel }) {
        tracker.checkChannel(channel);
        const members = [...channels.members(channel)].map((peer_id) => {
          return { peer_id, online: peers.isOnline(peer_id) };
        });
        return successOf({ channel, members, count: members.length });
      },
    }),
  ];
}

/** What others are told of a peer; of one that is bound to a key also that, so that they know it when they meet. */
export function addressOf({ id, ip, port, owner }: Peer): PeerInfo {
  const info = { peer_id: id, ip, port };
  return owner?.kind === "key" ? { ...info, key: owner.key } : info;
}

interface PeerInfo {
  readonly peer_id: string;
  readonly ip: string;
  readonly port: number;
  readonly key?: string;
}

/** The list of peers as JSON, made anew when somebody came or went, or after a second. */
function peerList({ peers }: Tracker): (nowMs: number) => string {
  let madeAtMs = -Infinity;
  let version = -1;
  let text = "";
  return (nowMs) => {
    if (version === peers.version && nowMs - madeAtMs < LIST_MS) return text;
    const listed = [...peers.online()].map((peer) => {
      return { ...addressOf(peer), last_seen: timestamp(peer.lastSeenMs) };
    });
    text = `"peers":${JSON.stringify(listed)},"count":${listed.length}`;
    version = peers.version;
    madeAtMs = nowMs;
    return text;
  };
}
