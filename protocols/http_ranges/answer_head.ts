import { ConnectionProblem } from "../../net/connection_problem.ts";
import { HeadProblem, type HeadRules, HeadScanner, headText } from "../../net/http_fields.ts";
import type { Framing } from "../../net/http_framing.ts";
import { parseResponseHead } from "../../net/response_head.ts";

/** The head of a response, and how its body is delimited. */
export interface ParsedHead {
  readonly status: number;
  readonly headers: Headers;
  readonly framing: Framing;
  /** Whether the connection can carry another request once the body is read. */
  readonly isKeptAlive: boolean;
  /** Bytes of the head. */
  readonly length: number;
}

/** A head that is longer is an attack or a mistake. Others take 8 KiB (nginx) to 300 KiB (browsers). */
export const HEAD_BYTES_MOST = 65_536;

/** More headers than that are, too; looking each up among thousands of others takes a third of a second. */
const RULES: HeadRules = { bytesMost: HEAD_BYTES_MOST, fieldsMost: 500, isLenient: true };

/**
 * Reads the head of a response from the beginning of `bytes`.
 *
 * @returns `undefined` when it is not all there.
 * @throws {ConnectionProblem} This is not HTTP/1, or its end can't be told for sure.
 */
export function parseHead(bytes: Uint8Array): ParsedHead | undefined {
  // Other protocols (SSH, SMTP) greet with a line and then wait.
  if (bytes.length >= 5 && headText(bytes.subarray(0, 5)) !== "HTTP/") throw notHttp(bytes);
  try {
    const length = new HeadScanner(RULES).scan(bytes);
    if (length === undefined) return undefined;
    const head = parseResponseHead(headText(bytes.subarray(0, length)), { method: "GET", rules: RULES });
    const { status, framing, isKeptAlive, fields } = head;
    const headers = new Headers(fields.map(({ name, value }) => [name, value]));
    return { status, headers, framing, isKeptAlive, length };
  } catch (error) {
    if (!(error instanceof HeadProblem)) throw error;
    const { fault, message, found } = error;
    if (fault === "unknown-version") throw notHttp(bytes);
    const what = found === undefined ? message : `${message}: ${JSON.stringify(found)}`;
    throw new ConnectionProblem(`The server sent ${what}`, { cause: error });
  }
}

function notHttp(bytes: Uint8Array): ConnectionProblem {
  const start = headText(bytes.subarray(0, 40)).split("\n")[0] ?? "";
  const isTls = bytes[0] === 0x15 || bytes[0] === 0x16;
  return new ConnectionProblem(
    isTls
      ? "The server speaks TLS there: its URL begins with https://"
      : `What listens there does not speak HTTP/1: ${JSON.stringify(start)}`,
    { isFinal: true },
  );
}
