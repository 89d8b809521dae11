import type { Logger } from "@logtape/logtape";
import type { ServerEvent } from "../protocols/udp_file/server.ts";
import { fileServeLog } from "./file_serve_log.ts";

/** What `udp-serve` writes to its log. Disposing of it writes what it still holds back. */
export interface UdpServeLog extends Disposable {
  readonly onEvent: (event: ServerEvent) => void;
}

/** Writes what a server tells to a log. */
export function udpServeLog(log: Logger): UdpServeLog {
  const files = fileServeLog(log, "one datagram");
  return {
    onEvent(event) {
      if (event.type !== "closed") return files.onEvent(event);
      const { type: _, roundTripMs, ...properties } = event;
      files.closed({ ...properties, roundTripMs: Math.round(roundTripMs * 10) / 10 });
    },
    [Symbol.dispose]: () => files[Symbol.dispose](),
  };
}
