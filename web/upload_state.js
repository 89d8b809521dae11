/** What an upload is called on the page, as its sender stands. */

const ENDS = new Set(["done", "failed", "stopped"]);

/** Whether a row's state is left only by trying again. */
export function isEnd(state) {
  return ENDS.has(state);
}

/** The row's state for a sender's. */
export function rowState({ state, wish }) {
  switch (state.kind) {
    case "offline":
      return wish === "pause" ? "paused" : "offline";
    case "connecting":
    case "starting":
    case "refused":
    case "verifying":
    case "clearing":
      return wish === "pause" ? "paused" : "connecting";
    case "reading":
    case "sending":
    case "streaming":
    case "pausing":
    case "resuming":
      return "uploading";
    case "hashing":
    case "completing":
    case "stopping":
      return "finishing";
    default:
      return state.kind;
  }
}

/** Why a file could not be read, for people. */
export function unreadableReason(error) {
  if (error?.name === "WorkerError") return error.message;
  if (error?.name === "NotFoundError") return "The file is gone. Put it back, or choose it again.";
  return "The file changed or can no longer be read. Choose it again.";
}
