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

/** Asks in a dialog; Escape and the first button keep the upload. */
function confirmStop(upload) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-title").textContent = `Stop ${isolated(splitPath(upload.path).name)}?`;
  const stored = size(upload.acknowledged);
  document.getElementById("confirm-words").textContent =
    `The server deletes the ${stored} that it has stored so far.`;
  const { promise, resolve } = Promise.withResolvers();
  const controller = new AbortController();
  const { signal } = controller;
  const closeWith = (answer) => () => dialog.close(answer);
  dialog.addEventListener("close", () => {
    controller.abort();
    // It may have come to its end while the question stood.
    resolve(dialog.returnValue === "stop" && upload.state !== "done");
  }, { signal });
  document.getElementById("confirm-yes").addEventListener("click", closeWith("stop"), { signal });
  document.getElementById("confirm-no").addEventListener("click", closeWith("keep"), { signal });
  dialog.returnValue = "keep";
  dialog.showModal();
  return promise;
}

async function copy(text, { ledger, upload, announcer }) {
  try {
    // Only https and localhost have a clipboard; elsewhere the old way still works.
    if (navigator.clipboard === undefined) copyBySelection(text);
    else await navigator.clipboard.writeText(text);
    ledger.row(upload)?.copied();
    announcer.say("Path copied.");
  } catch {
    announcer.show(`The browser refuses to copy. The path is ${visible(text)}`);
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  if (!copied) throw new DOMException("Copying was refused", "NotAllowedError");
}
