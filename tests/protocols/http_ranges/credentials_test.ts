import { assertEquals } from "@std/assert";
import { basicAuthorization, splitCredentials } from "../../../protocols/http_ranges/credentials.ts";

Deno.test("user and password are taken out of a URL and sent in UTF-8", () => {
  const { url, credentials } = splitCredentials(new URL("https://caf%C3%A9:50%@example.com/x"));
  assertEquals(url.href, "https://example.com/x");
  assertEquals(credentials, { name: "caf\u{e9}", password: "50%" });
  // RFC 7617 section 2.1 has a pound sign in UTF-8.
  assertEquals(basicAuthorization({ name: "test", password: "123\u{a3}" }), [
    "Authorization",
    "Basic dGVzdDoxMjPCow==",
  ]);
  assertEquals(splitCredentials(new URL("https://example.com/x")).credentials, undefined);
});
