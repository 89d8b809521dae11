import { BlockMap } from "./block_map.js";
import * as words from "./download_words.js";
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
const LABELS = {
  cancel: "Cancel",
  copy: "Copy path",
  pause: "Pause",
  remove: "Remove",
  resume: "Resume",
  retry: "Retry",
};
const COPIED_MS = 1_500;

/** The row of one download. A button keeps its place, and with it the focus, when what it does changes. */
export class DownloadRow {
  #parts;
  #map;
  #shown = new Map();

  constructor(item, template) {
    this.id = item.id;
    this.element = template.content.firstElementChild.cloneNode(true);
    const part = (selector) => this.element.querySelector(selector);
    this.#parts = {
      percent: part(".percent-figure"),
      name: part(".name"),
      head: part(".name-head"),
      tail: part(".name-tail"),
      source: part(".folder"),
      state: part(".state"),
      speed: part(".speed"),
      left: part(".left"),
      size: part(".size"),
      rule: part(".rule"),
      blocks: part(".blocks"),
      primary: part(".primary"),
      secondary: part(".secondary"),
    };
    this.#map = new BlockMap(this.#parts.blocks);
    this.element.dataset.url = item.url;
    this.element.dataset.id = String(item.id);
  }

  /** Brings what changed to the screen; the rest of the row is not touched. */
  update(item) {
    const { state } = item;
    const percent = words.percentOfDownload(item);
    const isActive = state === "active";
    this.#once("data-state", state, () => this.element.dataset.state = state);
    this.#name(item);
    this.#text("state", words.stateWords(item));
    this.#text("percent", percent === undefined ? "" : percentWords(percent));
    this.#text("speed", isActive ? rate(item.bytesPerSecond) : "");
    this.#text("left", isActive ? words.leftWords(item) : "");
    this.#text("size", words.sizeWords(item));
    const { rule, blocks } = this.#parts;
    rule.setAttribute("aria-valuetext", words.stateWords(item));
    if (percent === undefined) rule.removeAttribute("aria-valuenow");
    else rule.setAttribute("aria-valuenow", String(percent));
    rule.style.setProperty("--stored", state === "done" ? 1 : item.bytes ? item.received / item.bytes : 0);
    const isMapped = isActive && item.threads > 0 && item.bytes !== null;
    this.#once("mapped", isMapped, () => {
      blocks.hidden = !isMapped;
      rule.hidden = isMapped;
    });
    if (isMapped) this.#map.update(item, { words: words.mapWords(item), rate });
    const [primary, secondary] = BUTTONS[state];
    this.#button("primary", primary);
    this.#button("secondary", secondary);
  }

  /** Says that the path is in the clipboard. */
  copied() {
    const { primary } = this.#parts;
    primary.textContent = "Copied";
    setTimeout(() => {
      if (primary.dataset.action === "copy") primary.textContent = LABELS.copy;
    }, COPIED_MS);
  }

  #name(item) {
    const name = words.nameOf(item);
    this.#once("name", `${item.state === "done"} ${name}`, () => {
      const [head, tail] = splitName(name);
      const { name: link } = this.#parts;
      this.#parts.head.textContent = head;
      this.#parts.tail.textContent = tail;
      link.title = `${name}\n${item.url}`;
      // Without an address it is no link, and looks like none.
      if (item.state === "done") link.href = `/downloads/${encodeURIComponent(item.name)}`;
      else link.removeAttribute("href");
      this.#parts.rule.setAttribute("aria-label", name);
      this.spoken = name;
    });
    this.#text("source", words.sourceOf(item));
  }

  #button(place, action) {
    this.#once(place, `${action} ${this.spoken}`, () => {
      const button = this.#parts[place];
      button.dataset.action = action;
      button.textContent = LABELS[action];
      button.setAttribute("aria-label", `${LABELS[action]} ${this.spoken}`);
    });
  }

  #text(place, text) {
    this.#once(place, text, () => this.#parts[place].textContent = text);
  }

  #once(key, value, change) {
    if (this.#shown.get(key) === value) return;
    this.#shown.set(key, value);
    change();
  }
}
