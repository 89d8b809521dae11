import type { IncomingMessage, ServerResponse } from "node:http";
import { answerApi, API_PATH, type ApiAnswer, MOST_BODY_BYTES } from "./download_api.ts";
import type { QueueService } from "./queue_service.ts";
import { BodyError, readBody } from "./request_body.ts";

/** How long a client may take to send a body, in milliseconds. */
const BODY_MS = 10_000;

/** Answers a request whose path is `/api/downloads` or below it. */
export async function serveApi(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  service: QueueService,
): Promise<void> {
  const { method = "", url = "" } = request;
  const parsed = URL.parse(url, "http://server");
  let answer: ApiAnswer;
  try {
    answer = await answerApi({
      method: method === "HEAD" ? "GET" : method,
      path: parsed?.pathname.slice(API_PATH.length) ?? "",
      query: parsed?.searchParams ?? new URLSearchParams(),
      text: () => readBody(request, { bytes: MOST_BODY_BYTES, ms: BODY_MS }),
    }, service);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    // What is left of the body would be taken for the next request.
    answer = { status: error.status, headers: { Connection: "close" }, body: { error: error.message } };
  }
  response.writeHead(answer.status, {
    ...answer.headers,
    ...answer.body === undefined ? {} : { "Content-Type": "application/json" },
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  const text = answer.body === undefined ? undefined : `${JSON.stringify(answer.body)}\n`;
  response.end(method === "HEAD" ? undefined : text);
}
