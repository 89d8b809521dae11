import { assertEquals } from "@std/assert";
import { transformSync } from "amaro";
import { eraseTypes } from "../../web/erase_types.ts";

Deno.test("the runtime and the package that stands in for it erase the types of the page's modules alike", async () => {
  const modules = ["net/backoff", "protocols/ws_upload/sender", "terminal/format", "terminal/rate_meter"];
  for (const path of modules) {
    const source = await Deno.readTextFile(new URL(`../../${path}.ts`, import.meta.url));
    assertEquals(transformSync(source, { mode: "strip-only" }).code, eraseTypes(source), path);
  }
});
