import { STATUS_TEXT } from "./status_text.ts";
import { encodeHead } from "./encoded_head.ts";

/** An answer of the proxy's own, whole. Nothing of the request is in it. */
export function errorAnswer(
  status: keyof typeof STATUS_TEXT,
  { method, isKeptAlive, now }: {
    /** Of the request; that to HEAD has no body. */
    readonly method: string | undefined;
    readonly isKeptAlive: boolean;
    readonly now: Date;
  },
): Uint8Array {
  const text = STATUS_TEXT[status];
  const body = new TextEncoder().encode(`${status} ${text}\n`);
  const head = encodeHead(`HTTP/1.1 ${status} ${text}`, [
    ["Date", now.toUTCString()],
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", String(body.length)],
    ["X-Content-Type-Options", "nosniff"],
    ["Cache-Control", "no-store"],
    ...(status === 405 ? [["Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"] as const] : []),
    ["Connection", isKeptAlive ? "keep-alive" : "close"],
  ]);
  if (method === "HEAD") return head;
  const answer = new Uint8Array(head.length + body.length);
  answer.set(head);
  answer.set(body, head.length);
  return answer;
}
