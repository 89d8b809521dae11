import { randomBytes } from "node:crypto";
import { basename, dirname, join, resolve } from "@std/path";
import { TokenBucket } from "../../net/token_bucket.ts";
import { Catalogue } from "../../store/catalogue.ts";
import { realDisk } from "../../store/disk.ts";
import { FoundFiles } from "../../store/found_files.ts";
import { OfferedList } from "../../store/offered_list.ts";
import { plainList } from "./plain.ts";
import { PlainClients } from "./plain_clients.ts";
import { ReadAhead } from "./read_ahead.ts";
import { Reception, type ReceptionEvent } from "./reception.ts";
import { UdpSocket } from "./udp_socket.ts";

/** Something that a server has to tell. */
export type ServerEvent =
  | ReceptionEvent
  /** Plain clients are not told of all files, as they read no more than one datagram of a list. */
  | { readonly type: "cut"; readonly files: number; readonly omitted: number }
  /** The list can't be written to its file. */
  | { readonly type: "unsaved"; readonly reason: string }
  /** The directory can't be followed as it should be. */
  | { readonly type: "unfollowed"; readonly reason: string };

/** Options of {@linkcode startUdpFileServer}. */
export interface UdpFileServerOptions {
  readonly host: string;
  readonly port: number;
  /** The directory that is served. */
  readonly dir: string;
  /** The file that the list of files is kept in; `undefined`: none. */
  readonly listFile?: string | undefined;
  /** What every client has to prove that it knows. Plain clients can't. */
  readonly token?: string | undefined;
  /** Whether plain clients are served. Default: true, without a token. */
  readonly plain?: boolean | undefined;
  /** Most bytes of a datagram; larger ones are not even tried. Default: what the way to a client can carry. */
  readonly maxDatagramBytes?: number | undefined;
  /** Most connections of XUDP/1 at a time. */
  readonly maxConnections: number;
  /** Most of them from one address; of IPv6 from one /64. */
  readonly maxConnectionsPerAddress: number;
  /** Most bytes a second, to all clients together. Default: no limit. */
  readonly maxBytesPerSecond?: number | undefined;
  readonly onEvent: (event: ServerEvent) => void;
}

/** A running server. */
export interface UdpFileServer {
  readonly port: number;
  /** Absolute path of the directory. */
  readonly dir: string;
  /** Stops: tells the clients, who come back or give up. */
  close(): Promise<void>;
}

/** Files open at a time. */
const MAX_OPEN = 256;
/** Memory for what is read before it is sent, to all clients. */
const READ_AHEAD_BYTES = 16 * 1024 * 1024;
/** How often it is looked which clients and files nobody needs any more, in milliseconds. */
const CHECK_MS = 5_000;

/**
 * Starts to serve a directory to plain clients and to those of XUDP/1.
 *
 * @throws {Deno.errors.NotFound} There is no such directory.
 * @throws {Error} The address can't be listened on; `code` tells why.
 */
export async function startUdpFileServer(options: UdpFileServerOptions): Promise<UdpFileServer> {
  const { host, port, token, onEvent, maxBytesPerSecond } = options;
  await using opening = new AsyncDisposableStack();
  const { catalogue, list } = await offer(options, opening);
  const files = opening.use(new FoundFiles(catalogue, { maxOpen: MAX_OPEN }));
  let onDatagram: (bytes: Uint8Array<ArrayBuffer>, from: Deno.NetAddr) => void = () => {};
  const socket = opening.use(
    new UdpSocket({ hostname: host, port, onDatagram: (bytes, from) => onDatagram(bytes, from) }),
  );
  const bucket = maxBytesPerSecond === undefined
    ? undefined
    : new TokenBucket({ bytesPerSecond: maxBytesPerSecond, nowMs: performance.now() });
  const plain = (options.plain ?? true) && token === undefined
    ? opening.use(new PlainClients({ socket, catalogue, files, list, bucket }))
    : undefined;
  const readAhead = new ReadAhead(files, { memoryBytes: READ_AHEAD_BYTES });
  const secret = randomBytes(32);
  const reception = new Reception({
    ...options,
    socket,
    catalogue,
    files,
    readAhead,
    bucket,
    secret,
    onEvent,
  });
  opening.defer(() => reception.close());
  onDatagram = (bytes, from) => {
    if (!reception.receive(bytes, from)) plain?.receive(bytes, from);
  };
  const checks = setInterval(() => {
    const nowMs = performance.now();
    reception.forgetOld(nowMs);
    plain?.forgetIdle(nowMs);
    files.closeUnused();
  }, CHECK_MS);
  opening.defer(() => clearInterval(checks));
  const running = opening.move();
  return { port: socket.port, dir: catalogue.root, close: () => running.disposeAsync() };
}

/** Opens the directory, and keeps its list. */
async function offer(
  { dir, listFile, onEvent }: UdpFileServerOptions,
  opening: AsyncDisposableStack,
): Promise<{ readonly catalogue: Catalogue; readonly list: OfferedList }> {
  const listPath = listFile === undefined ? undefined : await absolute(listFile);
  let list: OfferedList | undefined = undefined;
  const catalogue = opening.use(
    await Catalogue.open(dir, {
      exclude: listPath === undefined ? [] : [listPath, `${listPath}.new`],
      onChange: () => list?.changed(),
      onProblem: (reason) => onEvent({ type: "unfollowed", reason }),
    }),
  );
  list = opening.use(
    new OfferedList({
      disk: realDisk(),
      path: listPath,
      make: () => plainList(catalogue.topFiles().map(({ path, size }) => ({ name: path, size }))),
      onCut: (cut) => onEvent({ type: "cut", ...cut }),
      onUnsaved: (reason) => onEvent({ type: "unsaved", reason }),
    }),
  );
  await list.save();
  return { catalogue, list };
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
