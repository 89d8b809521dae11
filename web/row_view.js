const LABELS = {
  cancel: "Cancel",
  choose: "Choose",
  copy: "Copy path",
  forget: "Forget",
  pause: "Pause",
  remove: "Remove",
  resume: "Resume",
  retry: "Retry",
  stop: "Stop",
};
/** The parts that every row with two buttons has. */
const SELECTORS = {
  percent: ".percent-figure",
  state: ".state",
  speed: ".speed",
  left: ".left",
  size: ".size",
  rule: ".rule",
  primary: ".primary",
  secondary: ".secondary",
};
const COPIED_MS = 1_500;

/** What a row shows. Its parts are touched only when that has changed. */
export class RowView {
  /** What the row is called aloud. */
  spoken = "";
  #shown = new Map();

  /** @param {Record<string, string>} selectors Of further parts, by what they are called. */
  constructor(template, selectors = {}) {
    this.element = template.content.firstElementChild.cloneNode(true);
    const entries = Object.entries({ ...SELECTORS, ...selectors });
    this.parts = Object.fromEntries(
      entries.map(([place, selector]) => [place, this.element.querySelector(selector)]),
    );
  }

  text(place, text) {
    this.once(place, text, () => this.parts[place].textContent = text);
  }

  /** Changes something when the value that it depends on is another than the last. */
  once(key, value, change) {
    if (this.#shown.get(key) === value) return;
    this.#shown.set(key, value);
    change();
  }

  /** Has a button do something, or go when that is "". It keeps its place, and with it the focus. */
  button(place, action) {
    this.once(place, `${action} ${this.spoken}`, () => {
      const button = this.parts[place];
      if (action === "" && document.activeElement === button) this.element.focus();
      button.hidden = action === "";
      button.dataset.action = action;
      button.textContent = LABELS[action] ?? "";
      button.setAttribute("aria-label", `${LABELS[action] ?? ""} ${this.spoken}`);
    });
  }

  /** Says for a moment that the path is in the clipboard. */
  copied() {
    const { primary } = this.parts;
    primary.textContent = "Copied";
    setTimeout(() => {
      if (primary.dataset.action === "copy") primary.textContent = LABELS.copy;
    }, COPIED_MS);
  }
}
