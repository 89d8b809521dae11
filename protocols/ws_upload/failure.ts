import { DigestMismatchError } from "../../store/part_file.ts";
import { DIGEST_MISMATCH, type ServerMessage } from "./server_messages.ts";

/** The answer to a request for an upload that was not carried out. */
export function failure(fileId: string, error: string): ServerMessage {
  return { event: "error", fileId, error };
}

/** What a client may know of an error: no paths of this machine. */
export function publicReason(error: unknown): string {
  if (error instanceof DigestMismatchError) return DIGEST_MISMATCH;
  if (error instanceof Deno.errors.NotADirectory) {
    return "A folder of this name can't be made: the name is taken by a file";
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return "No space left on the server's disk";
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return "The server may not write to its directory";
    case "ENOENT":
      return "The stored part is gone: stop the upload and start it again";
    default:
      return "The server could not store the data";
  }
}
