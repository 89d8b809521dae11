import { type RawConnection, type RawHttpServer, rawHttpServer, type RawRequest } from "./raw_http_server.ts";

/** An answer as it is about to be sent. */
export interface RangeAnswer {
  readonly status: number;
  /** Without those that frame the body, which come of the rest. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** How the body is framed; `close`: by the end of the connection, as HTTP/1.0 does it. */
  readonly framing?: "length" | "chunked" | "close";
  /** Announced instead of the body's length. */
  readonly length?: number;
  /** What happens after so many bytes of the body. */
  readonly then?: { readonly after: number; readonly what: "reset" | "end" | "silence" };
  /** Bytes at a time; the next ones follow when `pace` resolves. */
  readonly drip?: { readonly bytes: number; readonly pace: () => Promise<void> };
}

/** Changes an answer, or replaces it by something else altogether: then it is `undefined`. */
export type Tweak = (
  answer: RangeAnswer,
  request: RawRequest,
  connection: RawConnection,
) => RangeAnswer | undefined | Promise<RangeAnswer | undefined>;

/** Serves a file with ranges and validators, as it should be, save for what a test changes about it. */
export async function rangeServer(
  file: Uint8Array,
  { tweak = (answer) => answer, headers = { etag: '"1"' } }: {
    readonly tweak?: Tweak;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<RawHttpServer> {
  return await rawHttpServer(async (request, connection) => {
    const answer = await tweak(answerOf(file, request, headers), request, connection);
    if (answer !== undefined) await send(answer, connection);
  });
}

/** What is to be answered about a file (RFC 9110 section 14). */
export function answerOf(
  file: Uint8Array,
  request: Pick<RawRequest, "range" | "headers">,
  headers: Readonly<Record<string, string>>,
): RangeAnswer {
  const condition = request.headers.get("if-range")?.trim();
  const isSame = condition === undefined || condition === headers.etag ||
    condition === headers["last-modified"];
  if (request.range === undefined || !isSame) return { status: 200, headers, body: file };
  const { from } = request.range;
  const to = Math.min(request.range.to, file.length);
  if (from >= to) {
    return { status: 416, headers: { "content-range": `bytes */${file.length}` }, body: new Uint8Array(0) };
  }
  const range = { "content-range": `bytes ${from}-${to - 1}/${file.length}` };
  return { status: 206, headers: { ...headers, ...range }, body: file.subarray(from, to) };
}

async function send(answer: RangeAnswer, connection: RawConnection): Promise<void> {
  const { status, headers, body, framing = "length", length = body.length, then, drip } = answer;
  const frame = framing === "length"
    ? `Content-Length: ${length}\r\n`
    : framing === "chunked"
    ? "Transfer-Encoding: chunked\r\n"
    : "";
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const version = framing === "close" ? "1.0" : "1.1";
  await connection.write(`HTTP/${version} ${status} Answer\r\n${lines}${frame}\r\n`);
  const sent = body.subarray(0, then?.after ?? body.length);
  const step = drip?.bytes ?? 64 * 1024;
  for (let at = 0; at < sent.length; at += step) {
    const piece = sent.subarray(at, at + step);
    if (framing === "chunked") await connection.write(`${piece.length.toString(16)}\r\n`);
    await connection.write(piece);
    if (framing === "chunked") await connection.write("\r\n");
    await Promise.race([drip?.pace(), connection.closed]);
  }
  if (then?.what === "reset") connection.reset();
  else if (then?.what === "end") connection.end();
  else if (then?.what === "silence") await connection.closed;
  else if (framing === "chunked") await connection.write("0\r\n\r\n");
  else if (framing === "close") connection.end();
}
