import { assertEquals } from "@std/assert";
import { parseRequestHead } from "../../../net/request_head.ts";
import { HEAD_RULES } from "../../../protocols/proxy/proxy_limits.ts";
import { wantsWebSocket } from "../../../protocols/proxy/upgrade.ts";

Deno.test("only a WebSocket is an upgrade, and only where there is no body", () => {
  const upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
  const cases = [
    [`GET / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, true],
    [`GET / HTTP/1.0\r\nHost: a\r\n${upgrade}\r\n`, false],
    [`POST / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, false],
    [`GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n${upgrade}\r\n`, false],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", false],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", false],
    ["GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", false],
  ] as const;
  for (const [request, expected] of cases) {
    assertEquals(wantsWebSocket(parseRequestHead(request, HEAD_RULES)), expected, request);
  }
});
