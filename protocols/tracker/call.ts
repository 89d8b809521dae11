import type { HttpRequest } from "../../net/http_connection.ts";
import type { Caller } from "./ownership.ts";
import { Refusal } from "./refusal.ts";
import type { Session } from "./sessions.ts";

/** A request that was let in, with what it proves of who sent it. */
export interface Call {
  readonly request: HttpRequest;
  /** The peer's address; behind a reverse proxy the one that the proxy names. */
  readonly address: string;
  readonly isSecure: boolean;
  readonly caller: Caller;
  readonly session: Session | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a request carries: the parameters of a `GET`, the fields of a JSON object, or of a form. */
export function fieldsOf({ head, body }: HttpRequest, allowsForm: boolean): unknown {
  // A body of a GET has no meaning (RFC 9110 section 9.3.1).
  if (head.method === "GET" || head.method === "HEAD") {
    if (head.query === "") return {};
    return Object.fromEntries(new URLSearchParams(head.query));
  }
  if (body.length === 0) return {};
  const text = decode(body);
  // Programs that set no type of their own say "form" of everything that they send.
  if (allowsForm && isForm(head.headers.get("content-type")) && !/^\s*[[{]/.test(text)) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, "The body is not JSON");
  }
}

/** Whether a body is a form's, as browsers send it. */
export function isForm(contentType: string | undefined): boolean {
  return mediaType(contentType) === "application/x-www-form-urlencoded";
}

/** Whether a body is JSON by its type, which no page of another site can send without asking first. */
export function isJson(contentType: string | undefined): boolean {
  return mediaType(contentType) === "application/json";
}

/** Whether a person reads the answer. */
export function wantsPage({ head }: HttpRequest): boolean {
  return /\btext\/html\b/i.test(head.headers.get("accept") ?? "");
}

function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(";")[0]?.trim().toLowerCase();
}

function decode(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch {
    throw new Refusal(400, "The body is not UTF-8");
  }
}
