/** Pages: what several of them have in common stands in a file of its own. */

import asides from "./parts/asides.html" with { type: "text" };
import icons from "./parts/icons.html" with { type: "text" };
import rowFacts from "./parts/row_facts.html" with { type: "text" };
import rowPercent from "./parts/row_percent.html" with { type: "text" };
import tokenLine from "./parts/token_line.html" with { type: "text" };
import { type Asset, asset } from "./asset.ts";

const PARTS: ReadonlyMap<string, string> = new Map([
  ["asides", asides],
  ["icons", icons],
  ["row_facts", rowFacts],
  ["row_percent", rowPercent],
  ["token_line", tokenLine],
]);

/** A page, with `<!-- part NAME -->` replaced by that part. @throws {RangeError} There is no such part. */
export function page(html: string): Asset {
  const whole = html.replace(/<!-- part (\w+) -->/g, (_, name: string) => {
    const part = PARTS.get(name);
    if (part === undefined) throw new RangeError(`No part of pages is called ${name}`);
    return part.trimEnd();
  });
  return asset("text/html", whole);
}
