import type { Endpoint } from "../net/dial.ts";
import { UsageError } from "./command.ts";
import { printable } from "../terminal/printable.ts";

/**
 * Where `HOST`, `HOST:PORT`, `[ADDRESS]:PORT` or an IPv6 address alone leads to.
 *
 * @throws {UsageError} It is none of these.
 */
export function serverAddress(text: string, defaultPort: number): Endpoint {
  const isBareIpv6 = /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text);
  const [, bracketed, name, digits] = isBareIpv6
    ? [undefined, text]
    : /^(?:\[([0-9a-f.]*:[0-9a-f:.]*)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const hostname = bracketed ?? name;
  const port = digits === undefined ? defaultPort : Number(digits);
  if (hostname === undefined || port < 1 || port > 65_535) {
    throw new UsageError(
      `Expected a server such as files.lan or files.lan:${defaultPort}, got ${printable(text)}`,
    );
  }
  return { hostname, port };
}
