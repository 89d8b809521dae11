import { Buffer } from "node:buffer";
// @ts-types="npm:@types/ws@8.18.2"
import type { RawData, WebSocket } from "ws";
import { type ClientMessage, parseClientMessage, type Rejected } from "./client_messages.ts";
import type { ServerMessage } from "./server_messages.ts";
import type { UploadMetrics } from "./upload_metrics.ts";

/** Longest message that is acted upon, in bytes. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** A message up to this long is read and refused; a longer one ends the connection (1009). */
export const MAX_FRAME_BYTES = 2 * MAX_MESSAGE_BYTES;
/** Bytes of messages that wait for their turn before the client's socket is no longer read. */
const QUEUE_BYTES = 1024 * 1024;
const QUEUE_MESSAGES = 64;
/** A client that lets this many bytes of answers pile up does not read them. */
const UNREAD_BYTES = 1024 * 1024;
/** How often a quiet connection is asked whether it is still there; silent for two rounds, it is not. */
const PING_MS = 20_000;

/** Four times as fast on a message of 1 MiB as `Buffer.toString`. */
const decoder = new TextDecoder();

/** What a connection does with the messages that arrive on it. */
export interface ConnectionOptions {
  /** Answers one valid message. Called for one message at a time, in order. */
  readonly handle: (message: ClientMessage) => Promise<ServerMessage>;
  readonly metrics?: Pick<UploadMetrics, "queueBytes" | "errorAnswers"> | undefined;
}

/**
 * Serves one client's socket until it closes: one message after another, each answered before the
 * next is looked at. While the disk is slow, or the client ahead of it, the socket is not read, so
 * that TCP slows the client down and memory stays bounded.
 */
export function serveConnection(socket: WebSocket, options: ConnectionOptions): Promise<void> {
  const queue: { readonly text: string; readonly bytes: number }[] = [];
  let queuedBytes = 0;
  let work = Promise.resolve();
  let working = false;
  let alive = true;

  const workOff = async () => {
    working = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const answer = await answerTo(next.text, next.bytes, options.handle);
      queuedBytes -= next.bytes;
      options.metrics?.queueBytes.add(-next.bytes);
      if (answer.event === "error") options.metrics?.errorAnswers.increment();
      // What came before the end is still worked off: many a client leaves without a last answer.
      if (socket.readyState !== socket.OPEN) continue;
      socket.send(JSON.stringify(answer));
      if (socket.bufferedAmount > UNREAD_BYTES) socket.terminate();
      if (socket.isPaused && queuedBytes <= QUEUE_BYTES) socket.resume();
    }
    working = false;
  };

  socket.on("message", (data: RawData, isBinary: boolean) => {
    alive = true;
    const whole = Array.isArray(data) ? Buffer.concat(data) : data;
    const bytes = whole.byteLength;
    // Of a message that is refused only the length matters.
    queue.push({ text: isBinary || bytes > MAX_MESSAGE_BYTES ? "" : decoder.decode(whole), bytes });
    queuedBytes += bytes;
    options.metrics?.queueBytes.add(bytes);
    if (queuedBytes > QUEUE_BYTES || queue.length > QUEUE_MESSAGES) socket.pause();
    if (!working) work = workOff();
  });
  socket.on("pong", () => alive = true);
  // `ws` closes the socket by itself after an error; "close" follows.
  socket.on("error", () => {});

  const pinger = setInterval(() => {
    // A paused socket can't hear its pong.
    if (!alive && !working) socket.terminate();
    alive = false;
    socket.ping();
  }, PING_MS);
  return new Promise((resolve) => {
    socket.on("close", () => {
      clearInterval(pinger);
      resolve(work);
    });
  });
}

async function answerTo(
  text: string,
  bytes: number,
  handle: ConnectionOptions["handle"],
): Promise<ServerMessage> {
  if (bytes > MAX_MESSAGE_BYTES) {
    return { event: "error", error: `Message is too large: ${bytes} bytes, at most ${MAX_MESSAGE_BYTES}` };
  }
  const message = parseClientMessage(text);
  return isRejected(message) ? { event: "error", ...message } : await handle(message);
}

function isRejected(message: ClientMessage | Rejected): message is Rejected {
  return "error" in message;
}
