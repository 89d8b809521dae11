/** What a `Content-Range` header says (RFC 9110 section 14.4). */
export type ContentRange =
  | {
    readonly kind: "range";
    readonly from: number;
    /** Exclusive, unlike on the wire. */
    readonly to: number;
    /** Of the whole file; `undefined` when the server does not know it (`*`). */
    readonly size: number | undefined;
  }
  /** None of the bytes asked for exist; comes with status 416. */
  | { readonly kind: "unsatisfied"; readonly size: number };

/** Reads a `Content-Range` header. @returns `undefined` when it is none, or contradicts itself. */
export function parseContentRange(header: string): ContentRange | undefined {
  const match = /^\s*bytes\s+(?:(\d{1,16})\s*-\s*(\d{1,16})|\*)\s*\/\s*(\d{1,16}|\*)\s*$/i.exec(header);
  if (match === null) return undefined;
  const [, first, last, total] = match;
  const size = total === undefined || total === "*" ? undefined : Number(total);
  if (size !== undefined && !Number.isSafeInteger(size)) return undefined;
  if (first === undefined || last === undefined) {
    return size === undefined ? undefined : { kind: "unsatisfied", size };
  }
  const from = Number(first);
  const to = Number(last) + 1;
  if (!Number.isSafeInteger(to) || from >= to || to > (size ?? to)) return undefined;
  return { kind: "range", from, to, size };
}
