import {
  startUploadServer,
  type UploadServer,
  type UploadServerOptions,
} from "../../protocols/ws_upload/server.ts";
import type { UploadEvent } from "../../protocols/ws_upload/uploads.ts";

/** A real server on a free port of loopback, over a directory of its own; both go when it is disposed of. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly ws: string;
  readonly dir: string;
  readonly events: readonly UploadEvent[];
  readonly server: UploadServer;
}

/** Starts a {@linkcode TestServer}. */
export async function testServer(options: Partial<UploadServerOptions> = {}): Promise<TestServer> {
  const isOwnDir = options.dir === undefined;
  const dir = options.dir ?? await Deno.makeTempDir({ prefix: "transfer-test-" });
  const events: UploadEvent[] = [];
  const server = await startUploadServer({
    host: "127.0.0.1",
    port: 0,
    maxFileBytes: Number.MAX_SAFE_INTEGER,
    maxTotalBytes: Number.MAX_SAFE_INTEGER,
    maxSessions: 1000,
    expireMs: 86_400_000,
    overwrite: false,
    allowedOrigins: [],
    page: new Map(),
    onEvent: (event) => void events.push(event),
    ...options,
    dir,
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    ws: `ws://127.0.0.1:${server.port}/ws`,
    dir: server.dir,
    events,
    server,
    async [Symbol.asyncDispose]() {
      await server.close();
      if (isOwnDir) await Deno.remove(dir, { recursive: true });
    },
  };
}
