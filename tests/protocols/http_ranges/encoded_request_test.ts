import { assertEquals, assertThrows } from "@std/assert";
import { basicAuthorization } from "../../../protocols/http_ranges/credentials.ts";
import { encodeConnect, encodeRequest } from "../../../protocols/http_ranges/encoded_request.ts";

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

Deno.test("a request names the range with its last byte, and wants the file as it is", () => {
  const url = new URL("http://user:secret@example.com:8080/a%20b/c?d=e#f");
  assertEquals(
    text(encodeRequest({ url, range: { from: 100, to: 200 } })),
    "GET /a%20b/c?d=e HTTP/1.1\r\nHost: example.com:8080\r\nUser-Agent: transfer\r\nAccept: */*\r\n" +
      "Accept-Encoding: identity\r\nRange: bytes=100-199\r\n\r\n",
  );
  assertEquals(
    text(encodeRequest({ url, isProxied: true })).split("\r\n")[0],
    "GET http://example.com:8080/a%20b/c?d=e HTTP/1.1",
  );
});

Deno.test("a header of the caller's replaces ours of the same name", () => {
  const headers = [["user-agent", "mine"], ["If-Range", '"x"'], ["X-Latin", "\xe4"]] as const;
  const request = text(encodeRequest({ url: new URL("http://a/"), headers }));
  assertEquals(
    request,
    "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nAccept-Encoding: identity\r\nuser-agent: mine\r\n" +
      'If-Range: "x"\r\nX-Latin: \xe4\r\n\r\n',
  );
});

Deno.test("no header can end early, smuggle another one in, or change the framing", () => {
  const bad = [
    ["X", "a\r\nRange: bytes=0-"],
    ["X", "a\nb"],
    ["X", "a\0"],
    ["X", "\u{20ac}"],
    ["X\r\nY", "a"],
    ["", "a"],
    ["X Y", "a"],
    ["Range", "bytes=0-1"],
    ["transfer-encoding", "chunked"],
    ["Content-Length", "3"],
    ["Connection", "close"],
    ["Accept-Encoding", "gzip"],
  ] as const;
  for (const header of bad) {
    assertThrows(
      () => encodeRequest({ url: new URL("http://a/"), headers: [header] }),
      TypeError,
      "eader",
      JSON.stringify(header),
    );
  }
});

Deno.test("a tunnel is asked for by host and port, an IPv6 address in brackets", () => {
  const proxy = basicAuthorization({ name: "u", password: "p" }, "Proxy-Authorization");
  assertEquals(
    text(encodeConnect(new URL("https://example.com/secret?x"), [proxy])),
    "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n",
  );
  assertEquals(
    text(encodeConnect(new URL("https://[::1]:8443/"), [])),
    "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n",
  );
});
