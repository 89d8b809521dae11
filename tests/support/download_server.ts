import { join } from "@std/path";
import { DownloadSide, type DownloadSideOptions } from "../../protocols/http_ranges/download_side.ts";
import type { DownloadEvent } from "../../protocols/http_ranges/queue_service.ts";
import { QueueStore } from "../../protocols/http_ranges/queue_store.ts";
import { UrlChecker } from "../../protocols/http_ranges/url_checker.ts";
import { serveFile } from "../../protocols/ws_upload/files_route.ts";
import type { UploadServerOptions } from "../../protocols/ws_upload/server.ts";
import { simpleDownload } from "./simple_download.ts";
import { type TestServer, testServer } from "./upload_server.ts";

/** A server with a queue of downloads, on a free port of loopback. */
export interface DownloadServer extends AsyncDisposable {
  readonly server: TestServer;
  readonly api: string;
  /** Where the files go. */
  readonly files: string;
  readonly events: readonly DownloadEvent[];
}

/** Options of {@linkcode startDownloadServer}. */
export interface DownloadServerOptions {
  /** Outlives the server. */
  readonly dir: string;
  readonly side?: Partial<DownloadSideOptions>;
  readonly server?: Partial<UploadServerOptions>;
}

/** Starts a {@linkcode DownloadServer}, whose downloads are the simplest that there can be. */
export async function startDownloadServer(
  { dir, side: sideOptions, server: serverOptions }: DownloadServerOptions,
): Promise<DownloadServer> {
  const files = join(dir, "files");
  await Deno.mkdir(files, { recursive: true });
  const events: DownloadEvent[] = [];
  const server = await testServer({
    dir: join(dir, "uploads"),
    openSide: (stateFolder) => {
      const checker = new UrlChecker({ timeoutMs: 10_000 });
      const store = new QueueStore(join(stateFolder, "downloads.db"));
      const side = new DownloadSide({
        store,
        maxActive: 2,
        fetch: (item) => Promise.resolve(simpleDownload(item, files)),
        check: (url, signal) => checker.check(url, signal),
        discard: async ({ headway }) => {
          if (headway.name !== undefined) {
            await Deno.remove(join(files, `${headway.name}.part`)).catch(() => {});
          }
        },
        leftovers: () => Promise.resolve([]),
        tidy: () => Promise.resolve(),
        serveFile: (exchange, name) => serveFile(exchange, { root: files, name }),
        onEvent: (event) => void events.push(event),
        ...sideOptions,
      });
      return {
        connect: (client) => side.connect(client),
        route: (path) => side.route(path),
        snapshot: () => ({ ...side.snapshot() }),
        scrape: () => side.scrape(),
        follow: (publish) => side.follow(publish),
        async close() {
          await side.close();
          checker[Symbol.dispose]();
          store[Symbol.dispose]();
        },
      };
    },
    ...serverOptions,
  });
  return {
    server,
    api: `${server.url}/api/downloads`,
    files,
    events,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
