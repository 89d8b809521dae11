/** Who wants a WebSocket, and who begins one (RFC 6455 section 4): the one protocol that is switched to. */

import { listOf, valuesOf } from "../../net/http_fields.ts";
import type { RequestHead } from "../../net/request_head.ts";
import type { ResponseHead } from "../../net/response_head.ts";

/** Whether a request asks for a WebSocket. */
export function wantsWebSocket({ method, minor, framing, fields }: RequestHead): boolean {
  return method === "GET" && minor === 1 && framing.kind === "length" && framing.bytes === 0 &&
    namesWebSocket(fields) && listOf(fields, "connection").includes("upgrade");
}

/** Whether a response begins a WebSocket. */
export function isWebSocket({ status, fields }: ResponseHead): boolean {
  return status === 101 && namesWebSocket(fields);
}

function namesWebSocket(fields: RequestHead["fields"]): boolean {
  return valuesOf(fields, "upgrade").join().toLowerCase() === "websocket";
}
