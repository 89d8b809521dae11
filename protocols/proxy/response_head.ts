import {
  declaredFraming,
  type Field,
  type Framing,
  HeadProblem,
  listOf,
  splitHead,
  valuesOf,
} from "./fields.ts";

/** The head of an upstream's response. */
export interface ResponseHead {
  readonly status: number;
  /** Words that say the same as the status; may be empty. */
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** Whether the connection can carry another request when the body is over. */
  readonly isKeptAlive: boolean;
  /** Whether it begins a WebSocket. */
  readonly isWebSocket: boolean;
}

// deno-lint-ignore no-control-regex
const STATUS_LINE = /^HTTP\/1\.(\d) ([1-5]\d\d)(?: ([^\x00-\x08\x0a-\x1f\x7f]*))?$/;

/**
 * Reads the head of a response.
 *
 * @param bytes From its first line to the empty line at its end.
 * @param method Of the request, as the answer to HEAD has no body, whatever its headers say.
 * @throws {HeadProblem} It is malformed, or could be read in two ways.
 */
export function parseResponseHead(bytes: Uint8Array, method: string): ResponseHead {
  const { first, fields } = splitHead(bytes);
  const [, minor, code, reason = ""] = STATUS_LINE.exec(first) ?? [];
  if (code === undefined) throw new HeadProblem("malformed", "The first line is no status");
  const status = Number(code);
  const framing = framingOf(status, { method, fields: withoutRepeated(fields) });
  const connection = listOf(fields, "connection");
  return {
    status,
    reason,
    fields,
    framing,
    isKeptAlive: framing.kind !== "until-close" &&
      (minor === "0" ? connection.includes("keep-alive") : !connection.includes("close")),
    isWebSocket: status === 101 && valuesOf(fields, "upgrade").join().toLowerCase() === "websocket",
  };
}

/** Framing of RFC 9112 section 6.3; what is ambiguous is refused even where there is no body to be framed. */
function framingOf(
  status: number,
  { method, fields }: { readonly method: string; readonly fields: readonly Field[] },
): Framing {
  const declared = declaredFraming(fields);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return { kind: "length", bytes: 0 };
  }
  return declared ?? { kind: "until-close" };
}

/** Servers behind others of their own repeat a length; as long as it is the same one, it means one thing. */
function withoutRepeated(fields: readonly Field[]): readonly Field[] {
  const first = fields.find(({ key }) => key === "content-length");
  return fields.filter((field) =>
    field === first || field.key !== "content-length" || field.value !== first?.value
  );
}
