import { copied } from "./clipboard.js";
import { confirmed } from "./confirm.js";
import { isolated, size, splitPath, visible } from "./wording.js";

/** Stopping throws away what is stored; from here on that is worth a question. */
const ASK_ABOVE_BYTES = 64 * 1024 * 1024;

/**
 * Carries out the buttons of the rows.
 *
 * @param {{ list: HTMLElement, ledger: import("./ledger.js").Ledger, queue: import("./queue.js").Queue,
 *   announcer: import("./announcer.js").Announcer, acted: () => void }} page
 */
export function obeyRows({ list, ledger, queue, announcer, acted }) {
  const actions = {
    choose: () => document.getElementById("file-input").click(),
    copy: (upload) => copy(upload.senderState.filePath, { ledger, upload, announcer }),
    forget: (upload) => queue.remove(upload),
    pause: (upload) => upload.pause(),
    remove: (upload) => queue.remove(upload),
    resume: (upload) => upload.resume(),
    retry: (upload) => upload.retry(),
    stop: async (upload) => {
      if (upload.acknowledged <= ASK_ABOVE_BYTES || await confirmStop(upload)) upload.stop();
      acted();
    },
  };
  list.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-action]");
    const upload = button === null ? undefined : ledger.at(button);
    if (upload === undefined) return;
    actions[button.dataset.action]?.(upload);
    acted();
  });
}

/** Asks whether what is stored may go. */
async function confirmStop(upload) {
  const yes = await confirmed({
    title: `Stop ${isolated(splitPath(upload.path).name)}?`,
    words: `The server deletes the ${size(upload.acknowledged)} that it has stored so far.`,
    yes: "Stop and delete",
  });
  // It may have come to its end while the question stood.
  return yes && upload.state !== "done";
}

async function copy(text, { ledger, upload, announcer }) {
  if (await copied(text)) {
    ledger.row(upload)?.copied();
    announcer.say("Path copied.");
  } else {
    announcer.show(`The browser refuses to copy. The path is ${visible(text)}`);
  }
}
