import { crc32 } from "node:zlib";
import type { PlainClient } from "./plain_client.ts";

/** What the server's `start-ack` says of the extension, as it is written in PROTOCOLS. */
export interface Agreed {
  readonly version: number;
  readonly session: number;
  readonly chunkBytes: number;
  readonly windowBytes: number;
  readonly resumeToken: string;
  readonly durableOffset: number;
  readonly prefixSha256: string;
}

/** An upload that a client of extension 1 has started. */
export interface ExtendedUpload {
  readonly fileId: string;
  readonly offset: number;
  readonly ext: Agreed;
}

/** A `start` that offers extension 1. */
export function startMessage(
  upload: {
    readonly fileId: string;
    readonly fileSize: number;
    readonly fileName?: string;
    readonly resumeToken?: string | undefined;
  },
): Record<string, unknown> {
  const { fileId, fileSize, fileName = "data.bin", resumeToken } = upload;
  const ext = {
    version: 1,
    binary: true,
    crc32: true,
    ...(resumeToken === undefined ? {} : { resumeToken }),
  };
  return { action: "start", fileId, fileName, fileSize, ext };
}

/** Sends a message and takes the answer to it: progress can come at any time, as the disk syncs. */
export async function ask(client: PlainClient, message: unknown): Promise<Record<string, unknown>> {
  client.send(message);
  for (;;) {
    const answer = await client.next();
    if (answer.event !== "progress") return answer;
  }
}

/** Starts an upload with the extension. Rejects unless the server takes it. */
export async function startExtended(
  client: PlainClient,
  upload: Parameters<typeof startMessage>[0],
): Promise<ExtendedUpload> {
  const { event, offset, ext, error } = await ask(client, startMessage(upload));
  if (event !== "start-ack" || !isAgreed(ext)) throw new Error(`Not started: ${String(error ?? event)}`);
  return { fileId: upload.fileId, offset: Number(offset), ext };
}

function isAgreed(value: unknown): value is Agreed {
  return typeof value === "object" && value !== null && "session" in value && "resumeToken" in value;
}

/** A frame, byte for byte; `checksum` is what it claims its payload has, and flag bit 0 that there is one. */
export function frame(
  session: number,
  offset: number,
  payload: Uint8Array,
  { checksum = crc32(payload), flags = 1 } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(24 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x0101);
  view.setUint16(2, flags);
  view.setUint32(4, session);
  view.setUint32(8, Math.floor(offset / 2 ** 32));
  view.setUint32(12, offset % 2 ** 32);
  view.setUint32(16, payload.length);
  view.setUint32(20, checksum);
  bytes.set(payload, 24);
  return bytes;
}

/** Sends the bytes [from, to) in frames, without waiting for anything. */
export function sendFrames(
  client: PlainClient,
  { ext }: ExtendedUpload,
  { bytes, from = 0, to = bytes.length, chunkBytes = 100_000 }: {
    readonly bytes: Uint8Array;
    readonly from?: number;
    readonly to?: number;
    readonly chunkBytes?: number;
  },
): void {
  for (let offset = from; offset < to; offset += chunkBytes) {
    const end = Math.min(offset + chunkBytes, to);
    client.sendBytes(frame(ext.session, offset, bytes.subarray(offset, end)));
  }
}

/** Takes answers up to the first progress for which `isEnough` holds. Rejects at one that is no progress. */
export async function progressUntil(
  client: PlainClient,
  isEnough: (progress: { readonly offset: number; readonly durable: number }) => boolean,
): Promise<readonly Record<string, unknown>[]> {
  const seen: Record<string, unknown>[] = [];
  for (;;) {
    const answer = await client.next();
    if (answer.event !== "progress") throw new Error(`Unexpected answer: ${JSON.stringify(answer)}`);
    seen.push(answer);
    if (isEnough({ offset: Number(answer.offset), durable: Number(answer.durable) })) return seen;
  }
}
