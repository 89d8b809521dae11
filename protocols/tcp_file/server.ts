import { basename, dirname, join, resolve } from "@std/path";
import { addressGroup, ConnectionLimit, type ConnectionRefusal } from "../../net/connection_limit.ts";
import { RateShare } from "../../net/rate_share.ts";
import { type Arrival, listenTcp, type ListenTcpOptions, type TcpListening } from "../../net/tcp_listener.ts";
import { Catalogue } from "../../store/catalogue.ts";
import { realDisk } from "../../store/disk.ts";
import { NONCE_BYTES } from "./hello.ts";
import { OfferedList } from "../../store/offered_list.ts";
import { plainList } from "./plain.ts";
import { SendMemory } from "./send_memory.ts";
import { ServedFiles } from "./served_files.ts";
import { type ConnectionEvent, ServerConnection } from "./server_connection.ts";
import { SERVING_LIMITS, type ServingLimits } from "./serving_action.ts";

/** Something that a server has to tell. */
export type ServerEvent =
  | ConnectionEvent
  /** A connection that was not taken. */
  | { readonly type: "refused"; readonly address: string; readonly reason: ConnectionRefusal }
  /** Plain clients are not told of all files, as they read no more than 4096 bytes of a list. */
  | { readonly type: "cut"; readonly files: number; readonly omitted: number }
  /** The list can't be written to its file. */
  | { readonly type: "unsaved"; readonly reason: string }
  /** The directory can't be followed as it should be. */
  | { readonly type: "unfollowed"; readonly reason: string };

/** Options of {@linkcode startTcpFileServer}. */
export interface TcpFileServerOptions extends Pick<ListenTcpOptions, "host" | "port" | "tls"> {
  /** The directory that is served. */
  readonly dir: string;
  /** The file that the list of files is kept in; `undefined`: none. */
  readonly listFile?: string | undefined;
  /** What every client has to prove that it knows. Plain clients can't. */
  readonly token?: string | undefined;
  /** Most connections at a time. */
  readonly maxConnections: number;
  /** Most of them from one address; of IPv6 from one /64. */
  readonly maxConnectionsPerAddress: number;
  /** Most bytes a second, of all connections together. Default: no limit. */
  readonly maxBytesPerSecond?: number | undefined;
  /** How long clients may take. Default: {@linkcode SERVING_LIMITS}. */
  readonly limits?: ServingLimits | undefined;
  readonly onEvent: (event: ServerEvent) => void;
}

/** A running server. */
export interface TcpFileServer {
  readonly port: number;
  /** Absolute path of the directory. */
  readonly dir: string;
  /** Uses another certificate for the connections to come. @throws {TypeError} It speaks no TLS. */
  setCertificate: TcpListening["setCertificate"];
  /** Stops: nothing new is taken, answers under way are sent. Takes at most ten seconds. */
  close(): Promise<void>;
}

/** Large buffers of {@linkcode SendMemory}: 17 MiB, and 32 MiB of small ones for 512 connections. */
const LARGE_BUFFERS = 16;
/** How often it is looked who is too slow, and which files nobody reads, in milliseconds. */
const CHECK_MS = 1_000;
/** How long answers under way may still take when the server stops, in milliseconds. */
const GOODBYE_MS = 8_000;

/**
 * Starts to serve a directory to plain clients and to those of XFER/1.
 *
 * @throws {Deno.errors.NotFound} There is no such directory.
 * @throws {Error} The address can't be listened on; `code` tells why.
 */
export async function startTcpFileServer(options: TcpFileServerOptions): Promise<TcpFileServer> {
  await using opening = new AsyncDisposableStack();
  const listPath = options.listFile === undefined ? undefined : await absolute(options.listFile);
  let list: OfferedList | undefined = undefined;
  const catalogue = opening.use(
    await Catalogue.open(options.dir, {
      exclude: listPath === undefined ? [] : [listPath, `${listPath}.new`],
      onChange: () => list?.changed(),
      onProblem: (reason) => options.onEvent({ type: "unfollowed", reason }),
    }),
  );
  list = opening.use(
    new OfferedList({
      disk: realDisk(),
      path: listPath,
      make: () => plainList(catalogue.topFiles().map(({ path, size }) => ({ name: path, size }))),
      onCut: (cut) => options.onEvent({ type: "cut", ...cut }),
      onUnsaved: (reason) => options.onEvent({ type: "unsaved", reason }),
    }),
  );
  await list.save();
  const connections = opening.use(new Connections({ ...options, catalogue, list }));
  const { port, setCertificate, close } = await listenTcp({
    ...options,
    handshakeMs: (options.limits ?? SERVING_LIMITS).handshakeMs,
    onArrival: (arrival) => connections.take(arrival),
  });
  opening.defer(close);
  const running = opening.move();
  return { port, dir: catalogue.root, setCertificate, close: () => running.disposeAsync() };
}

/** The path of a file that need not be there, with the links of its directory followed. */
async function absolute(path: string): Promise<string> {
  const directory = dirname(resolve(path));
  try {
    return join(await Deno.realPath(directory), basename(path));
  } catch {
    return resolve(path); // Writing it will tell.
  }
}

interface ConnectionsOptions extends TcpFileServerOptions {
  readonly catalogue: Catalogue;
  readonly list: OfferedList;
}

/** The connections of a server, and what they share. */
class Connections implements AsyncDisposable {
  readonly #options: ConnectionsOptions;
  readonly #limit: ConnectionLimit;
  readonly #memory = new SendMemory(LARGE_BUFFERS);
  readonly #files: ServedFiles;
  readonly #rate: RateShare | undefined;
  /** In the order in which they came; those that count. */
  readonly #counted = new Set<ServerConnection>();
  /** All that are not over. */
  readonly #serving = new Map<ServerConnection, Promise<void>>();
  readonly #checks: ReturnType<typeof setInterval>;

  constructor(options: ConnectionsOptions) {
    const { catalogue, maxConnections, maxConnectionsPerAddress, maxBytesPerSecond } = options;
    this.#options = options;
    this.#limit = new ConnectionLimit({ total: maxConnections, perAddress: maxConnectionsPerAddress });
    this.#files = new ServedFiles(catalogue);
    this.#rate = maxBytesPerSecond === undefined ? undefined : new RateShare(maxBytesPerSecond);
    this.#checks = setInterval(() => this.#check(), CHECK_MS);
  }

  /** Serves a connection, if there is room for it. */
  take(arrival: Arrival): void {
    const { address } = arrival;
    const reason = this.#admit(address);
    if (reason !== undefined) {
      arrival.close();
      arrival.stream.then((stream) => stream.close(), () => {});
      return this.#options.onEvent({ type: "refused", address, reason });
    }
    const { catalogue, list, token, limits, onEvent } = this.#options;
    const connection = new ServerConnection(arrival, {
      session: {
        nonce: crypto.getRandomValues(new Uint8Array(NONCE_BYTES)),
        token,
        plainList: list.bytes,
        limits,
      },
      catalogue,
      files: this.#files,
      memory: this.#memory,
      rate: this.#rate,
      onEvent,
    });
    this.#counted.add(connection);
    const serving = connection.serve().finally(() => {
      this.#serving.delete(connection);
      this.#release(connection);
    });
    this.#serving.set(connection, serving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#serving.keys()) connection.leave();
    const terminate = setTimeout(() => {
      this.#rate?.[Symbol.dispose]();
      for (const connection of this.#serving.keys()) connection.terminate("leaving", "the server stops");
    }, GOODBYE_MS);
    await Promise.all(this.#serving.values());
    clearTimeout(terminate);
    clearInterval(this.#checks);
    this.#rate?.[Symbol.dispose]();
    this.#files[Symbol.dispose]();
  }

  /**
   * Counts a connection. When there are too many, one that is idle has to go: so however many there are that
   * say nothing, whoever says what it wants gets in.
   */
  #admit(address: string): ConnectionRefusal | undefined {
    const reason = this.#limit.admit(address);
    if (reason === undefined) return undefined;
    const group = reason === "address_limit" ? addressGroup(address) : undefined;
    const idle = this.#findIdle(group);
    if (idle === undefined) return reason;
    this.#release(idle);
    idle.terminate("crowded", "it was idle, and others came");
    return this.#limit.admit(address);
  }

  /**
   * The oldest connection that is not served yet, or else the one that is idle for longest, and for longer than
   * a handshake may take: plain clients ask every 5 s.
   */
  #findIdle(group: string | undefined): ServerConnection | undefined {
    let found: ServerConnection | undefined;
    const { limits = SERVING_LIMITS } = this.#options;
    let sinceMs = performance.now() - limits.handshakeMs;
    for (const connection of this.#counted) {
      if (group !== undefined && addressGroup(connection.address) !== group) continue;
      if (!connection.isAdmitted) return connection;
      const { idleSinceMs = Infinity } = connection;
      if (idleSinceMs >= sinceMs) continue;
      found = connection;
      sinceMs = idleSinceMs;
    }
    return found;
  }

  #release(connection: ServerConnection): void {
    if (this.#counted.delete(connection)) this.#limit.release(connection.address);
  }

  #check(): void {
    const nowMs = performance.now();
    for (const connection of this.#serving.keys()) connection.checkPace(nowMs);
    this.#files.tidy();
  }
}
