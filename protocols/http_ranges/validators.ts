/** What tells one version of a file from another (RFC 9110 section 8.8), as the server wrote it. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
  /** When the answer was made, which tells how much `lastModified` is worth. */
  readonly date?: string;
}

/** What headers are read by: `Headers`, or anything like it. */
export interface HeaderReader {
  get(name: string): string | null | undefined;
}

/** The validators of an answer. */
export function readValidators(headers: HeaderReader): Validators {
  const etag = headers.get("etag")?.trim();
  const lastModified = headers.get("last-modified")?.trim();
  const date = headers.get("date")?.trim();
  return {
    // Some servers leave the quotes away; what is no entity tag at all could not be sent back.
    ...(etag !== undefined && /^(W\/)?[\x21\x23-\x7e"]+$/.test(etag) ? { etag } : {}),
    ...(lastModified ? { lastModified } : {}),
    ...(date ? { date } : {}),
  };
}

/** Whether there is anything to recognise the file by. */
export function hasValidator({ etag, lastModified }: Validators): boolean {
  return etag !== undefined || lastModified !== undefined;
}

/**
 * The value for `If-Range`: a strong entity tag, or else a date of change that was at least a second old
 * when it was sent, as a file can change twice within one. `undefined` when there is only a weak one,
 * which may stand for different bytes and must not be sent (RFC 9110 section 13.1.5).
 */
export function ifRange({ etag, lastModified, date }: Validators): string | undefined {
  if (etag !== undefined) return isStrong(etag) ? etag : undefined;
  if (lastModified === undefined || date === undefined) return undefined;
  return Date.parse(date) - Date.parse(lastModified) >= 1000 ? lastModified : undefined;
}

/**
 * In what a file differs from what it was, for a person; `undefined` when nothing says that it does.
 *
 * @param wasConfirmed The server itself compared them, as it was sent `If-Range` and answered 206; it may
 * leave out then what it would only repeat (RFC 9110 section 15.3.7).
 */
export function difference(
  known: Validators,
  now: Validators,
  wasConfirmed: boolean,
): string | undefined {
  if (isOther(known.etag, now.etag, wasConfirmed, sameTag)) {
    return `its ETag was ${known.etag ?? "missing"} and is ${now.etag ?? "missing"}`;
  }
  if (isOther(known.lastModified, now.lastModified, wasConfirmed, sameDate)) {
    return `its Last-Modified was "${known.lastModified ?? "missing"}" and is "${
      now.lastModified ?? "missing"
    }"`;
  }
  return undefined;
}

function isOther(
  known: string | undefined,
  now: string | undefined,
  mayBeMissing: boolean,
  isSame: (one: string, other: string) => boolean,
): boolean {
  if (known === undefined) return false;
  return now === undefined ? !mayBeMissing : !isSame(known, now);
}

function isStrong(etag: string): boolean {
  return etag.startsWith('"');
}

/** Weak comparison (RFC 9110 section 8.8.3.2): a cache on the way may have weakened a tag. */
function sameTag(one: string, other: string): boolean {
  return one.replace(/^W\//, "") === other.replace(/^W\//, "");
}

function sameDate(one: string, other: string): boolean {
  return one === other || Date.parse(one) === Date.parse(other);
}
