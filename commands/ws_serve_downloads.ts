import { join, relative, resolve } from "@std/path";
import { privateKind } from "../net/private_address.ts";
import { startDownload } from "../protocols/http_ranges/download.ts";
import { DownloadSide } from "../protocols/http_ranges/download_side.ts";
import type { DownloadEvent } from "../protocols/http_ranges/queue_service.ts";
import { proxyFor } from "../protocols/http_ranges/proxies.ts";
import { partName } from "../protocols/http_ranges/queue_rules.ts";
import { QueueStore } from "../protocols/http_ranges/queue_store.ts";
import type { DownloadOptions } from "../protocols/http_ranges/running_download.ts";
import { UrlChecker } from "../protocols/http_ranges/url_checker.ts";
import { serveFile } from "../protocols/ws_upload/files_route.ts";
import type { SideService } from "../protocols/ws_upload/side_service.ts";
import { realDisk } from "../store/disk.ts";
import { findRangedPart, urlsOfParts } from "../store/ranged_parts.ts";
import { UsageError } from "./command.ts";

/** How a server fetches files. */
export interface ServeDownloadsOptions {
  /** Where they go; made when the first one is fetched. */
  readonly downloadsDir: string;
  /** Most connections of one download. */
  readonly threads: number;
  /** Bytes that a connection asks for. */
  readonly block: number;
  /** Most downloads at a time. */
  readonly maxActive: number;
  /** Fetch also from addresses that are not of the public internet. */
  readonly allowPrivate: boolean;
  readonly onEvent: (event: DownloadEvent) => void;
}

/** For a connection, and for the head of an answer, in milliseconds. */
const TIMEOUT_MS = 30_000;
/** Nobody sits in front of it: it may take its time. */
const RETRIES = 20;

/** Opens the queue of downloads that is kept in a folder for state. */
export function serveDownloads(options: ServeDownloadsOptions, stateFolder: string): SideService {
  const root = resolve(options.downloadsDir);
  const admitAddress = options.allowPrivate
    ? undefined
    : (address: string) => privateKind(address) === undefined;
  const common = commonOptions(options, { directory: root, admitAddress });
  const store = new QueueStore(join(stateFolder, "downloads.db"));
  const checker = new UrlChecker({
    timeoutMs: TIMEOUT_MS,
    admitAddress,
    proxyFor: (url) => proxyFor(url, { env: (name) => Deno.env.get(name) }),
  });
  const side = new DownloadSide({
    store,
    maxActive: options.maxActive,
    fetch: (item, onPublished) => {
      const { key, sha256 } = item.request;
      const name = partName(item);
      return Promise.resolve(startDownload({ ...common, sources: [key], name, sha256, onPublished }));
    },
    check: (url, signal) => checker.check(url, signal),
    discard: (item) => cleanUp(root, { url: item.request.key, name: partName(item) }, { discards: true }),
    leftovers: () => urlsOfParts({ disk: realDisk(), directory: root }),
    tidy: ({ request: { key } }) => cleanUp(root, { url: key, name: undefined }, { discards: false }),
    serveFile: (exchange, name) => serveFile(exchange, { root, name }),
    onEvent: options.onEvent,
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
}

/**
 * Checks that neither of the two directories lies in the other: what is in the one for uploads is taken for
 * uploads.
 *
 * @throws {UsageError} One does.
 */
export function checkApart(
  { dir, downloadsDir }: { readonly dir: string; readonly downloadsDir: string },
): void {
  const between = [
    relative(resolve(dir), resolve(downloadsDir)),
    relative(resolve(downloadsDir), resolve(dir)),
  ];
  if (between.every((path) => path === ".." || path.startsWith("../") || path.startsWith("..\\"))) return;
  throw new UsageError(`--dir ${dir} and --downloads-dir ${downloadsDir}: expected two directories apart`);
}

function commonOptions(
  { threads, block }: ServeDownloadsOptions,
  { directory, admitAddress }: Pick<DownloadOptions, "directory" | "admitAddress">,
): Omit<DownloadOptions, "sources"> {
  return {
    directory,
    admitAddress,
    threads,
    perHost: threads,
    blockBytes: block,
    retries: RETRIES,
    timeoutMs: TIMEOUT_MS,
    headers: [],
    insecure: false,
    resume: true,
    overwrite: false,
  };
}

/** Removes the journal of what a URL gave, if that was published, and what was not if that is asked for. */
async function cleanUp(
  directory: string,
  download: { readonly url: string; readonly name: string | undefined },
  { discards }: { readonly discards: boolean },
): Promise<void> {
  try {
    const left = await findRangedPart({ disk: realDisk(), directory }, download);
    if (left.kind === "part") await (discards ? left.part.discard() : left.part.close());
  } catch (error) {
    // Nothing was ever fetched.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
