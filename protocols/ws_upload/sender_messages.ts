/** The messages of a sender, as the actions that send them. Also loaded by the page. */

import type { SenderAction, SenderOptions } from "./sender_state.ts";

/** `start`; a server that does not know the extension passes over it. */
export function startMessage({ fileId, fileName, fileSize = -1, resumeToken }: SenderOptions): SenderAction {
  const ext = {
    version: 1,
    binary: true,
    crc32: true,
    ...(resumeToken === undefined ? {} : { resumeToken }),
  };
  return send({ action: "start", fileId, fileName, fileSize, ext });
}

/** `complete` with the extension. `fileSize`: that of the file, which `start` may not have known. */
export function completeMessage(
  { fileId, mtimeMs, fileSize: knownSize }: SenderOptions,
  { sha256, fileSize }: { readonly sha256: string; readonly fileSize: number | undefined },
): SenderAction {
  const mtime = mtimeMs === undefined ? {} : { mtime: mtimeMs };
  const size = knownSize === undefined ? { fileSize } : {};
  return send({ action: "complete", fileId, sha256, ...size, ...mtime });
}

/** A message. */
export function send(message: Readonly<Record<string, unknown>>): SenderAction {
  return { type: "send", text: JSON.stringify(message) };
}

/** A plain `chunk`. Put together by hand: base64 needs no escaping, and looking for it costs as much as sending. */
export function chunkMessage(
  fileId: string,
  chunk: { readonly offset: number; readonly base64: string },
): SenderAction {
  const start = `{"action":"chunk","fileId":${JSON.stringify(fileId)}`;
  return { type: "send", text: `${start},"offset":${chunk.offset},"data":"${chunk.base64}"}` };
}
