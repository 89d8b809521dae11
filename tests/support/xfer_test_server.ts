import { randomBytes } from "node:crypto";
import { clientProof, serverProof } from "../../protocols/tcp_file/auth.ts";
import { BLOCK_BYTES, piecesOf } from "../../protocols/tcp_file/blocks.ts";
import { digestOf, rootOf } from "../../protocols/tcp_file/digests.ts";
import { FrameReader } from "../../protocols/tcp_file/frame_reader.ts";
import { encodeFrame, FRAME, type Frame, FRAME_HEADER_BYTES } from "../../protocols/tcp_file/frames.ts";
import { encodeGreeting, HELLO_BYTES } from "../../protocols/tcp_file/hello.ts";
import { encodeListPages } from "../../protocols/tcp_file/list_pages.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import {
  DATA_HEAD_BYTES,
  type DataHead,
  decodeListRequest,
  decodeRootRequest,
  encodeError,
  encodeRootAnswer,
  ERROR_CODE,
  type GetRequest,
  writeDataHead,
} from "../../protocols/tcp_file/messages.ts";

/** A file as the server has it. */
export interface ServedFile {
  bytes: Uint8Array;
  mtimeMs: number;
}

/** A DATA frame to be. */
export type Data = DataHead & { readonly bytes: Uint8Array; readonly isEnd: boolean };

/** How a server misbehaves. Each is told what a good one would do. */
export interface Misbehaviour {
  /**
   * What is sent for a GET; raw bytes go out as they are. `count` is how many GETs came before, over all,
   * `request` the number that an answer of one's own has to bear.
   */
  readonly data?: (
    honest: readonly Data[],
    get: GetRequest & { readonly count: number; readonly connection: number; readonly request: number },
  ) =>
    | readonly (Data | Uint8Array | "hang up" | "refuse")[]
    | Promise<readonly (Data | Uint8Array | "hang up")[]>;
  readonly root?: (honest: string) => string;
  readonly list?: (honest: readonly CatalogueEntry[]) => readonly CatalogueEntry[];
  /** The payloads of the frames that a list is sent in. */
  readonly pages?: (honest: readonly Uint8Array[]) => readonly Uint8Array[];
}

/** A server of XFER/1 whose files are in memory, for tests of what a client makes of bad ones. */
export interface XferTestServer extends AsyncDisposable {
  readonly port: number;
  readonly files: Map<string, ServedFile>;
  /** All GETs that came. */
  readonly gets: readonly GetRequest[];
  /** How many connections there have been. */
  readonly connections: number;
}

const encoder = new TextEncoder();

/** Options of {@linkcode xferTestServer}. */
interface XferTestServerOptions {
  readonly misbehaviour?: Misbehaviour;
  readonly token?: string;
  /** Of all files. */
  readonly mtimeMs?: number;
  readonly port?: number;
}

/** Starts one on a port of loopback, a free one by default. */
export function xferTestServer(
  files: Readonly<Record<string, Uint8Array>>,
  { mtimeMs = 1_700_000_000_123, ...options }: XferTestServerOptions = {},
): XferTestServer {
  const served = Object.entries(files).map(([path, bytes]) => [path, { bytes, mtimeMs }] as const);
  return new Server(new Map(served), options);
}

class Server implements XferTestServer {
  readonly files: Map<string, ServedFile>;
  readonly gets: GetRequest[] = [];
  connections = 0;
  readonly #misbehaviour: Misbehaviour;
  readonly #token: string | undefined;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #accepting: Promise<void>;

  constructor(
    files: Map<string, ServedFile>,
    { misbehaviour = {}, token, port = 0 }: Omit<XferTestServerOptions, "mtimeMs">,
  ) {
    this.files = files;
    this.#misbehaviour = misbehaviour;
    this.#token = token;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#accepting = this.#accept().catch(isGone);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) conn.close();
    this.#open.clear();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#open.add(conn);
      void this.#serve(conn, this.connections++).catch(isGone).finally(() => {
        if (this.#open.delete(conn)) conn.close();
      });
    }
  }

  async #serve(conn: Deno.TcpConn, connection: number): Promise<void> {
    const hello = new Uint8Array(HELLO_BYTES);
    await fill(conn, hello);
    const client = Uint8Array.fromHex(new TextDecoder().decode(hello.subarray(6)));
    const nonces = { client, server: randomBytes(16) };
    const settings = { nonce: nonces.server, auth: this.#token !== undefined, maxRequests: 256 };
    await writeAll(conn, encoder.encode("the list\n"));
    await writeAll(conn, encodeGreeting(client, settings));
    const reader = new FrameReader({ sender: "client" });
    for (;;) {
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        const answers = frame.type === FRAME.auth
          ? [this.#authenticated(frame, nonces)]
          : await this.#answersTo(frame, connection);
        for (const answer of answers) {
          if (answer === "hang up") return;
          await writeAll(conn, answer);
        }
      }
      const count = await conn.read(reader.space());
      if (count === null) return;
      reader.filled(count);
    }
  }

  #authenticated({ request, payload }: Frame, nonces: Parameters<typeof clientProof>[1]): Uint8Array {
    const token = this.#token ?? "";
    if (payload.toHex() !== new Uint8Array(clientProof(token, nonces)).toHex()) {
      return refusal(request, ERROR_CODE.notAuthenticated, "Wrong token");
    }
    return encodeFrame({ type: FRAME.auth, request, isEnd: true }, serverProof(token, nonces));
  }

  async #answersTo(frame: Frame, connection: number): Promise<readonly (Uint8Array | "hang up")[]> {
    if (frame.type === FRAME.list) return this.#listed(frame);
    if (frame.type === FRAME.get) return await this.#got(frame, connection);
    return frame.type === FRAME.root ? [this.#rooted(frame)] : [];
  }

  #listed({ type, request, payload }: Frame): Uint8Array[] {
    const { path } = decodeListRequest(payload);
    const found = entriesOf(this.files).filter((entry) =>
      path === "" || entry.path === path || entry.path.startsWith(`${path}/`)
    );
    if (found.length === 0 && path !== "") return [refusal(request, ERROR_CODE.notFound, "No such path")];
    const honest = [...encodeListPages(this.#misbehaviour.list?.(found) ?? found)];
    const pages = this.#misbehaviour.pages?.(honest) ?? honest;
    return pages.map((page, index) =>
      encodeFrame({ type, request, isEnd: index === pages.length - 1 }, page)
    );
  }

  async #got({ request, payload }: Frame, connection: number): Promise<(Uint8Array | "hang up")[]> {
    const get = lenientGet(payload);
    const count = this.gets.push(get) - 1;
    const file = this.files.get(get.path);
    if (file === undefined) return [refusal(request, ERROR_CODE.notFound, "No such file")];
    const honest = dataOf(file, get);
    const sent = await this.#misbehaviour.data?.(honest, { ...get, count, connection, request }) ?? honest;
    return sent.map((data) => {
      if (data === "hang up" || data instanceof Uint8Array) return data;
      return data === "refuse"
        ? refusal(request, ERROR_CODE.changed, "It changes")
        : encodeData(request, data);
    });
  }

  #rooted({ type, request, payload }: Frame): Uint8Array {
    const { path } = decodeRootRequest(payload);
    const file = this.files.get(path);
    if (file === undefined) return refusal(request, ERROR_CODE.notFound, "No such file");
    const honest = rootOfBytes(file.bytes);
    const root = this.#misbehaviour.root?.(honest) ?? honest;
    const answer = { path, size: file.bytes.length, mtimeMs: file.mtimeMs, root };
    return encodeFrame({ type, request, isEnd: true }, encodeRootAnswer(answer));
  }
}

function refusal(request: number, code: number, text: string): Uint8Array {
  return encodeFrame({ type: FRAME.error, request, isEnd: true }, encodeError({ code, text }));
}

/** What a good server sends for a GET. */
export function dataOf({ bytes, mtimeMs }: ServedFile, get: GetRequest): Data[] {
  const pieces = [...piecesOf(get, bytes.length)];
  return pieces.map(({ offset, length }, index) => {
    const piece = bytes.subarray(offset, offset + length);
    const version = { size: bytes.length, mtimeMs };
    return { offset, version, digest: digestOf(piece), bytes: piece, isEnd: index === pieces.length - 1 };
  });
}

/** The root of a file that is in memory. */
export function rootOfBytes(bytes: Uint8Array): string {
  const count = Math.ceil(bytes.length / BLOCK_BYTES);
  return rootOf(
    Array.from({ length: count }, (_, i) => digestOf(bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES))),
  );
}

/** A GET whatever its path is: a server that lists what it should not serves it too. */
function lenientGet(payload: Uint8Array): GetRequest {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const [offset, length] = [Number(view.getBigUint64(0)), Number(view.getBigUint64(8))];
  return { offset, length, path: new TextDecoder().decode(payload.subarray(16)) };
}

/** A DATA frame, with whatever it is given. */
export function encodeData(request: number, { bytes, ...head }: Data): Uint8Array {
  const frame = new Uint8Array(DATA_HEAD_BYTES + bytes.length);
  writeDataHead(frame, { ...head, request, length: bytes.length });
  frame.set(bytes, DATA_HEAD_BYTES);
  return frame.subarray(0, Math.max(FRAME_HEADER_BYTES, frame.length));
}

function entriesOf(files: ReadonlyMap<string, ServedFile>): CatalogueEntry[] {
  const entries = new Map<string, CatalogueEntry>();
  for (const [path, { bytes, mtimeMs }] of files) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join("/");
      entries.set(folder, { path: folder, type: "directory", size: 0, mtimeMs });
    }
    entries.set(path, { path, type: "file", size: bytes.length, mtimeMs });
  }
  return [...entries.values()].sort((one, other) => one.path < other.path ? -1 : 1);
}

async function fill(conn: Deno.TcpConn, buffer: Uint8Array): Promise<void> {
  for (let at = 0; at < buffer.length;) {
    const count = await conn.read(buffer.subarray(at));
    if (count === null) throw new Deno.errors.BadResource("The client is gone");
    at += count;
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** A client that has gone is no failure of the server. */
function isGone(error: unknown): void {
  const isExpected = error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
  if (!isExpected) throw error;
}
