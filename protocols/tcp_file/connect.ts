import { ConnectionProblem, deadline } from "../../net/connection_problem.ts";
import { closeQuietly, dial, type Endpoint, printed } from "../../net/dial.ts";
import { encodeFrame, FRAME, type Frame, FrameError } from "./frames.ts";
import { FrameReader } from "./frame_reader.ts";
import { encodeHello, type Greeted, GreetingReader, HelloError, NONCE_BYTES, type Nonces } from "./hello.ts";
import { decodeError } from "./messages.ts";
import { MessageError } from "./payload_text.ts";
import { PeerStream } from "./peer_stream.ts";
import { PlainConnection } from "./plain_connection.ts";
import { ServerLiesError, XferConnection } from "./xfer_connection.ts";

/** Where a server is, and how it is spoken to. */
export interface ServerAccess {
  readonly endpoint: Endpoint;
  /** With TLS: certificates in PEM that are trusted besides the system's. */
  readonly tls: { readonly caCerts: readonly string[] } | undefined;
  /** Both sides prove that they know it. A server that does not ask for it is not spoken to. */
  readonly token: string | undefined;
  /** How long the server may owe an answer and send nothing, in milliseconds. Default: 30 s. */
  readonly silenceMs?: number | undefined;
}

/** A connection that is ready for requests. */
export type ServerConnection = PlainConnection | XferConnection;

/** How long connecting may take until the server has answered the hello, in milliseconds. */
const CONNECT_MS = 15_000;
/** The request that AUTH is. */
const AUTH_REQUEST = 1;
const ANSWER_BYTES = 16 * 1024;

/**
 * Connects to a server, finds out what it speaks, and proves to know the token.
 *
 * @param signal Closes the connection, also later.
 * @throws {ConnectionProblem} There is no connection, it is not to be trusted, or the server does not want to.
 * @throws The reason of `signal`, when that is what ended it.
 */
export async function connectToServer(access: ServerAccess, signal: AbortSignal): Promise<ServerConnection> {
  const message = `${printed(access.endpoint)} did not answer within ${CONNECT_MS / 1000} s`;
  using limit = deadline({ timeoutMs: CONNECT_MS, message, signal });
  const stream = await open(access, { limit: limit.signal, signal });
  const abort = () => stream[Symbol.dispose]();
  limit.signal.addEventListener("abort", abort, { once: true });
  try {
    return await introduce(stream, access.token);
  } catch (error) {
    stream[Symbol.dispose]();
    limit.signal.throwIfAborted();
    throw error;
  } finally {
    limit.signal.removeEventListener("abort", abort);
  }
}

async function open(
  { endpoint, tls, silenceMs }: ServerAccess,
  { limit, signal }: { readonly limit: AbortSignal; readonly signal: AbortSignal },
): Promise<PeerStream> {
  const connection = await dial(endpoint, { signal: limit });
  if (tls === undefined) return new PeerStream(connection, { signal, silenceMs });
  const { hostname } = endpoint;
  // It brings Node's TLS with it, which takes longer to load than a small file to fetch.
  const { secure } = await import("../../net/secure.ts");
  const secured = await secure(connection, {
    hostname,
    caCerts: tls.caCerts,
    withoutTls: "leave --tls away",
    signal: limit,
  });
  if (signal.aborted) closeQuietly(secured);
  return new PeerStream(secured, { signal, silenceMs });
}

async function introduce(stream: PeerStream, token: string | undefined): Promise<ServerConnection> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const askedAtMs = performance.now();
  stream.write(encodeHello(nonce));
  const greeted = await greeting(stream, nonce);
  const roundTripMs = performance.now() - askedAtMs;
  const needsToken = greeted.kind === "xfer" && greeted.auth;
  if (token !== undefined && !needsToken) {
    throw refusal("The server asks for no token, so it can't prove that it is the right one");
  }
  if (greeted.kind === "plain") return new PlainConnection(stream, greeted.list.slice());
  const reader = new FrameReader({ sender: "server", first: greeted.rest });
  if (needsToken) {
    if (token === undefined) throw refusal("The server wants a token: --token");
    await authenticate(stream, { reader, token, nonces: { client: nonce, server: greeted.nonce } });
  }
  const { maxRequests } = greeted;
  return new XferConnection(stream, { reader, roundTripMs, maxRequests, lastRequest: AUTH_REQUEST });
}

async function greeting(stream: PeerStream, nonce: Uint8Array): Promise<Greeted> {
  const reader = new GreetingReader(nonce);
  const buffer = new Uint8Array(ANSWER_BYTES);
  try {
    for (;;) {
      const greeted = reader.add(buffer.subarray(0, await stream.read(buffer)));
      if (greeted !== undefined) return greeted;
    }
  } catch (error) {
    if (!(error instanceof HelloError)) throw error;
    throw new ServerLiesError(`What answers there is no file server: ${error.message}`, { cause: error });
  }
}

async function authenticate(
  stream: PeerStream,
  { reader, token, nonces }: {
    readonly reader: FrameReader;
    readonly token: string;
    readonly nonces: Nonces;
  },
): Promise<void> {
  // It brings Node's cryptography with it, as fetching does: not before the server has something to do.
  const { clientProof, isProof, serverProof } = await import("./auth.ts");
  const head = { type: FRAME.auth, request: AUTH_REQUEST, isEnd: false };
  stream.write(encodeFrame(head, clientProof(token, nonces)));
  try {
    const { type, payload } = await nextFrame(stream, reader);
    if (type === FRAME.error) throw refusal(`The server refuses the token: ${decodeError(payload).text}`);
    if (type !== FRAME.auth || !isProof(payload, serverProof(token, nonces))) {
      throw refusal("The server does not know the token itself: it is not the right one");
    }
  } catch (error) {
    if (!(error instanceof FrameError || error instanceof MessageError)) throw error;
    throw new ServerLiesError(`The server breaks XFER/1: ${error.message}`, { cause: error });
  }
}

async function nextFrame(stream: PeerStream, reader: FrameReader): Promise<Frame> {
  for (let frame = reader.next();; frame = reader.next()) {
    if (frame !== undefined) return frame;
    reader.filled(await stream.read(reader.space()));
  }
}

/** What gets no better by trying again. */
function refusal(message: string): ConnectionProblem {
  return new ConnectionProblem(message, { isFinal: true });
}
