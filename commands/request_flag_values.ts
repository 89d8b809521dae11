/** How the text of a flag about requests becomes a value, as in `flag_values.ts`. */

import { parseProxy } from "../protocols/http_ranges/proxies.ts";
import { checkHeader } from "../protocols/http_ranges/encoded_request.ts";
import { lines } from "./flag_values.ts";

/** Request headers, each `Name: value`, on a line each. */
export function headers(value: string): readonly (readonly [name: string, value: string])[] {
  return lines(value).map((line) => {
    const [, name = "", content = ""] = /^([^:]+):\s*(.*?)\s*$/.exec(line) ?? [];
    try {
      checkHeader([name.trim(), content]);
    } catch (error) {
      const why = error instanceof Error && name !== "" ? ` (${error.message})` : "";
      throw new RangeError(`a header such as "Accept-Language: de"${why}`, { cause: error });
    }
    return [name.trim(), content];
  });
}

/** The URL of a proxy. */
export function proxyUrl(value: string): string {
  try {
    parseProxy(value);
  } catch (error) {
    throw new RangeError("a proxy such as http://proxy.lan:3128", { cause: error });
  }
  return value;
}
