import type { UrlVerdict } from "./command_session.ts";
import type { ResponseHead } from "./response_check.ts";

/** What the answer to a request for the first byte of a URL, or for all of it, says of it. */
export function judgeHead({ status, headers }: ResponseHead): UrlVerdict {
  if (status >= 200 && status < 300) return isPage(headers) ? { kind: "page" } : { kind: "file" };
  // A file without bytes has none to start from.
  if (status === 416 && /^\s*bytes\s+\*\/0\s*$/i.test(headers.get("content-range") ?? "")) {
    return { kind: "file" };
  }
  return { kind: "unreachable", reason: `The server answered ${status}` };
}

/** Whether a failure may be about `Range`: then it is worth to ask without. */
export function mayDislikeRange(status: number): boolean {
  return [400, 403, 405, 416].includes(status);
}

function isPage(headers: ResponseHead["headers"]): boolean {
  if (!/^\s*(text\/html|application\/xhtml\+xml)\s*(;|$)/i.test(headers.get("content-type") ?? "")) {
    return false;
  }
  // Meant to be saved, whatever it is.
  return !/^\s*attachment\b/i.test(headers.get("content-disposition") ?? "");
}
