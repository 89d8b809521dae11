/** What a client asks a server of XUDP/1. */

import type { ByteRange } from "../../store/byte_ranges.ts";
import type { CatalogueEntry } from "../../store/catalogue_entries.ts";
import type { FileVersion } from "../../store/file_version.ts";
import type { Refusal } from "./control_messages.ts";

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
  readonly resolve: (entries: readonly CatalogueEntry[] | undefined) => void;
  readonly reject: (problem: Error) => void;
}

/** A file that is coming. */
export interface Getting {
  readonly kind: "get";
  readonly sink: FileSink;
  missingBytes: number;
  sha256: string | undefined;
  readonly resolve: (sha256: string) => void;
  readonly reject: (problem: Error) => void;
}
