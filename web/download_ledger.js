import { DownloadRow } from "./download_row.js";
import { count } from "./wording.js";

/** More rows of a group than anyone reads, few enough to draw at once. */
const MAX_ROWS = 100;

/** One group of rows, in order, with the number of those that have none. */
export class DownloadLedger {
  #rows = new Map();
  #section;
  #list;
  #beyond;
  #template;

  constructor({ section, template }) {
    this.#section = section;
    this.#list = section.querySelector(".rows");
    this.#beyond = section.querySelector(".beyond");
    this.#template = template;
  }

  row(id) {
    return this.#rows.get(id);
  }

  update(items) {
    const shown = items.slice(0, MAX_ROWS);
    this.#section.hidden = items.length === 0;
    this.#drop(new Set(shown.map(({ id }) => id)));
    let cursor = this.#list.firstElementChild;
    for (const item of shown) {
      let row = this.#rows.get(item.id);
      if (row === undefined) {
        row = new DownloadRow(item, this.#template);
        this.#rows.set(item.id, row);
      }
      row.update(item);
      if (row.element === cursor) cursor = cursor.nextElementSibling;
      else this.#list.insertBefore(row.element, cursor);
    }
    this.#beyond.hidden = items.length <= MAX_ROWS;
    this.#beyond.textContent = `+${count(items.length - MAX_ROWS, "more download")}`;
  }

  /** A row that goes hands the focus to its neighbour, or to the list. */
  #drop(kept) {
    for (const [id, { element }] of this.#rows) {
      if (kept.has(id)) continue;
      if (element.contains(document.activeElement)) {
        (element.nextElementSibling ?? element.previousElementSibling)?.focus();
      }
      element.remove();
      this.#rows.delete(id);
    }
  }
}
