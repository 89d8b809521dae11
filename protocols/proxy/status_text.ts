/** All answers of the proxy's own. */
export const STATUS_TEXT = {
  /** The request is malformed, or could be read in two ways. */
  400: "Bad Request",
  /** No such host. */
  404: "Not Found",
  /** TRACE, which shows headers to scripts that may not see them. */
  405: "Method Not Allowed",
  /** The request did not come in time. */
  408: "Request Timeout",
  /** The head is too long. */
  431: "Request Header Fields Too Large",
  /** CONNECT, or a coding of the body that nobody is able to see the end of. */
  501: "Not Implemented",
  /** No upstream answers, or what it answers can't be passed on. */
  502: "Bad Gateway",
  /** The proxy has no file handle or port left to ask an upstream with. */
  503: "Service Unavailable",
  /** The upstream is too slow. */
  504: "Gateway Timeout",
  /** Not HTTP/1. */
  505: "HTTP Version Not Supported",
  /** The proxy passes the request to itself. */
  508: "Loop Detected",
} as const;

export type OwnStatus = keyof typeof STATUS_TEXT;

/** In a log, of a client that did not wait for its answer; nobody is sent it (nginx has it so). */
export const CLIENT_GONE = 499;
