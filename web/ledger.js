import { Row } from "./row.js";

/** More rows than anyone reads, few enough to draw at once. */
const MAX_ROWS = 200;
/** The shares of those rows while others want them too; what is running always has one. */
const MAX_ATTENTION = 100;
const MAX_RECENT = 30;

/**
 * The list of rows, in the order in which the files came. With very many files it shows a part of
 * them: what runs, what needs someone, what comes next and what was finished last.
 */
export class Ledger {
  #rows = new Map();
  #list;
  #beyond;
  #template;

  constructor({ list, beyond, template }) {
    this.#list = list;
    this.#beyond = beyond;
    this.#template = template;
  }

  /** The upload of the row that `element` is in. */
  at(element) {
    const row = element.closest(".row");
    for (const [upload, { element }] of this.#rows) {
      if (element === row) return upload;
    }
    return undefined;
  }

  row(upload) {
    return this.#rows.get(upload);
  }

  /** Adds and removes rows until they are what is to be shown. */
  arrange(queue) {
    const wanted = queue.size <= MAX_ROWS ? new Set(queue.uploads) : choose(queue);
    let cursor = this.#dropAllBut(wanted);
    for (const upload of wanted) {
      let row = this.#rows.get(upload);
      if (row === undefined) {
        row = new Row(upload, this.#template);
        this.#rows.set(upload, row);
      }
      if (row.element === cursor) cursor = cursor.nextElementSibling;
      else this.#list.insertBefore(row.element, cursor);
    }
    this.#count(queue, wanted);
  }

  update(nowMs) {
    for (const row of this.#rows.values()) row.update(nowMs);
  }

  /** A row that goes hands the focus to its neighbour. */
  #dropAllBut(wanted) {
    for (const [upload, { element }] of this.#rows) {
      if (wanted.has(upload)) continue;
      if (element.contains(document.activeElement)) {
        (element.nextElementSibling ?? element.previousElementSibling)?.focus();
      }
      element.remove();
      this.#rows.delete(upload);
    }
    return this.#list.firstElementChild;
  }

  #count(queue, wanted) {
    const hidden = { waiting: 0, paused: 0, finished: 0, other: 0 };
    if (wanted.size < queue.size) {
      for (const upload of queue.uploads) {
        if (!wanted.has(upload)) hidden[kindOf(upload)]++;
      }
    }
    const said = [["waiting", "waiting"], ["paused", "paused"], ["other", "that need a look"], [
      "finished",
      "finished",
    ]]
      .filter(([kind]) => hidden[kind] > 0)
      .map(([kind, words]) => `+${hidden[kind].toLocaleString("en")} more ${words}`);
    this.#beyond.textContent = said.join(", ");
    this.#beyond.hidden = said.length === 0;
  }
}

function kindOf({ state }) {
  if (state === "waiting" || state === "paused") return state;
  return state === "done" || state === "stopped" ? "finished" : "other";
}

/** A part of a long queue, in its order. */
function choose(queue) {
  const all = [...queue.uploads];
  const finished = all.filter((upload) => kindOf(upload) === "finished").reverse();
  const attention = all.filter((upload) => kindOf(upload) === "other" && !queue.active.has(upload));
  const paused = all.filter((upload) => upload.state === "paused");
  const chosen = new Set(queue.active);
  const fill = (uploads, share) => {
    for (const upload of uploads) {
      if (share-- <= 0 || chosen.size >= MAX_ROWS) return;
      chosen.add(upload);
    }
  };
  fill(attention, MAX_ATTENTION);
  fill(finished, MAX_RECENT);
  fill(paused, MAX_ATTENTION);
  fill(queue.waiting, MAX_ROWS);
  fill(finished, MAX_ROWS);
  fill([...attention, ...paused], MAX_ROWS);
  return new Set(all.filter((upload) => chosen.has(upload)));
}
