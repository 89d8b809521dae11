/** How the text of a flag becomes a value. Each throws a `RangeError` that says what it expects. */

import type { Parse } from "./flag.ts";

const BINARY_UNITS = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;

/** Any text. */
export function text(value: string): string {
  return value;
}

/** A flag without a value. */
export function toggle(value: string): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new RangeError("true or false");
}

/** One of a few words. */
function oneOf<const T extends string>(...choices: readonly T[]): Parse<T> {
  const parse = (value: string) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new RangeError(choices.join(" or "));
    return found;
  };
  return Object.assign(parse, { choices });
}

/** How a log is written. */
export const logFormat: Parse<"text" | "json"> = oneOf("text", "json");

/** How a sender keeps from overloading the path. */
export const congestion: Parse<"rate" | "cubic"> = oneOf("rate", "cubic");

const SIZE_JSON = {
  type: ["string", "integer"],
  minimum: 0,
  pattern: "^\\d+(\\.\\d+)?[KMGTkmgt]?([Ii]?[Bb])?$",
} as const;

/** Bytes, in units of 1024: `65536`, `512K`, `8M`, `1.5G`. */
export const byteSize: Parse<number> = Object.assign(bytesOf, { json: SIZE_JSON });

function bytesOf(value: string): number {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(value) ?? [];
  const factor = Object.entries(BINARY_UNITS).find(([name]) => name === unit.toUpperCase())?.[1] ?? NaN;
  const bytes = digits === "" ? NaN : Math.round(Number(digits) * factor);
  if (!Number.isSafeInteger(bytes)) throw new RangeError("a size such as 65536, 512K, 8M or 1G");
  return bytes;
}

/** A size in bytes between two bounds, both included. */
export function byteSizeBetween(least: string, most: string): Parse<number> {
  const [minimum, maximum] = [byteSize(least), byteSize(most)];
  const parse = (value: string) => {
    const bytes = byteSize(value);
    if (bytes < minimum || bytes > maximum) throw new RangeError(`a size from ${least} to ${most}`);
    return bytes;
  };
  return Object.assign(parse, { json: { ...SIZE_JSON, minimum, maximum } });
}

const DURATION_UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration in milliseconds: `30s`, `5m`, `12h`, `7d`. */
export const duration: Parse<number> = Object.assign(millisecondsOf, {
  json: { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m|h|d)$" } as const,
});

function millisecondsOf(value: string): number {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) ?? [];
  const factor = Object.entries(DURATION_UNITS_MS).find(([name]) => name === unit)?.[1] ?? NaN;
  const ms = digits === "" ? NaN : Math.round(Number(digits) * factor);
  if (!Number.isSafeInteger(ms)) throw new RangeError("a duration such as 30s, 5m, 12h or 7d");
  return ms;
}

/** A whole number between two bounds, both included. */
export function wholeNumber(least: number, most: number): Parse<number> {
  const parse = (value: string) => {
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    if (!(number >= least && number <= most)) {
      throw new RangeError(`a whole number from ${least} to ${most}`);
    }
    return number;
  };
  return Object.assign(parse, { json: { type: "integer", minimum: least, maximum: most } as const });
}

/** Web origins, separated by commas: `https://example.org,http://localhost:3000`. */
export function origins(value: string): readonly string[] {
  return value.split(",").filter((item) => item !== "").map((item) => {
    const url = URL.parse(item);
    const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
    // A path, even "/", is no part of an origin: who writes one may expect it to matter.
    if (url === null || !isWeb || item.endsWith("/") || url.href !== `${url.origin}/`) {
      throw new RangeError("origins such as https://example.org or http://localhost:3000");
    }
    return url.origin;
  });
}

/** The URL of a WebSocket. */
export function webSocketUrl(value: string): string {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== "ws:" && url.protocol !== "wss:")) {
    throw new RangeError("a WebSocket URL such as ws://localhost:8765/ws");
  }
  if (url.username !== "" || url.password !== "") {
    throw new RangeError("a URL without user and password: use --token");
  }
  return url.href;
}

/** A token: at least one character, and none that a header can't carry (RFC 9110 section 5.5). */
export function token(value: string): string {
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new RangeError("a token of printable ASCII characters without spaces");
  }
  return value;
}

/** Texts on a line each. */
export function lines(value: string): readonly string[] {
  return value === "" ? [] : value.split("\n");
}

/** A URL that can be fetched. */
export function httpUrl(value: string): string {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new RangeError("a URL such as https://example.org/file.iso");
  }
  return url.href;
}

/** URLs that can be fetched, on a line each. */
export function urls(value: string): readonly string[] {
  return lines(value).map(httpUrl);
}

/** `NAME:PASSWORD`; the password may be empty, and hold further colons (RFC 7617). */
export function credentials(value: string): { readonly name: string; readonly password: string } {
  const [, name, password = ""] = /^([^:]+)(?::(.*))?$/s.exec(value) ?? [];
  // deno-lint-ignore no-control-regex
  if (name === undefined || /[\u0000-\u001f\u007f]/.test(value)) throw new RangeError("NAME:PASSWORD");
  return { name, password };
}

/** `sha-256=` and 64 hexadecimal digits. */
export function sha256Checksum(value: string): string {
  const digest = /^sha-?256[=:]([0-9a-f]{64})$/i.exec(value)?.[1];
  if (digest === undefined) throw new RangeError("sha-256= and 64 hexadecimal digits");
  return digest.toLowerCase();
}
