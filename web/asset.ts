/** One file of a page. */
export interface Asset {
  /** For the `content-type` header. */
  readonly contentType: string;
  readonly body: string;
}

/** A script. */
export function script(body: string): Asset {
  return asset("text/javascript", body);
}

/** A file that is no script. */
export function asset(mediaType: string, body: string): Asset {
  return { contentType: `${mediaType}; charset=utf-8`, body };
}
