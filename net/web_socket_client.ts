import { connBytes, writeAll } from "./byte_stream.ts";
import { type ByteStream, closeQuietly, dial } from "./dial.ts";
import { ReceiveMemory } from "./receive_memory.ts";
import { secure } from "./secure.ts";
import { WebSocketConnection } from "./web_socket.ts";
import { acceptFor } from "./web_socket_handshake.ts";

/** Options of {@linkcode openWebSocket}. */
export interface ClientOptions {
  /** Presented as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Authorities that are trusted besides the system's, in PEM. */
  readonly caCerts?: readonly string[] | undefined;
  /** Gives up. A WebSocket that was opened stays. */
  readonly signal: AbortSignal;
}

/** The server answers a request for a WebSocket with another status than 101. */
export class UpgradeRefusedError extends Error {
  override readonly name = "UpgradeRefusedError";
  readonly status: number;

  constructor(status: number) {
    super(`The server answered ${status}`);
    this.status = status;
  }
}

/** Longest head of an answer. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Longest message of a server's, in bytes: it says little. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** More than any window. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

/**
 * Opens a WebSocket as a client (RFC 6455 section 4.1). Unlike Deno's own it sends what it is given at once
 * (TCP_NODELAY), says with which status a server refuses, and does with half of the processor time.
 *
 * @throws {UpgradeRefusedError} There is a server, and it does not want to.
 * @throws {ConnectionProblem} There is no connection, or it is not to be trusted.
 * @throws The reason of `signal`, when that is what ended it.
 * @throws {Error} What listens there speaks something else.
 */
export async function openWebSocket(url: string, options: ClientOptions): Promise<WebSocketConnection> {
  const { token, signal } = options;
  const target = new URL(url);
  const conn = await connect(target, options);
  const abort = () => closeQuietly(conn);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    const head = await shakeHands(conn, { target, token });
    signal.throwIfAborted();
    return new WebSocketConnection(connBytes(conn, head), {
      role: "client",
      maxMessageBytes: MAX_MESSAGE_BYTES,
      maxReadBytes: MAX_MESSAGE_BYTES,
      memory: new ReceiveMemory(MAX_MESSAGE_BYTES),
      maxUnsentBytes: MAX_UNSENT_BYTES,
    });
  } catch (error) {
    closeQuietly(conn);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function connect(
  { protocol, hostname, port }: URL,
  { caCerts = [], signal }: ClientOptions,
): Promise<ByteStream> {
  const isSecure = protocol === "wss:";
  const bare = hostname.replace(/^\[|\]$/g, "");
  const conn = await dial({ hostname: bare, port: Number(port || (isSecure ? 443 : 80)) }, { signal });
  return isSecure ? await secure(conn, { hostname: bare, caCerts, signal }) : conn;
}

/** Asks for a WebSocket. @returns What was read behind the answer. */
async function shakeHands(
  conn: ByteStream,
  { target, token }: { readonly target: URL; readonly token: string | undefined },
): Promise<Uint8Array> {
  const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
  const lines = [
    `GET ${target.pathname}${target.search} HTTP/1.1`,
    `Host: ${target.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
  ];
  await writeAll(conn, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const { head, rest } = await readHead(conn);
  const [statusLine = "", ...fields] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error("What listens there does not speak HTTP");
  if (status !== "101") throw new UpgradeRefusedError(Number(status));
  const accept = fields.find((field) => /^sec-websocket-accept:/i.test(field))?.replace(
    /^[^:]*:\s*|\s+$/g,
    "",
  );
  if (accept !== acceptFor(key)) throw new Error("The server's handshake is not one of WebSocket");
  return rest;
}

async function readHead(conn: ByteStream): Promise<{ readonly head: string; readonly rest: Uint8Array }> {
  const buffer = new Uint8Array(MAX_HEAD_BYTES);
  let length = 0;
  while (length < buffer.length) {
    const count = await conn.read(buffer.subarray(length));
    if (count === null) throw new Error("The server closed the connection without an answer");
    length += count;
    const text = new TextDecoder("latin1").decode(buffer.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { head: text.slice(0, end), rest: buffer.subarray(end + 4, length) };
  }
  throw new Error(`The head of the server's answer is longer than ${MAX_HEAD_BYTES} bytes`);
}
