import { assertEquals, assertThrows } from "@std/assert";
import { parseProxy, proxyFor } from "../../../protocols/http_ranges/proxies.ts";

/** Host of the proxy that is chosen, or `undefined`. */
function chosen(url: string, env: Readonly<Record<string, string>>, proxy?: string): string | undefined {
  return proxyFor(new URL(url), { env: (name) => env[name], proxy })?.hostname;
}

Deno.test("a proxy is read with its port and its credentials", () => {
  assertEquals(parseProxy("http://u:p%40@[::1]:3128/"), {
    hostname: "::1",
    port: 3128,
    credentials: { name: "u", password: "p@" },
  });
  assertEquals(parseProxy("proxy.example"), {
    hostname: "proxy.example",
    port: 1080,
    credentials: undefined,
  });
  assertEquals(parseProxy("http://proxy.example:80").port, 80);
  assertThrows(() => parseProxy("socks5://p:1"), TypeError, "A proxy is spoken to by http, not by socks5");
  const error = assertThrows(() => parseProxy("http://u:secret@:x"), TypeError);
  assertEquals(error.message.includes("secret"), false);
});

Deno.test("the proxy given goes before the environment's, which go by scheme", () => {
  const env = { http_proxy: "one", HTTPS_PROXY: "two", all_proxy: "three" };
  assertEquals(chosen("http://a/", env), "one");
  assertEquals(chosen("https://a/", env), "two");
  assertEquals(chosen("https://a/", { all_proxy: "three" }), "three");
  assertEquals(chosen("https://a/", env, "four"), "four");
  assertEquals(chosen("https://a/", env, ""), undefined);
  assertEquals(chosen("http://a/", { http_proxy: "" }), undefined);
  // A CGI program gets the Proxy header of its client under this name.
  assertEquals(chosen("http://a/", { HTTP_PROXY: "evil" }), undefined);
});

Deno.test("no_proxy exempts hosts, their subdomains, addresses and ports", () => {
  const cases = [
    ["http://localhost/", "localhost", true],
    ["http://example.com/", ".example.com", true],
    ["http://a.example.com/", "example.com", true],
    ["http://a.example.com/", "x, *.example.com", true],
    ["http://badexample.com/", "example.com", false],
    ["http://example.com:8080/", "example.com:80", false],
    ["http://example.com/", "example.com:80", true],
    ["http://10.0.0.1/", "10.0.0.1", true],
    ["http://110.0.0.1/", "10.0.0.1,0.0.1", false],
    ["http://[::1]/", "::1", true],
    ["http://[::1]:81/", "[::1]:80", false],
    ["http://example.com/", "*", true],
    ["http://example.com/", " , ", false],
  ] as const;
  for (const [url, list, isExempt] of cases) {
    assertEquals(chosen(url, { all_proxy: "p", no_proxy: list }) === undefined, isExempt, `${url} ${list}`);
  }
});
