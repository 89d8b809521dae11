import type { SocketMessage, WebSocketConnection } from "../../net/web_socket.ts";
import { parseClientMessage } from "./client_messages.ts";
import { decodeFrame } from "./frames.ts";
import type { Peer } from "./receiving.ts";
import type { SideService, TextSession } from "./side_service.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { Uploads } from "./uploads.ts";

/** Longest message that is acted upon, in bytes. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** A message up to this long is read and refused; a longer one ends the connection (1009). */
export const MAX_READ_BYTES = 2 * MAX_MESSAGE_BYTES;
/** A client that lets this many bytes of answers pile up does not read them. */
export const MAX_UNSENT_BYTES = 1024 * 1024;
/** A client that leaves answers standing for so long does not read them either, in milliseconds. */
const UNREAD_MS = 60_000;
/** How often a quiet connection is asked whether it is there; if nothing comes until the next time, it is not. */
const PING_MS = 20_000;
/** While memory is scarce, who brings less in that time does not keep any, in bytes. */
const LEAST_BYTES = 128 * 1024;

/** What a connection is served with. */
export interface ConnectionOptions {
  readonly uploads: Uploads;
  readonly metrics: Pick<UploadMetrics, "errorAnswers">;
  /** Takes the texts that are no messages about uploads; `undefined`: nobody does. */
  readonly side?: SideService | undefined;
}

/**
 * Serves one client until its connection is over: one message after another, each worked off before the
 * next is read. While the disk is slow, or the client ahead of it, TCP slows the client down.
 */
export async function serveConnection(
  socket: WebSocketConnection,
  { uploads, metrics, side }: ConnectionOptions,
): Promise<void> {
  const peer: Peer = {
    send(message) {
      if (!socket.isOpen) return;
      if (message.event === "error") metrics.errorAnswers.increment();
      socket.send(JSON.stringify(message));
    },
    close: (code, reason) => socket.close(code, reason),
    get isOpen() {
      return socket.isOpen;
    },
    get heardAtMs() {
      return socket.heardAtMs;
    },
  };
  const id = uploads.connect(peer);
  const texts = side?.connect({ send: (text) => sendText(socket, text) });
  using _pinger = keepAlive(socket);
  try {
    for (let next = await socket.receive(); next !== undefined; next = await socket.receive()) {
      await act(next, id, { uploads, peer, texts });
    }
  } finally {
    socket.terminate();
    texts?.close();
    await uploads.disconnected(id);
  }
}

/** Cuts off a client that has gone silent. Bytes of a message count: on a slow link a pong waits behind it. */
function keepAlive(socket: WebSocketConnection): Disposable {
  let askedAtMs = -Infinity;
  let seenBytes = 0;
  const timer = setInterval(() => {
    const isSlow = socket.receivedBytes - seenBytes < LEAST_BYTES;
    // One that is not read can't be heard.
    const isGone = socket.heardAtMs < askedAtMs || isSlow && socket.isHoarding;
    if (socket.isReading && isGone) return socket.terminate();
    askedAtMs = performance.now();
    seenBytes = socket.receivedBytes;
    socket.ping();
  }, PING_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Settles when there is room for more, or the client is gone. */
async function sendText(socket: WebSocketConnection, text: string): Promise<void> {
  socket.send(text);
  const timer = setTimeout(() => socket.terminate(), UNREAD_MS);
  await socket.unsentBelow(MAX_UNSENT_BYTES / 4);
  clearTimeout(timer);
}

async function act(
  message: SocketMessage,
  from: number,
  { uploads, peer, texts }: {
    readonly uploads: Uploads;
    readonly peer: Peer;
    readonly texts: TextSession | undefined;
  },
): Promise<void> {
  switch (message.type) {
    case "oversized":
      return peer.send({
        event: "error",
        error: `Message is too large: ${message.length} bytes, at most ${MAX_MESSAGE_BYTES}`,
      });
    case "binary": {
      const frame = decodeFrame(message.bytes);
      if (frame === undefined) return peer.send({ event: "error", error: "Message is no frame" });
      return await uploads.frame(frame, from);
    }
    case "text": {
      if (texts !== undefined && !isObject(message.text)) return await texts.message(message.text);
      const parsed = parseClientMessage(message.text);
      if ("error" in parsed) {
        const { fileId, error } = parsed;
        return peer.send({ event: "error", ...(fileId === undefined ? {} : { fileId }), error });
      }
      return await uploads.handle(parsed, from);
    }
  }
}

/** Whether a text is meant as a JSON object, sound or not. */
function isObject(text: string): boolean {
  return /^\s*\{/.test(text);
}
