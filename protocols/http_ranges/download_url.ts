/** Longest URL that is taken, in UTF-16 units: longer than any server reads. */
const MAX_URL_LENGTH = 8192;
/** A URL parser drops tabs and line ends, so what is shown and what is fetched would differ. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/**
 * Reads the URL of a file to fetch: http or https, and without user and password, as everybody who may
 * use the server sees the URLs of its queue.
 *
 * @returns The URL in its normal form, without a fragment: two URLs are the same if these are.
 * `undefined`: it is none.
 *
 * @example
 * ```ts
 * parseDownloadUrl("HTTP://Example.org:80/a b#c"); // "http://example.org/a%20b"
 * parseDownloadUrl("ftp://example.org/"); // undefined
 * ```
 */
export function parseDownloadUrl(text: string): string | undefined {
  if (text.length > MAX_URL_LENGTH || CONTROL.test(text)) return undefined;
  // The parser would take "http:example.org" and "http:\\example.org" as well.
  if (!/^https?:\/\//i.test(text)) return undefined;
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "") return undefined;
  url.hash = "";
  return url.href;
}
