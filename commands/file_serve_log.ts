import type { Logger } from "@logtape/logtape";
import type { ServerEvent as TcpServerEvent } from "../protocols/tcp_file/server.ts";
import type { ServerEvent as UdpServerEvent } from "../protocols/udp_file/server.ts";
import { type DenialLog, denialLog } from "./denial_log.ts";

/** What servers of files tell alike: all but how a connection went. */
type FileServerEvent = Exclude<TcpServerEvent | UdpServerEvent, { type: "closed" }>;

/** What servers of files write to a log. Disposing of it writes what it still holds back. */
export interface FileServeLog extends Disposable {
  readonly denials: DenialLog;
  readonly onEvent: (event: FileServerEvent) => void;
  /** Tells how a connection went. */
  closed<T extends { readonly seconds: number }>(properties: T): void;
}

/** Writes what a server tells to a log. @param listBytes What plain clients read of the list: "4096 bytes". */
export function fileServeLog(log: Logger, listBytes: string): FileServeLog {
  const denials = denialLog(log, "connections");
  return {
    denials,
    onEvent(event) {
      switch (event.type) {
        case "refused":
          return denials.deny(event.reason, { address: event.address });
        case "served": {
          const { type: _, ...properties } = event;
          return log.info("file served", rounded(properties));
        }
        case "cut": {
          const { type: _, ...properties } = event;
          return log.warn(
            `plain clients are not told of all files, as they read ${listBytes} of the list`,
            properties,
          );
        }
        default: {
          const { type, ...properties } = event;
          return log.warn(WARNINGS[type], properties);
        }
      }
    },
    closed: (properties) => log.info("connection closed", rounded(properties)),
    [Symbol.dispose]: () => denials[Symbol.dispose](),
  };
}

const WARNINGS: Readonly<Record<Exclude<FileServerEvent["type"], "refused" | "served" | "cut">, string>> = {
  changed: "file changed while it was sent",
  unreadable: "file can't be read",
  unsaved: "the list can't be written",
  unfollowed: "changes of the directory may be seen late",
};

function rounded<T extends { readonly seconds: number }>(properties: T): T {
  return { ...properties, seconds: Math.round(properties.seconds * 1000) / 1000 };
}
