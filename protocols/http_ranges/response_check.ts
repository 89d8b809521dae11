import { parseContentRange } from "./content_range.ts";
import { retryAfterMs } from "./retry_after.ts";
import { difference, type HeaderReader, readValidators, type Validators } from "./validators.ts";

/** What was asked of a server, and what is known of the file. */
export interface Asked {
  readonly from: number;
  /** Exclusive; `undefined`: the whole file was asked for, without `Range`. */
  readonly to: number | undefined;
  /** Bytes of the whole file, once known. */
  readonly size: number | undefined;
  /** Of this source's first answer, or of an earlier run. */
  readonly validators: Validators | undefined;
  /** Whether `If-Range` was sent along. */
  readonly isConditional: boolean;
  /** Whether this source has answered with bytes of the file before. */
  readonly isProven: boolean;
  /** Whether the request went to where the given URL had redirected before. */
  readonly isRedirected: boolean;
  /** Whether a web page can't be what was meant. */
  readonly refusesPages: boolean;
  /** Whether a body in gzip is the file itself, as of a `.tar.gz`. */
  readonly isCompressedFile: boolean;
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderReader;
}

/** What a response is good for. */
export type Verdict =
  /** The bytes [from, to): `from` is what was asked for, `to` at most that. */
  | {
    readonly kind: "ranged";
    readonly from: number;
    readonly to: number;
    readonly size: number;
    readonly validators: Validators;
  }
  /** The whole file from its first byte. The size is `undefined` when only its end will tell. */
  | { readonly kind: "whole"; readonly size: number | undefined; readonly validators: Validators }
  /** The file has no bytes. */
  | { readonly kind: "empty"; readonly validators: Validators }
  /** The server does not get along with ranges: ask for the whole file. */
  | { readonly kind: "plain-get"; readonly reason: string }
  /** Too much was asked of the server. */
  | { readonly kind: "busy"; readonly retryAfterMs?: number; readonly reason: string }
  | { readonly kind: "redirect"; readonly location: string; readonly status: number }
  /** Where the URL led no longer has it: ask the URL itself again. */
  | { readonly kind: "expired"; readonly reason: string }
  /** Another version of the file: the reason says in what, such as "its size was 1 and is 2". */
  | { readonly kind: "changed"; readonly reason: string }
  /** This answer can't be used; another try may get a better one. */
  | { readonly kind: "wrong"; readonly reason: string }
  /** The server is not well; it may be the next time. */
  | { readonly kind: "trouble"; readonly reason: string }
  /** There is no use in trying again. */
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Decides what a response is good for. Nothing of a body is to be written before.
 *
 * @param nowMs Milliseconds since 1970, for a `Retry-After` that is a date.
 */
export function checkResponse(asked: Asked, head: ResponseHead, nowMs: number): Verdict {
  const { status } = head;
  if (status === 206) return checkPartial(asked, head);
  if (status === 200) return checkWhole(asked, head);
  if (status === 416) return checkUnsatisfied(asked, head);
  if ([301, 302, 303, 307, 308].includes(status)) {
    const location = head.headers.get("location");
    if (!location) return refused(`The server redirects (${status}) without saying where to`);
    return { kind: "redirect", location, status };
  }
  return checkFailure(asked, head, nowMs);
}

function checkPartial(asked: Asked, { headers }: ResponseHead): Verdict {
  if (asked.to === undefined) return wrong("The server sent a part (206), though the whole was asked for");
  if (/^multipart\//i.test(headers.get("content-type") ?? "")) {
    return wrong("The server sent its answer in several parts (multipart/byteranges)");
  }
  const coding = contentCoding(headers);
  if (coding !== undefined && !(asked.isCompressedFile && isGzip(coding))) {
    return wrong(`The server compressed the part (${coding})`);
  }
  const header = headers.get("content-range");
  const range = header ? parseContentRange(header) : undefined;
  if (range?.kind !== "range") {
    return wrong(`The server sent a part with no usable Content-Range: ${header ?? "none"}`);
  }
  if (range.from !== asked.from) {
    return wrong(`The server sent bytes from ${range.from}, not from ${asked.from} as asked`);
  }
  if (range.to > asked.to) {
    return wrong(`The server sent bytes up to ${range.to}, beyond the ${asked.to} asked for`);
  }
  if (asked.refusesPages && isPage(headers)) return refused(PAGE);
  const length = contentLength(headers);
  if (length !== undefined && length !== range.to - range.from) {
    return wrong(`The server announces ${length} bytes for a part of ${range.to - range.from}`);
  }
  const validators = readValidators(headers);
  const reason = changeOf(asked, { size: range.size, validators, wasConfirmed: asked.isConditional });
  if (reason !== undefined) return { kind: "changed", reason };
  const size = range.size ?? asked.size;
  // Without a size nothing tells where the file ends; the whole of it does.
  if (size === undefined) {
    return { kind: "plain-get", reason: "The server does not say how long the file is" };
  }
  return { kind: "ranged", from: range.from, to: range.to, size, validators };
}

function checkWhole(asked: Asked, { headers }: ResponseHead): Verdict {
  const coding = contentCoding(headers);
  if (coding !== undefined && !(asked.isCompressedFile && isGzip(coding))) {
    return wrong(`The server compresses the file (${coding}), though that was not asked for`);
  }
  if (asked.refusesPages && isPage(headers)) return refused(PAGE);
  // With chunks a Content-Length means nothing (RFC 9112 section 6.3).
  const size = headers.get("transfer-encoding") ? undefined : contentLength(headers);
  const validators = readValidators(headers);
  const reason = changeOf(asked, { size, validators, wasConfirmed: false });
  if (reason !== undefined) return { kind: "changed", reason };
  return size === 0 ? { kind: "empty", validators } : { kind: "whole", size, validators };
}

function checkUnsatisfied(asked: Asked, { headers }: ResponseHead): Verdict {
  const range = parseContentRange(headers.get("content-range") ?? "");
  const size = range?.kind === "unsatisfied" ? range.size : undefined;
  const validators = readValidators(headers);
  if (size === 0 && (asked.size ?? 0) === 0) return { kind: "empty", validators };
  if (size !== undefined && asked.size !== undefined && size !== asked.size) {
    return { kind: "changed", reason: sizeChange(asked.size, size) };
  }
  const reason = `The server says that there are no bytes ${asked.from}-${(asked.to ?? Infinity) - 1} (416)`;
  if (asked.to === undefined) return refused(reason);
  return asked.isProven ? wrong(reason) : { kind: "plain-get", reason };
}

function checkFailure(asked: Asked, { status, headers }: ResponseHead, nowMs: number): Verdict {
  const reason = `The server answered ${status}${phrase(status)}`;
  const waitMs = retryAfterMs({ retryAfter: headers.get("retry-after"), date: headers.get("date"), nowMs });
  const wait = waitMs === undefined ? {} : { retryAfterMs: waitMs };
  if (status === 429 || status === 503) return { kind: "busy", reason, ...wait };
  // Given out before, and refused now: that is about how many connections there are (or a URL that has expired).
  if (status === 403 && asked.isProven && !asked.isRedirected) return { kind: "busy", reason, ...wait };
  if ([401, 403, 404, 410].includes(status) && asked.isRedirected && asked.isProven) {
    return { kind: "expired", reason };
  }
  if ([400, 403, 405].includes(status) && asked.to !== undefined && !asked.isProven) {
    return { kind: "plain-get", reason };
  }
  if (status === 401) return refused(`${reason}: it asks for a user and a password (--user)`);
  if (status === 407) return refused(`${reason}: the proxy asks for a user and a password`);
  if ([408, 425].includes(status) || status >= 500) return { kind: "trouble", reason };
  return refused(reason);
}

/** In what a file differs from what is known of it. */
function changeOf(
  { size: knownSize, validators: known }: Asked,
  { size, validators, wasConfirmed }: {
    readonly size: number | undefined;
    readonly validators: Validators;
    readonly wasConfirmed: boolean;
  },
): string | undefined {
  if (knownSize !== undefined && size !== undefined && size !== knownSize) return sizeChange(knownSize, size);
  return known === undefined ? undefined : difference(known, validators, wasConfirmed);
}

function sizeChange(known: number, now: number): string {
  return `its size was ${known} and is ${now}`;
}

function contentLength(headers: HeaderReader): number | undefined {
  const text = headers.get("content-length")?.trim() ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** How the body is encoded; `undefined` when it is not. */
function contentCoding(headers: HeaderReader): string | undefined {
  const coding = headers.get("content-encoding")?.trim().toLowerCase();
  return !coding || coding === "identity" ? undefined : coding;
}

function isGzip(coding: string): boolean {
  return coding === "gzip" || coding === "x-gzip";
}

const PAGE = "The server answered with a web page instead of the file: does it want a login?";

/** Whether it is a web page that is not meant to be saved. */
function isPage(headers: HeaderReader): boolean {
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(headers.get("content-type") ?? "") &&
    !/^\s*attachment/i.test(headers.get("content-disposition") ?? "");
}

const PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  407: "Proxy Authentication Required",
  410: "Gone",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

function phrase(status: number): string {
  const text = PHRASES[status];
  return text === undefined ? "" : ` ${text}`;
}

function wrong(reason: string): Verdict {
  return { kind: "wrong", reason };
}

function refused(reason: string): Verdict {
  return { kind: "refused", reason };
}
