/** What a client asks a server of XUDP/1. */

import type { ByteRange } from "../../store/byte_ranges.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import type { FileVersion } from "../../store/file_version.ts";
import { ControlError, type Refusal } from "./control_messages.ts";

/** Most files and directories of one list: what a client is ready to hold in memory. */
const MAX_ENTRIES = 1_000_000;
/** Most characters of all their paths: 128 each on average. */
const MAX_PATH_CHARACTERS = 128_000_000;

/** A server has refused a request. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** See `REFUSAL` of the control messages. */
  readonly code: string;

  constructor({ code, text }: Pick<Refusal, "code" | "text">) {
    super(`The server says: ${text}`);
    this.code = code;
  }
}

/** What to send of a file. */
export interface FileRequest {
  readonly path: string;
  /** As it was listed: another one is refused as changed. */
  readonly version: FileVersion;
  /** At most 1024, none empty. */
  readonly ranges: readonly ByteRange[];
  /** What the digest is to be of. */
  readonly digest: ByteRange;
}

/** Takes the bytes of a file as they come, in any order and each once. They are to be copied. */
export type FileSink = (offset: number, bytes: Uint8Array) => void;

/** A list that is coming. */
export interface Listing {
  readonly kind: "list";
  readonly found: CatalogueEntry[];
  /** Of all their paths. */
  characters: number;
  readonly resolve: (entries: readonly CatalogueEntry[] | undefined) => void;
  readonly reject: (problem: Error) => void;
}

/** A file that is coming. */
export interface Getting {
  readonly kind: "get";
  sink: FileSink;
  missingBytes: number;
  sha256: string | undefined;
  readonly resolve: (sha256: string) => void;
  readonly reject: (problem: Error) => void;
}

/**
 * Adds a page to a list that is coming.
 *
 * @throws {ControlError} That is more than can be held, or it could go on for ever.
 */
export function addPage(
  listing: Pick<Listing, "found" | "characters">,
  { entries, more }: { readonly entries: readonly CatalogueEntry[]; readonly more: boolean },
): void {
  if (more && entries.length === 0) throw new ControlError("A list has empty pages");
  for (const entry of entries) {
    listing.found.push(entry);
    listing.characters += entry.path.length;
  }
  if (listing.found.length > MAX_ENTRIES || listing.characters > MAX_PATH_CHARACTERS) {
    throw new ControlError("A list of more files than can be held");
  }
}
