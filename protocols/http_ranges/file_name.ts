import { safeRelativePath } from "../../store/safe_name.ts";

/** A name for what has none: the host's, or this. */
const NAMELESS = "download";

/**
 * What a downloaded file is to be called: what `Content-Disposition` says, else the end of the URL. When
 * that has no extension and the URL was redirected to one that has, the end of the latter: `/latest` leads
 * to `/app-1.2.zip`. Safe on any system, and without folders: where files go is not for a server to say.
 */
export function fileName(
  { url, finalUrl, contentDisposition }: {
    /** As it was given. */
    readonly url: string;
    /** Where redirects led. */
    readonly finalUrl: string;
    readonly contentDisposition: string | null | undefined;
  },
): string {
  const named = contentDisposition ? dispositionName(contentDisposition) : undefined;
  const own = urlName(url);
  const final = urlName(finalUrl);
  const fromUrl = hasExtension(own) || !hasExtension(final) ? own : final;
  const { hostname } = new URL(url);
  return safeName(named) ?? safeName(fromUrl) ?? safeName(hostname) ?? NAMELESS;
}

/**
 * The file name in a `Content-Disposition` header (RFC 6266), `filename*` (RFC 8187) before `filename`.
 *
 * @returns As the server wrote it, which is not safe; `undefined` when there is none.
 */
export function dispositionName(header: string): string | undefined {
  const parameters = new Map<string, string>();
  // The first of two parameters of one name counts; what comes before the first ";" is the type.
  for (const [, name = "", quoted, token] of header.matchAll(PARAMETER)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? token?.trim() ?? "";
    if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
  }
  const extended = decodeExtended(parameters.get("filename*") ?? "");
  if (extended !== undefined) return extended;
  const plain = parameters.get("filename");
  return plain === undefined || plain === "" ? undefined : utf8OrLatin1(plain);
}

/** `; name=value`, the value in quotes or not. Some servers leave them away around spaces, too. */
const PARAMETER = /;\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))/gi;

/** Decodes `UTF-8'en'na%C3%AFve.txt`; `undefined` of what is none. */
function decodeExtended(value: string): string | undefined {
  const [, charset = "", encoded = ""] = /^([\w-]+)'[^']*'(.+)$/.exec(value) ?? [];
  const isLatin = /^iso-8859-1$/i.test(charset);
  if (!isLatin && !/^utf-8$/i.test(charset)) return undefined;
  try {
    if (!isLatin) return decodeURIComponent(encoded);
    return encoded.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  } catch {
    return undefined; // Not UTF-8.
  }
}

/** Headers are read as Latin-1; what is UTF-8 nevertheless, as many servers send it, is decoded. */
function utf8OrLatin1(text: string): string {
  // deno-lint-ignore no-control-regex
  if (!/[\x80-\xff]/.test(text) || /[^\x00-\xff]/.test(text)) return text;
  try {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}

/** The end of a URL's path that is not empty. */
function urlName(url: string): string {
  const last = new URL(url).pathname.split("/").findLast((part) => part !== "") ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function hasExtension(name: string): boolean {
  return /[^.]\.[a-z0-9]{1,8}$/i.test(name);
}

function safeName(name: string | undefined): string | undefined {
  return name === undefined ? undefined : safeRelativePath(name.split(/[/\\]/).at(-1) ?? "");
}
