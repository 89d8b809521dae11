import type { DuplexBytes } from "../../net/byte_stream.ts";

/** Of a JSON answer; nothing that is here today is to be taken for what is here tomorrow. */
const JSON_LINES =
  "Content-Type: application/json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";

/**
 * An answer whose text is at hand. It is a `Response` so that Hono's handlers can return it, and nothing else of
 * one is used: to read the body of a `Response` back costs more than all the rest of a request.
 */
export class Answer extends Response {
  readonly code: number;
  readonly headerLines: string;
  readonly content: string;
  readonly takeOver: ((stream: DuplexBytes) => Promise<void>) | undefined;

  constructor(
    { code = 200, headerLines = JSON_LINES, content = "", takeOver }: {
      readonly code?: number;
      readonly headerLines?: string;
      readonly content?: string;
      readonly takeOver?: ((stream: DuplexBytes) => Promise<void>) | undefined;
    },
  ) {
    super(null);
    this.code = code;
    this.headerLines = headerLines;
    this.content = content;
    this.takeOver = takeOver;
  }
}

/** A success, with members of the answer's object as JSON: `"a":1,"b":2`. */
export function success(members: string, headerLines = ""): Answer {
  const text = members === "" ? '{"status":"success"}' : `{"status":"success",${members}}`;
  return new Answer({ content: text, headerLines: `${JSON_LINES}${headerLines}` });
}

/** A success, as an object. */
export function successOf(members: Readonly<Record<string, unknown>>, headerLines = ""): Answer {
  return success(JSON.stringify(members).slice(1, -1), headerLines);
}

/** An error, with the reason for people. */
export function failure(code: number, message: string, headerLines = ""): Answer {
  const text = JSON.stringify({ status: "error", message });
  return new Answer({ code, content: text, headerLines: `${JSON_LINES}${headerLines}` });
}

/** A page that runs nothing but the server's own scripts. */
export function page(text: string, contentType = "text/html; charset=utf-8", code = 200): Answer {
  return new Answer({ code, content: text, headerLines: `Content-Type: ${contentType}\r\n${PAGE_LINES}` });
}

const PAGE_LINES = [
  "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options: nosniff",
  "Referrer-Policy: no-referrer",
  "Cross-Origin-Opener-Policy: same-origin",
  // The page and the program are of one version; a cached half of an older one is not.
  "Cache-Control: no-cache",
].map((line) => `${line}\r\n`).join("");
