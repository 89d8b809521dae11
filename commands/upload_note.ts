import type { SenderState } from "../protocols/ws_upload/sender_state.ts";
import { formatDuration } from "../terminal/format.ts";
import { printable } from "../terminal/printable.ts";

/**
 * What a progress line says of an upload that does not move, and `undefined` of one that does. Why there is
 * no connection is left to the message that ends the upload: it is longer than the line has room for.
 */
export function uploadNote(state: SenderState, nowMs: number): string | undefined {
  switch (state.kind) {
    case "offline":
      if (state.reason === "") return undefined;
      return `no connection, next try in ${formatDuration(Math.max(0, state.retryAtMs - nowMs) / 1000)}`;
    case "connecting":
      return "connecting";
    case "refused":
      return `${printable(state.reason)}; waiting`;
    case "pausing":
    case "paused":
      return "paused, r resumes";
    case "verifying":
      return "checking what is there";
    case "clearing":
      return "the file has changed, starting over";
    case "hashing":
    case "completing":
      return "verifying";
    case "stopping":
      return "stopping";
    default:
      return undefined;
  }
}
