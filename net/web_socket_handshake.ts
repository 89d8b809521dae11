import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** What RFC 6455 section 1.3 has the server add to the client's key. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Answers a request for a WebSocket (RFC 6455 section 4.2).
 *
 * @param subprotocol The one that the server speaks; it is chosen if the client offers it.
 * @returns The answer's head, and whether the connection is a WebSocket after it.
 */
export function answerHandshake(
  request: { readonly method?: string | undefined; readonly headers: IncomingHttpHeaders },
  subprotocol: string,
): { readonly isAccepted: boolean; readonly answer: string } {
  const { method, headers } = request;
  const { upgrade = "", "sec-websocket-key": key = "", "sec-websocket-version": version } = headers;
  const isAsked = method === "GET" && upgrade.toLowerCase() === "websocket" && isKey(key);
  if (!isAsked) return { isAccepted: false, answer: refusal("400 Bad Request") };
  if (version !== "13") {
    return { isAccepted: false, answer: refusal("426 Upgrade Required", "Sec-WebSocket-Version: 13") };
  }
  const offered = headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim()) ?? [];
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptFor(key)}`,
    ...(offered.includes(subprotocol) ? [`Sec-WebSocket-Protocol: ${subprotocol}`] : []),
  ];
  return { isAccepted: true, answer: `${lines.join("\r\n")}\r\n\r\n` };
}

/** What a server answers to a client's key, which shows that it speaks WebSocket. */
export function acceptFor(key: string): string {
  return createHash("sha1").update(key + ACCEPT_GUID).digest("base64");
}

/** The whole answer to a request for a WebSocket that is turned down; the connection ends with it. */
export function refusal(status: string, ...headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status}`, "Connection: close", "Content-Length: 0", ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** 16 bytes in base64. */
function isKey(key: string): boolean {
  return /^[+/0-9A-Za-z]{21}[AQgw]==$/.test(key);
}
