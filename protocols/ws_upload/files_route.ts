import type { IncomingMessage, ServerResponse } from "node:http";
// @ts-types="npm:@types/send@1.2.1"
import send from "send";
import { findFile } from "../../store/directory.ts";
import { isStateFile } from "../../store/safe_name.ts";

/** Types that a browser shows without running anything that is in them. */
const INLINE = /\.(avif|bmp|flac|gif|jpe?g|m4a|m4v|mkv|mov|mp3|mp4|oga|ogg|ogv|opus|png|txt|wav|webm|webp)$/i;
/** Bytes read from disk at a time. */
const READ_BYTES = 1024 * 1024;

/**
 * Answers `GET` and `HEAD` of a received file, with ranges, `ETag` and the conditions of RFC 9110.
 * What a browser would run is offered for saving instead, and nothing is ever sniffed: a received
 * page must not act in the server's name.
 *
 * @param name The path below `root`, already percent-decoded.
 * @returns Whether there is such a file; if not, nothing was answered.
 */
export async function serveFile(
  exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
  file: { readonly root: string; readonly name: string },
): Promise<boolean> {
  const { request, response } = exchange;
  if (isStateFile(file.name) || file.name.split("/").some(isHidden)) return false;
  const path = await findFile(file.root, file.name);
  if (path === undefined) return false;
  const { size, mtime, ino } = await Deno.stat(path);
  // Strong, so that a range can be asked for on its condition: a published file is never written to.
  response.setHeader(
    "ETag",
    `"${[ino ?? 0, size, mtime?.getTime() ?? 0].map((n) => n.toString(36)).join("-")}"`,
  );
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Content-Security-Policy", "default-src 'none'; sandbox");
  response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
  if (!INLINE.test(file.name)) response.setHeader("Content-Disposition", attachment(file.name));
  const options = { root: file.root, dotfiles: "allow", index: false, highWaterMark: READ_BYTES } as const;
  await new Promise<void>((resolve) => {
    response.on("close", resolve);
    send(request, file.name.split("/").map(encodeURIComponent).join("/"), options)
      .on("error", (error: { readonly status?: number }) => {
        response.writeHead(error.status ?? 500).end();
      })
      .pipe(response);
  });
  return true;
}

/** `Content-Disposition` with the name in UTF-8 (RFC 6266, RFC 8187). */
function attachment(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}

function isHidden(part: string): boolean {
  return part === "" || part.startsWith(".");
}
