import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws@8.18.2"
import type { RawData, WebSocket } from "ws";
import type { ReceiveBudget } from "../../net/receive_budget.ts";
import { parseClientMessage } from "./client_messages.ts";
import { decodeFrame } from "./frames.ts";
import type { Peer } from "./receiving.ts";
import type { SideService, TextSession } from "./side_service.ts";
import type { UploadMetrics } from "./upload_metrics.ts";
import type { Uploads } from "./uploads.ts";

/** Longest message that is acted upon, in bytes. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** A message up to this long is read and refused; a longer one ends the connection (1009). */
export const MAX_FRAME_BYTES = 2 * MAX_MESSAGE_BYTES;
/** Bytes of messages that wait for their turn before the client's socket is no longer read. */
const QUEUE_BYTES = 2 * 1024 * 1024;
const QUEUE_MESSAGES = 64;
/** A client that lets this many bytes of answers pile up does not read them. */
const UNREAD_BYTES = 1024 * 1024;
/** A client that has not taken an answer after this time does not read them, in milliseconds. */
const UNREAD_MS = 60_000;
/** How often a quiet connection is asked whether it is there; if nothing comes until the next time, it is not. */
const PING_MS = 20_000;

/** Four times as fast on a message of 1 MiB as `Buffer.toString`. */
const decoder = new TextDecoder();

/** What a connection is served with. */
export interface ConnectionOptions {
  readonly uploads: Uploads;
  readonly budget: ReceiveBudget;
  /** What the socket runs over. */
  readonly transport: Duplex;
  readonly metrics: Pick<UploadMetrics, "errorAnswers">;
  /** Takes the texts that are no messages about uploads; `undefined`: nobody does. */
  readonly side?: SideService | undefined;
}

/** A message that waits for its turn. Of one that is too long only its length is kept. */
type Waiting =
  | { readonly kind: "text"; readonly bytes: number; readonly text: string }
  | { readonly kind: "binary"; readonly bytes: number; readonly data: Uint8Array }
  | { readonly kind: "too-long"; readonly bytes: number };

/**
 * Serves one client's socket until it closes: one message after another, each worked off before the
 * next is looked at. While the disk is slow, or the client ahead of it, the socket is not read, so that
 * TCP slows the client down and memory stays bounded.
 */
export function serveConnection(
  socket: WebSocket,
  { uploads, budget, transport, metrics, side }: ConnectionOptions,
): Promise<void> {
  const queue: Waiting[] = [];
  let queuedBytes = 0;
  let working: Promise<void> | undefined;
  let isAlive = true;

  const peer: Peer = {
    send(message) {
      if (socket.readyState !== socket.OPEN) return;
      if (message.event === "error") metrics.errorAnswers.increment();
      socket.send(JSON.stringify(message));
      if (socket.bufferedAmount > UNREAD_BYTES) socket.terminate();
    },
    close: (code, reason) => socket.close(code, reason),
    get isOpen() {
      return socket.readyState === socket.OPEN;
    },
  };
  const id = uploads.connect(peer);
  const texts = side?.connect({ send: (text) => sendText(socket, text) });

  const workOff = async () => {
    // Also what came before the end: many a client leaves without a last answer.
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await act(next, id, { uploads, peer, texts });
      queuedBytes -= next.bytes;
      budget.give(next.bytes);
      readOn();
    }
    working = undefined;
  };
  const readOn = () => {
    if (!socket.isPaused || queuedBytes > QUEUE_BYTES / 2) return;
    if (budget.isSpent) budget.wait(readOn);
    else socket.resume();
  };

  // Bytes of a message count, not messages: on a slow link one takes longer than all patience, and
  // a pong waits behind it.
  const onBytes = () => {
    isAlive = true;
    uploads.heard(id);
  };
  transport.on("data", onBytes);
  socket.on("message", (data: RawData, isBinary: boolean) => {
    const waiting = toWaiting(data, isBinary);
    queue.push(waiting);
    queuedBytes += waiting.bytes;
    budget.take(waiting.bytes);
    if (queuedBytes > QUEUE_BYTES || queue.length > QUEUE_MESSAGES || budget.isSpent) socket.pause();
    working ??= workOff();
  });
  // `ws` closes the socket by itself after an error; "close" follows.
  socket.on("error", () => {});

  const pinger = setInterval(() => {
    // A paused socket can't hear its pong, nor one that waits for the budget of all.
    if (!isAlive && working === undefined && !socket.isPaused) socket.terminate();
    isAlive = false;
    socket.ping();
  }, PING_MS);
  return new Promise((resolve) => {
    socket.on("close", () => {
      clearInterval(pinger);
      transport.off("data", onBytes);
      budget.forget(readOn);
      texts?.close();
      resolve(Promise.resolve(working).then(() => uploads.disconnected(id)));
    });
  });
}

/** Settles when a text has left, or its client is gone. */
async function sendText(socket: WebSocket, text: string): Promise<void> {
  const timer = setTimeout(() => socket.terminate(), UNREAD_MS);
  await new Promise<void>((resolve) => socket.send(text, () => resolve()));
  clearTimeout(timer);
}

async function act(
  message: Waiting,
  from: number,
  { uploads, peer, texts }: {
    readonly uploads: Uploads;
    readonly peer: Peer;
    readonly texts: TextSession | undefined;
  },
): Promise<void> {
  switch (message.kind) {
    case "too-long":
      return peer.send({
        event: "error",
        error: `Message is too large: ${message.bytes} bytes, at most ${MAX_MESSAGE_BYTES}`,
      });
    case "binary": {
      const frame = decodeFrame(message.data);
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

function toWaiting(data: RawData, isBinary: boolean): Waiting {
  const whole = Array.isArray(data)
    ? Buffer.concat(data)
    : data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : data;
  const bytes = whole.byteLength;
  if (bytes > MAX_MESSAGE_BYTES) return { kind: "too-long", bytes };
  if (isBinary) return { kind: "binary", bytes, data: whole };
  return { kind: "text", bytes, text: decoder.decode(whole) };
}
