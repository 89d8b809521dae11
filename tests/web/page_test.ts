import { assertEquals, assertThrows } from "@std/assert";
import { page } from "../../web/page.ts";

Deno.test("a page gets the parts that it names, and names none that is not there", () => {
  const { contentType, body } = page("<svg>\n  <!-- part icons -->\n</svg>");
  assertEquals(contentType, "text/html; charset=utf-8");
  assertEquals([...body.matchAll(/<symbol id="(\w+)"/g)].map(([, id]) => id), ["tick", "cross"]);
  assertEquals(body.includes("<!--"), false);
  assertThrows(() => page("<!-- part none -->"), RangeError, "none");
});
