import {
  type ServerEvent,
  startUdpFileServer,
  type UdpFileServer,
  type UdpFileServerOptions,
} from "../../protocols/udp_file/server.ts";
import { fileServer, type TestFileServer } from "./file_server.ts";

/** A real server of `udp-serve`. */
export type TestUdpFileServer = TestFileServer<UdpFileServer, ServerEvent>;

/** Starts a {@linkcode TestUdpFileServer} over a directory with these files. */
export function udpFileServer(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<UdpFileServerOptions> = {},
): Promise<TestUdpFileServer> {
  return fileServer(files, (serving) => startUdpFileServer({ ...serving, ...options }));
}
