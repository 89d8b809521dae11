import { ReceiveMemory } from "../../net/receive_memory.ts";
import { type Disk, realDisk } from "../../store/disk.ts";
import { lockDirectory, type LockedDirectory } from "../../store/lock.ts";
import { UploadStore } from "../../store/upload_store.ts";
import { AccessGate, type Denial } from "./access_gate.ts";
import { EventHub } from "./event_hub.ts";
import { type PageAsset, respond, type Site } from "./http_routes.ts";
import { type HttpServer, listen, type TlsPair } from "./http_server.ts";
import { scrape } from "./scrape.ts";
import { type ShareList, shareList } from "./share_list.ts";
import type { SideService } from "./side_service.ts";
import { UploadMetrics } from "./upload_metrics.ts";
import type { UploadEvent } from "./upload_event.ts";
import { Uploads } from "./uploads.ts";
import { acceptWebSocket, type Connections } from "./web_sockets.ts";

/** Options of {@linkcode startUploadServer}. */
export interface UploadServerOptions {
  /** Address or name to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Directory that files are received in; made when it is not there. */
  readonly dir: string;
  /** @default The file system of this machine. */
  readonly disk?: Disk;
  /** Largest file accepted, in bytes. */
  readonly maxFileBytes: number;
  /** Most bytes that the directory may hold. */
  readonly maxTotalBytes: number;
  /** After how long without its client an unfinished upload is deleted, in milliseconds. */
  readonly expireMs: number;
  /** Most uploads open at a time. */
  readonly maxSessions: number;
  /** Replace a file that has an upload's name, instead of numbering the new one. */
  readonly overwrite: boolean;
  /** Speaks TLS with this certificate; `undefined` speaks plain HTTP. */
  readonly tls?: TlsPair | undefined;
  /** What every client has to present; `undefined` asks for nothing. */
  readonly token?: string | undefined;
  /** Origins of web pages that may use this server besides its own, such as `https://example.org`. */
  readonly allowedOrigins: readonly string[];
  /** Most connections at a time from one address, of all kinds. */
  readonly maxConnectionsPerAddress: number;
  /** Show at `/api/uploads` and `/api/events` what is uploaded, to all who may use the server. */
  readonly shareList: boolean;
  /**
   * Opens what is served beside uploads; `undefined`: nothing is. It gets the path of the directory's folder
   * for state, which this process has for itself, and belongs to the server from then on.
   */
  readonly openSide?: ((stateFolder: string) => SideService) | undefined;
  /** The page, by URL path. */
  readonly page: ReadonlyMap<string, PageAsset>;
  readonly onEvent: (event: UploadEvent) => void;
  /** Called for every request that is turned away. */
  readonly onDenied: (denial: Denial) => void;
}

/** A running server. */
export interface UploadServer {
  readonly host: string;
  readonly port: number;
  /** Absolute path of the directory. */
  readonly dir: string;
  /** Uses another certificate for the connections to come; those that are open stay. */
  setCertificate(pair: TlsPair): void;
  /**
   * Stops: nothing new is taken, every client's socket is closed with 1001, what was received is
   * synced. Takes at most ten seconds, whatever the clients do.
   */
  close(): Promise<void>;
}

/** Most bytes of messages under way, over all connections, before the next one has to wait. */
const RECEIVE_BYTES = 256 * 1024 * 1024;
/** How often stale uploads are looked for, in milliseconds. */
const EXPIRE_EVERY_MS = 3_600_000;
/** How long {@linkcode UploadServer.close} waits for clients to close their side, in milliseconds. */
const GOODBYE_MS = 2_000;

/** Starts a server of the upload protocol, its page and the files it received. */
export async function startUploadServer(options: UploadServerOptions): Promise<UploadServer> {
  const directory = await lockDirectory(options.dir);
  let side: SideService | undefined;
  try {
    side = options.openSide?.(directory.state);
    return await startIn(directory, { ...options, side });
  } catch (error) {
    await side?.close();
    directory[Symbol.dispose]();
    throw error;
  }
}

type StartOptions = UploadServerOptions & { readonly side: SideService | undefined };

async function startIn(directory: LockedDirectory, options: StartOptions): Promise<UploadServer> {
  const parts = await openParts(directory, options);
  const { store, uploads, memory, metrics, connections, share, hub } = parts;
  const { side } = options;
  const scheme = options.tls === undefined ? "http" : "https";
  const gate = new AccessGate({ ...options, scheme }, (denial) => {
    metrics.rejected(denial.reason).increment();
    options.onDenied(denial);
  });
  const site = siteOf(parts, { ...options, gate });
  let closed: Promise<void> | undefined;
  const http = await listen((request, response) => void respond({ request, response }, site), {
    ...options,
    onRefused: (reason, peer) => void gate.deny(reason, peer),
    onUpgrade: (request, socket, head) => {
      acceptWebSocket({ request, socket, head }, {
        gate,
        uploads,
        memory,
        metrics,
        connections,
        side,
        isClosing: () => closed !== undefined,
        onError: (error) => site.onError("WebSocket", error),
      });
    },
  });
  const expirer = setInterval(() => void uploads.expire(Date.now() - options.expireMs), EXPIRE_EVERY_MS);
  return {
    host: options.host,
    port: http.port,
    dir: store.root,
    setCertificate: http.setCertificate,
    close() {
      clearInterval(expirer);
      return closed ??= close({ http, connections, share, side, hub }).finally(() => {
        directory[Symbol.dispose]();
      });
    },
  };
}

/** What a server consists of, besides its connections to the world. */
interface Parts {
  readonly store: UploadStore;
  readonly uploads: Uploads;
  readonly memory: ReceiveMemory;
  readonly metrics: UploadMetrics;
  readonly connections: Connections;
  readonly share: ShareList | undefined;
  readonly hub: EventHub;
  /** Counts an event, and tells whom it is to be told. */
  readonly onEvent: (event: UploadEvent) => void;
}

async function openParts(directory: LockedDirectory, options: StartOptions): Promise<Parts> {
  const { disk = realDisk(), side } = options;
  const store = await UploadStore.open(directory.path, { disk, nowMs: Date.now() });
  const memory = new ReceiveMemory(RECEIVE_BYTES);
  const metrics = new UploadMetrics();
  let share: ShareList | undefined;
  const onEvent = (event: UploadEvent) => {
    metrics.count(event);
    share?.onEvent(event);
    options.onEvent(event);
  };
  const uploads = await Uploads.open({ ...options, store, onEvent, metrics });
  await uploads.expire(Date.now() - options.expireMs);
  const hub = new EventHub(() => ({ ...share?.snapshot(), ...side?.snapshot() }));
  if (options.shareList) share = shareList(uploads, (events) => hub.publish(events));
  side?.follow((events) => hub.publish(events));
  return { store, uploads, memory, metrics, connections: new Map(), share, hub, onEvent };
}

function siteOf(
  { store, uploads, memory, metrics, connections, share, hub, onEvent }: Parts,
  { gate, page, side }: Pick<StartOptions, "page" | "side"> & { readonly gate: AccessGate },
): Site {
  return {
    gate,
    page,
    root: store.root,
    share,
    side,
    hub: share === undefined && side === undefined ? undefined : hub,
    scrape: async () => {
      return await scrape({ metrics, uploads, store, connections, memory }) + (side?.scrape() ?? "");
    },
    onError: (path, error) => onEvent({ type: "unusable", path, reason: String(error) }),
  };
}

async function close(
  { http, connections, share, side, hub }: {
    readonly http: HttpServer;
    readonly connections: Connections;
    readonly share: ShareList | undefined;
    readonly side: SideService | undefined;
    readonly hub: EventHub;
  },
): Promise<void> {
  const closed = http.close();
  for (const socket of connections.keys()) socket.close(1001, "Server is stopping");
  const terminate = setTimeout(() => {
    for (const socket of connections.keys()) socket.terminate();
    http.closeAll();
  }, GOODBYE_MS);
  await Promise.all([...connections.values(), side?.close()]);
  // Not before: its readers are told how the last uploads ended.
  share?.close();
  hub.close();
  http.closeIdle();
  await closed;
  clearTimeout(terminate);
}
