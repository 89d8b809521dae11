import {
  startUploadServer,
  type UploadServer,
  type UploadServerOptions,
} from "../../protocols/ws_upload/server.ts";
import type { Denial } from "../../protocols/ws_upload/access_gate.ts";
import type { UploadEvent } from "../../protocols/ws_upload/upload_event.ts";

/** A real server on a free port of loopback, over a directory of its own; both go when it is disposed of. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly ws: string;
  readonly dir: string;
  readonly events: readonly UploadEvent[];
  readonly denials: readonly Denial[];
  readonly server: UploadServer;
}

/** Starts a {@linkcode TestServer}. */
export async function testServer(options: Partial<UploadServerOptions> = {}): Promise<TestServer> {
  const isOwnDir = options.dir === undefined;
  const dir = options.dir ?? await Deno.makeTempDir({ prefix: "transfer-test-" });
  const events: UploadEvent[] = [];
  const denials: Denial[] = [];
  const server = await startUploadServer({
    host: "127.0.0.1",
    port: 0,
    maxFileBytes: Number.MAX_SAFE_INTEGER,
    maxTotalBytes: Number.MAX_SAFE_INTEGER,
    maxSessions: 1000,
    expireMs: 86_400_000,
    overwrite: false,
    allowedOrigins: [],
    shareList: false,
    maxConnectionsPerAddress: 256,
    page: new Map(),
    onEvent: (event) => void events.push(event),
    onDenied: (denial) => void denials.push(denial),
    ...options,
    dir,
  });
  const secure = options.tls === undefined ? "" : "s";
  return {
    url: `http${secure}://127.0.0.1:${server.port}`,
    ws: `ws${secure}://127.0.0.1:${server.port}/ws`,
    dir: server.dir,
    events,
    denials,
    server,
    async [Symbol.asyncDispose]() {
      await server.close();
      if (isOwnDir) await Deno.remove(dir, { recursive: true });
    },
  };
}
