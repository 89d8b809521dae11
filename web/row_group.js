/** More rows of a group than anyone reads, few enough to draw at once. */
const MAX_ROWS = 100;

/** One group of rows, in order, with the number of those that have none. */
export class RowGroup {
  #rows = new Map();
  #section;
  #list;
  #beyond;
  #newRow;
  #beyondWords;

  /**
   * @param {{ section: HTMLElement, newRow: (item: { id: number }) => { element: HTMLElement,
   *   update: (item: { id: number }) => void }, beyondWords: (number: number) => string }} group
   */
  constructor({ section, newRow, beyondWords }) {
    this.#section = section;
    this.#list = section.querySelector(".rows");
    this.#beyond = section.querySelector(".beyond");
    this.#newRow = newRow;
    this.#beyondWords = beyondWords;
  }

  row(id) {
    return this.#rows.get(id);
  }

  /** @param {number} [more] How many there are besides the items. */
  update(items, more = 0) {
    const shown = items.slice(0, MAX_ROWS);
    const beyond = items.length - shown.length + more;
    this.#section.hidden = items.length === 0;
    this.#drop(new Set(shown.map(({ id }) => id)));
    let cursor = this.#list.firstElementChild;
    for (const item of shown) {
      let row = this.#rows.get(item.id);
      if (row === undefined) {
        row = this.#newRow(item);
        this.#rows.set(item.id, row);
      }
      row.update(item);
      if (row.element === cursor) cursor = cursor.nextElementSibling;
      else this.#list.insertBefore(row.element, cursor);
    }
    this.#beyond.hidden = beyond === 0;
    this.#beyond.textContent = this.#beyondWords(beyond);
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
