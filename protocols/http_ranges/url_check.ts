import type { UrlVerdict } from "./command_session.ts";
import type { ResponseHead } from "./response_check.ts";

/**
 * What the answer to a request for the first byte of a URL says of it.
 *
 * @returns `plain-get`: ask once more without `Range`.
 */
export function judgeHead(
  { status, headers }: ResponseHead,
  { isRanged }: { readonly isRanged: boolean },
): UrlVerdict | { readonly kind: "plain-get" } {
  if (status >= 200 && status < 300) return isPage(headers) ? { kind: "page" } : { kind: "file" };
  // A file without bytes has none to start from.
  if (status === 416 && /^\s*bytes\s+\*\/0\s*$/i.test(headers.get("content-range") ?? "")) {
    return { kind: "file" };
  }
  if (isRanged && [400, 403, 405, 416].includes(status)) return { kind: "plain-get" };
  return { kind: "unreachable", reason: `The server answered ${status}` };
}

function isPage(headers: ResponseHead["headers"]): boolean {
  if (!/^\s*(text\/html|application\/xhtml\+xml)\s*(;|$)/i.test(headers.get("content-type") ?? "")) {
    return false;
  }
  // Meant to be saved, whatever it is.
  return !/^\s*attachment\b/i.test(headers.get("content-disposition") ?? "");
}
