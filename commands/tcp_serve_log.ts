import type { Logger } from "@logtape/logtape";
import type { ServerEvent } from "../protocols/tcp_file/server.ts";
import { fileServeLog } from "./file_serve_log.ts";

/** What `tcp-serve` writes to its log. Disposing of it writes what it still holds back. */
export interface TcpServeLog extends Disposable {
  readonly onEvent: (event: ServerEvent) => void;
}

/** Writes what a server tells to a log. */
export function tcpServeLog(log: Logger): TcpServeLog {
  const files = fileServeLog(log, "4096 bytes");
  return {
    onEvent(event) {
      if (event.type !== "closed") return files.onEvent(event);
      const { type: _, client, cause, ...properties } = event;
      const { address, reason } = event;
      if (cause === "refused") return files.denials.deny("token", { address, why: reason });
      if (client !== "unknown") return files.closed({ ...properties, client, cause });
      // Who looks whether the port is open has asked for nothing.
      if (cause === "silent" || cause === "crowded") files.denials.deny(cause, { address });
    },
    [Symbol.dispose]: () => files[Symbol.dispose](),
  };
}
