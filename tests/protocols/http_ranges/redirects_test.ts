import { assert, assertEquals } from "@std/assert";
import { followRedirect } from "../../../protocols/http_ranges/redirects.ts";

const START = new URL("https://a.example/dir/file?x=1");

Deno.test("a redirect leads to a URL, relative or not, and keeps credentials only at home", () => {
  const cases = [
    ["other", "https://a.example/dir/other", true],
    ["/other?y#part", "https://a.example/other?y", true],
    ["?y", "https://a.example/dir/file?y", true],
    ["//b.example/f", "https://b.example/f", false],
    ["https://a.example:8443/f", "https://a.example:8443/f", false],
    ["https://b.example/f", "https://b.example/f", false],
    ["https://user:secret@b.example/f", "https://b.example/f", false],
    // In UTF-8, one character a byte, as headers are read.
    ["/\xc3\xa4", "https://a.example/%C3%A4", true],
    ["/\xe4", "https://a.example/%C3%A4", true],
  ] as const;
  for (const [location, href, keepsCredentials] of cases) {
    const redirect = followRedirect(location, { trail: [START] });
    assert(redirect.kind === "follow", location);
    assertEquals([redirect.url.href, redirect.keepsCredentials], [href, keepsCredentials]);
  }
});

Deno.test("credentials that were dropped come back with their own host only", () => {
  const trail = [START, new URL("https://b.example/f")] as const;
  const back = followRedirect("https://a.example/again", { trail: [...trail] });
  assertEquals(back.kind === "follow" && back.keepsCredentials, true);
  const away = followRedirect("https://c.example/again", { trail: [...trail] });
  assertEquals(away.kind === "follow" && away.keepsCredentials, false);
});

Deno.test("circles, other schemes, and the way from https to http are refused", () => {
  const refusal = (location: string, options: Partial<Parameters<typeof followRedirect>[1]> = {}) => {
    const redirect = followRedirect(location, { trail: [START], ...options });
    return redirect.kind === "refused" ? redirect.reason : redirect.url.href;
  };
  assertEquals(refusal("#same"), "The server redirects in a circle: https://a.example/dir/file");
  assertEquals(refusal("file:///etc/passwd").startsWith("The server redirects to file: where only"), true);
  assertEquals(refusal("http://["), 'The server redirects to what is no URL: "http://["');
  assertEquals(
    refusal("http://a.example/f"),
    "The server redirects from https to http, which anybody on the way could read: a.example",
  );
  assertEquals(refusal("http://a.example/f", { allowsDowngrade: true }), "http://a.example/f");
  const [first, ...long] = Array.from({ length: 21 }, (_, index) => new URL(`https://a.example/${index}`));
  assert(first !== undefined);
  assertEquals(refusal("/more", { trail: [first, ...long.slice(1)] }), "https://a.example/more");
  assertEquals(refusal("/more", { trail: [first, ...long] }), "The server redirects more than 20 times");
});
