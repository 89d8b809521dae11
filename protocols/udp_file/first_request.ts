import { messageLine } from "./control_messages.ts";
import { MAX_FIRST_LINE_BYTES } from "./handshake.ts";

/** What is most likely asked for first. */
export interface FirstRequest {
  /** A path that is listed. */
  readonly list: string;
  /** If that is a file, it is wanted, too. */
  readonly isWanted: boolean;
}

/** The number of the list. */
export const FIRST_LIST = 1;
/** The number that the file comes as. */
export const FIRST_FILE = 2;

/** The line that OPEN is to carry; `undefined`: there is none, or it is too long. */
export function firstLine(first: FirstRequest | undefined): string | undefined {
  if (first === undefined) return undefined;
  const { list, isWanted } = first;
  const line = messageLine({ list: { id: FIRST_LIST, path: list, get: isWanted ? FIRST_FILE : undefined } });
  return new TextEncoder().encode(line).length > MAX_FIRST_LINE_BYTES ? undefined : line;
}
