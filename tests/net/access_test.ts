import { assertEquals } from "@std/assert";
import {
  type AccessHeaders,
  isHostAllowed,
  isLoopback,
  isOriginAllowed,
  isTokenValid,
} from "../../net/access.ts";

const TOKEN = "s3cret:with a colon, ä and ÿ";
const encoder = new TextEncoder();
const base64 = (text: string) => encoder.encode(text).toBase64();
const base64url = (text: string) =>
  encoder.encode(text).toBase64({ alphabet: "base64url", omitPadding: true });

const TOKENS: readonly (readonly [string, AccessHeaders, boolean])[] = [
  ["nothing", {}, false],
  ["Bearer", { authorization: `Bearer ${"plain"}` }, false],
  ["basic, any user", { authorization: `Basic ${base64(`user:${TOKEN}`)}` }, true],
  ["basic, no user", { authorization: `Basic ${base64(`:${TOKEN}`)}` }, true],
  ["basic in lower case, two spaces", { authorization: `basic  ${base64(`u:${TOKEN}`)}` }, true],
  ["basic, the token as the user", { authorization: `Basic ${base64(`${TOKEN}:`)}` }, false],
  ["basic, another password", { authorization: `Basic ${base64(`user:${TOKEN}!`)}` }, false],
  ["basic, only the beginning", { authorization: `Basic ${base64(`user:${TOKEN.slice(0, -1)}`)}` }, false],
  ["basic that is no base64", { authorization: "Basic ***" }, false],
  ["basic without credentials", { authorization: "Basic" }, false],
  ["basic in the form of Bearer", { authorization: `Basic ${TOKEN}` }, false],
  ["another scheme", { authorization: `Digest ${base64(`user:${TOKEN}`)}` }, false],
  ["an empty header", { authorization: "" }, false],
  ["a subprotocol", { "sec-websocket-protocol": `transfer, transfer.token.${base64url(TOKEN)}` }, true],
  ["a subprotocol of another token", { "sec-websocket-protocol": `transfer.token.${base64url("x")}` }, false],
  ["a subprotocol that is no base64url", { "sec-websocket-protocol": "transfer.token.***" }, false],
  ["the bare subprotocol", { "sec-websocket-protocol": "transfer" }, false],
  ["a wrong header beside a right subprotocol", {
    authorization: "Bearer wrong",
    "sec-websocket-protocol": `transfer.token.${base64url(TOKEN)}`,
  }, true],
];

for (const [what, headers, isValid] of TOKENS) {
  Deno.test(`with ${what} a client ${isValid ? "may" : "may not"} enter`, () => {
    assertEquals(isTokenValid(headers, TOKEN), isValid);
    assertEquals(isTokenValid(headers, undefined), true);
  });
}

Deno.test("Bearer carries the token as it is", () => {
  for (
    const [token, presented, isValid] of [["abc", "abc", true], ["abc", "abcd", false], [
      "abc",
      "ABC",
      false,
    ]] as const
  ) {
    assertEquals(isTokenValid({ authorization: `Bearer ${presented}` }, token), isValid);
    assertEquals(isTokenValid({ authorization: `bearer ${presented}` }, token), isValid);
  }
});

const BROWSER = { "sec-fetch-site": "same-origin" };
const HOSTS: readonly {
  readonly boundTo: string;
  readonly headers: AccessHeaders;
  readonly hasToken?: boolean;
  readonly allowed: boolean;
}[] = [
  { boundTo: "127.0.0.1", headers: { host: "localhost:8765" }, allowed: true },
  { boundTo: "127.0.0.1", headers: { host: "LOCALHOST" }, allowed: true },
  { boundTo: "127.0.0.1", headers: { host: "page.localhost" }, allowed: true },
  { boundTo: "127.0.0.1", headers: { host: "127.1:80" }, allowed: true },
  { boundTo: "127.0.0.1", headers: { host: "[::1]:8765" }, allowed: true },
  { boundTo: "127.0.0.1", headers: {}, allowed: true },
  { boundTo: "127.0.0.1", headers: { host: "evil.example" }, allowed: false },
  { boundTo: "127.0.0.1", headers: { host: "evil.example", ...BROWSER }, hasToken: true, allowed: false },
  { boundTo: "127.0.0.1", headers: { host: "127.0.0.1.evil.example" }, allowed: false },
  { boundTo: "127.0.0.1", headers: { host: "localhost.evil.example" }, allowed: false },
  { boundTo: "127.0.0.1", headers: { host: "192.168.1.5" }, allowed: false },
  { boundTo: "127.0.0.1", headers: { host: "two words" }, allowed: false },
  { boundTo: "127.0.0.1", headers: { host: "" }, allowed: false },
  { boundTo: "127.0.0.1", headers: { host: "files.example" }, allowed: true },
  { boundTo: "127.0.0.1", headers: { host: "files.example:443" }, allowed: true },
  { boundTo: "127.0.0.1", headers: { host: "files.example:8443" }, allowed: false },
  { boundTo: "nas.lan", headers: { host: "NAS.lan:8765", ...BROWSER }, allowed: true },
  { boundTo: "0.0.0.0", headers: { host: "anything.lan" }, allowed: true },
  { boundTo: "0.0.0.0", headers: { host: "192.168.1.5:8765", ...BROWSER }, allowed: true },
  { boundTo: "0.0.0.0", headers: { host: "[fe80::1]:8765", ...BROWSER }, allowed: true },
  { boundTo: "0.0.0.0", headers: { host: "evil.example", ...BROWSER }, allowed: false },
  { boundTo: "0.0.0.0", headers: { host: "evil.example", origin: "http://evil.example" }, allowed: false },
  { boundTo: "0.0.0.0", headers: { host: "any.lan", ...BROWSER }, hasToken: true, allowed: true },
];

for (const { boundTo, headers, hasToken = false, allowed } of HOSTS) {
  const what = `${JSON.stringify(headers)}${hasToken ? " with a token to ask for" : ""}`;
  Deno.test(`a server on ${boundTo} ${allowed ? "answers" : "does not answer"} ${what}`, () => {
    const allowedOrigins = ["https://files.example"];
    assertEquals(isHostAllowed(headers, { boundTo, allowedOrigins, hasToken }), allowed);
  });
}

const ORIGINS: readonly (readonly ["http" | "https", string | undefined, string | undefined, boolean])[] = [
  ["http", "localhost:8765", undefined, true],
  ["http", "localhost:8765", "http://localhost:8765", true],
  ["http", "LOCALHOST:8765", "http://localhost:8765", true],
  ["http", "localhost:80", "http://localhost", true],
  ["https", "localhost:443", "https://localhost", true],
  ["http", "localhost:8765", "http://localhost:8766", false],
  ["http", "localhost:8765", "https://localhost:8765", false],
  ["https", "localhost:8765", "http://localhost:8765", false],
  ["http", "localhost:8765", "http://127.0.0.1:8765", false],
  ["http", "localhost:8765", "http://localhost:8765/", false],
  ["http", "localhost:8765", "null", false],
  ["http", "localhost:8765", "", false],
  ["http", undefined, "http://localhost:8765", false],
  ["http", "localhost:8765", "https://pages.example", true],
  ["http", "localhost:8765", "http://pages.example", false],
  ["http", "localhost:8765", "https://pages.example.evil.example", false],
];

for (const [scheme, host, origin, allowed] of ORIGINS) {
  Deno.test(`a page of ${origin} ${allowed ? "may" : "may not"} use ${scheme}://${host}`, () => {
    assertEquals(
      isOriginAllowed({ host, origin }, { scheme, allowedOrigins: ["https://pages.example"] }),
      allowed,
    );
  });
}

Deno.test("loopback has many names, and others that look like one", () => {
  const loopback = [
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "127.0.0.1",
    "127.9.9.9",
    "127.1",
    "::1",
    "[::1]",
  ];
  for (const name of [...loopback, "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]) {
    assertEquals(isLoopback(name), true, name);
  }
  const others = [
    "0.0.0.0",
    "::",
    "128.0.0.1",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "::ffff:1.2.3.4",
    "",
  ];
  for (const name of others) assertEquals(isLoopback(name), false, name);
});
