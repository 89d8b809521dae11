import type { Logger } from "@logtape/logtape";
import type { ServerEvent } from "../protocols/udp_file/server.ts";
import { denialLog } from "./denial_log.ts";

/** What `udp-serve` writes to its log. Disposing of it writes what it still holds back. */
export interface UdpServeLog extends Disposable {
  readonly onEvent: (event: ServerEvent) => void;
}

/** Writes what a server tells to a log. */
export function udpServeLog(log: Logger): UdpServeLog {
  const denials = denialLog(log, "connections");
  return {
    onEvent(event) {
      switch (event.type) {
        case "refused":
          return denials.deny(event.reason, { address: event.address });
        case "closed": {
          const { type: _, roundTripMs, ...properties } = event;
          return log.info("connection closed", {
            ...rounded(properties),
            roundTripMs: Math.round(roundTripMs * 10) / 10,
          });
        }
        case "served": {
          const { type: _, ...properties } = event;
          return log.info("file served", rounded(properties));
        }
        default: {
          const { type, ...properties } = event;
          return log.warn(WARNINGS[type], properties);
        }
      }
    },
    [Symbol.dispose]: () => denials[Symbol.dispose](),
  };
}

const WARNINGS: Readonly<Record<Exclude<ServerEvent["type"], "refused" | "closed" | "served">, string>> = {
  cut: "plain clients are not told of all files, as they read one datagram of the list",
  changed: "file changed while it was sent",
  unreadable: "file can't be read",
  unsaved: "the list can't be written",
  unfollowed: "changes of the directory may be seen late",
};

function rounded<T extends { readonly seconds: number }>(properties: T): T {
  return { ...properties, seconds: Math.round(properties.seconds * 1000) / 1000 };
}
