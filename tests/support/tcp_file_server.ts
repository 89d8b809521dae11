import {
  type ServerEvent,
  startTcpFileServer,
  type TcpFileServer,
  type TcpFileServerOptions,
} from "../../protocols/tcp_file/server.ts";
import { fileServer, type TestFileServer } from "./file_server.ts";

/** A real server of `tcp-serve`. */
export type TestTcpFileServer = TestFileServer<TcpFileServer, ServerEvent>;

/** Starts a {@linkcode TestTcpFileServer} over a directory with these files. */
export function tcpFileServer(
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<TcpFileServerOptions> = {},
): Promise<TestTcpFileServer> {
  return fileServer(files, (serving) => startTcpFileServer({ ...serving, ...options }));
}
