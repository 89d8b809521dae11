import { SUBPROTOCOL } from "../../net/access.ts";
import { acceptFor } from "../../net/web_socket_handshake.ts";
import { Answer, failure } from "./answer.ts";
import type { Resource } from "./app.ts";
import type { Call } from "./call.ts";
import type { EventStreams, Following } from "./event_stream.ts";
import type { Gate } from "./gate.ts";
import { MAX_LISTENERS } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import { requests } from "./requests.ts";
import { parse } from "./route.ts";
import type { Tracker } from "./tracker.ts";

/** What following events needs. */
interface EventSite {
  readonly tracker: Tracker;
  readonly streams: EventStreams;
  readonly gate: Gate;
}

/** `/events` and `/ws`. */
export function eventResources(site: EventSite): readonly Resource[] {
  const { streams } = site;
  return [
    {
      path: "/events",
      respond(call) {
        const asked = following(site, call);
        return new Answer({
          headerLines: SSE_LINES,
          takeOver: (stream) => counted(site, asked.peer, streams.serveSse(stream, asked)),
        });
      },
    },
    {
      path: "/ws",
      respond(call) {
        const { headers } = call.request.head;
        const key = upgradeKey(call.request.head);
        if (key === undefined) {
          return failure(426, "Here is a WebSocket", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        }
        const asked = following(site, call);
        const offered = headers.get("sec-websocket-protocol")?.split(",").map((name) => name.trim());
        const protocol = offered?.includes(SUBPROTOCOL) ? `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n` : "";
        return new Answer({
          code: 101,
          headerLines: `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${
            acceptFor(key)
          }\r\n${protocol}`,
          takeOver: (stream) => counted(site, asked.peer, streams.serveWebSocket(stream, asked)),
        });
      },
    },
  ];
}

/** What a request wants to follow. @throws {Refusal} It may not, or can't. */
function following({ tracker, streams, gate }: EventSite, call: Call): Following {
  const query = new URLSearchParams(call.request.head.query);
  const { channel, peer_id: peer, since } = parse(requests.events, {
    channel: query.getAll("channel"),
    peer_id: query.get("peer_id") ?? undefined,
    since: call.request.head.headers.get("last-event-id") ?? query.get("since") ?? undefined,
  });
  for (const each of channel) tracker.checkChannel(each);
  if (peer !== undefined) tracker.speak(peer, call);
  if (streams.count >= MAX_LISTENERS) throw new Refusal(503, "Too many follow already");
  // What is kept as long as the stream lasts must not hold the request.
  const { session, caller } = call;
  const isAllowed = () => {
    if (!gate.isStillOn(session, Date.now())) return false;
    return peer === undefined || tracker.maySpeak(peer, caller);
  };
  return { channels: channel, peer, since, isAllowed };
}

/** As long as a stream in its name is open a peer is not silent. */
async function counted(
  { tracker: { peers } }: EventSite,
  peer: string | undefined,
  serving: Promise<void>,
): Promise<void> {
  if (peer === undefined) return await serving;
  peers.countStreams(peer, 1, Date.now());
  await serving.finally(() => peers.countStreams(peer, -1, Date.now()));
}

/** The key of a request for a WebSocket; `undefined`: it is none, or of another version. */
function upgradeKey({ method, headers }: Call["request"]["head"]): string | undefined {
  const key = headers.get("sec-websocket-key") ?? "";
  // A field that Connection does not name is not for this hop (RFC 9110 section 7.6.1, RFC 6455 section 4.2.1).
  const isAsked = method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket" &&
    KEY.test(key) &&
    /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get("connection") ?? "");
  return isAsked && headers.get("sec-websocket-version") === "13" ? key : undefined;
}

/** 16 bytes in base64 (RFC 6455 section 4.2.1). */
const KEY = /^[+/0-9A-Za-z]{21}[AQgw]==$/;
const SSE_LINES = [
  "Content-Type: text/event-stream",
  "Cache-Control: no-store",
  "X-Content-Type-Options: nosniff",
  // Without a length the end of the connection is the end of the answer (RFC 9112 section 6.3).
  "Connection: close",
  // nginx holds answers back otherwise.
  "X-Accel-Buffering: no",
].map((line) => `${line}\r\n`).join("");
