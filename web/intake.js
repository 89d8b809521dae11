import { addedWords } from "./announcer.js";
import { chosenFiles, filesOf, takeSources } from "./file_tree.js";

/** After so many files the page gets a turn to draw. */
const TURN_FILES = 500;

/**
 * Takes in files that are chosen, dropped anywhere on the page, or pasted.
 *
 * @param {{ add: (found: {file: File, path: string}[]) => {added: number, continued: number, already: number},
 *   announcer: import("./announcer.js").Announcer }} to
 */
export function takeInFiles({ add, announcer }) {
  const takeIn = async (batches) => {
    const counts = { added: 0, continued: 0, already: 0 };
    let unread = 0;
    let turn = 0;
    for await (const { found, unreadable } of batches) {
      unread += unreadable;
      for (let start = 0; start < found.length; start += TURN_FILES) {
        const part = found.slice(start, start + TURN_FILES);
        const more = add(part);
        for (const key of Object.keys(counts)) counts[key] += more[key];
        turn += part.length;
        if (turn >= TURN_FILES) await nextTurn();
        turn %= TURN_FILES;
      }
    }
    const words = addedWords(counts, unread);
    if (counts.already > 0 || unread > 0) announcer.show(words);
    else if (words !== "") announcer.say(words);
  };
  for (const id of ["file-input", "folder-input"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", () => takeIn([{ found: chosenFiles(input), unreadable: 0 }]));
  }
  addEventListener("paste", ({ clipboardData }) => takeIn(filesOf(takeSources(clipboardData))));
  takeInDrops((transfer) => takeIn(filesOf(takeSources(transfer))));
}

function takeInDrops(take) {
  const curtain = document.getElementById("curtain");
  const drawn = (show) => curtain.classList.toggle("drawn", show);
  const carriesFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files") ?? false;
  const over = (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    drawn(true);
  };
  addEventListener("dragenter", over);
  addEventListener("dragover", over);
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget === null && drawn(false));
  addEventListener("drop", (event) => {
    drawn(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer);
  });
}

function nextTurn() {
  return new Promise((resolve) => setTimeout(resolve));
}
