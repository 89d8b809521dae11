import { BlockMap } from "./block_map.js";
import * as words from "./download_words.js";
import { RowView } from "./row_view.js";
import { percentWords, rate, splitName } from "./wording.js";

/** The two buttons of a row in each state: what they do. */
const BUTTONS = {
  queued: ["pause", "cancel"],
  active: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  done: ["copy", "remove"],
  failed: ["retry", "remove"],
  cancelled: ["retry", "remove"],
};

/** The row of one download. */
export class DownloadRow {
  #view;
  #map;

  constructor(item, template) {
    this.id = item.id;
    this.#view = new RowView(template, {
      name: ".name",
      head: ".name-head",
      tail: ".name-tail",
      source: ".folder",
      blocks: ".blocks",
    });
    this.#map = new BlockMap(this.#view.parts.blocks);
    this.element.dataset.url = item.url;
    this.element.dataset.id = String(item.id);
  }

  get element() {
    return this.#view.element;
  }

  /** Brings what changed to the screen; the rest of the row is not touched. */
  update(item) {
    const view = this.#view;
    const { state } = item;
    const percent = words.percentOfDownload(item);
    const isActive = state === "active";
    view.once("data-state", state, () => this.element.dataset.state = state);
    this.#name(item);
    view.text("state", words.stateWords(item));
    view.text("percent", percent === undefined ? "" : percentWords(percent));
    view.text("speed", isActive ? rate(item.bytesPerSecond) : "");
    view.text("left", isActive ? words.leftWords(item) : "");
    view.text("size", words.sizeWords(item));
    const { rule, blocks } = view.parts;
    rule.setAttribute("aria-valuetext", words.stateWords(item));
    if (percent === undefined) rule.removeAttribute("aria-valuenow");
    else rule.setAttribute("aria-valuenow", String(percent));
    rule.style.setProperty("--stored", state === "done" ? 1 : item.bytes ? item.received / item.bytes : 0);
    const isMapped = isActive && item.threads > 0 && item.bytes !== null;
    view.once("mapped", isMapped, () => {
      blocks.hidden = !isMapped;
      rule.hidden = isMapped;
    });
    if (isMapped) this.#map.update(item, { words: words.mapWords(item), rate });
    const [primary, secondary] = BUTTONS[state];
    view.button("primary", primary);
    view.button("secondary", secondary);
  }

  /** Says that the path is in the clipboard. */
  copied() {
    this.#view.copied();
  }

  #name(item) {
    const name = words.nameOf(item);
    const view = this.#view;
    view.once("name", `${item.state === "done"} ${name}`, () => {
      const [head, tail] = splitName(name);
      const { name: link, rule } = view.parts;
      view.parts.head.textContent = head;
      view.parts.tail.textContent = tail;
      link.title = `${name}\n${item.url}`;
      // Without an address it is no link, and looks like none.
      if (item.state === "done") link.href = `/downloads/${encodeURIComponent(item.name)}`;
      else link.removeAttribute("href");
      rule.setAttribute("aria-label", name);
      view.spoken = name;
    });
    view.text("source", words.sourceOf(item));
  }
}
