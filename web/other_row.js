import { percentOf, percentWords, rate, size, splitName, splitPath, visible } from "./wording.js";

const WORDS = { paused: "Paused", orphaned: "Waiting for its sender", completed: "Stored" };

/** The row of an upload of somebody else's: nothing can be done to it. */
export class OtherRow {
  #parts;
  #shownName;

  constructor(template) {
    this.element = template.content.firstElementChild.cloneNode(true);
    const part = (selector) => this.element.querySelector(selector);
    this.#parts = {
      percent: part(".percent-figure"),
      title: part(".title"),
      link: part(".name"),
      head: part(".name-head"),
      tail: part(".name-tail"),
      folder: part(".folder"),
      state: part(".state"),
      speed: part(".speed"),
      size: part(".size"),
      rule: part(".rule"),
    };
  }

  /** Brings what changed to the screen; the rest of the row is not touched. */
  update({ name, fileSize, offset, state, bytesPerSecond }) {
    const complete = state === "completed";
    const percent = fileSize === null && !complete
      ? undefined
      : percentOf({ stored: offset, bytes: fileSize, complete });
    const words = stateWords({ state, fileSize, offset });
    const { rule } = this.#parts;
    this.#name(name, complete);
    setAttribute(this.element, "data-state", complete ? "done" : state);
    this.#text("state", words);
    this.#text("percent", percent === undefined ? "" : percentWords(percent));
    this.#text("speed", rate(bytesPerSecond));
    this.#text("size", fileSize !== null || offset > 0 ? size(fileSize ?? offset) : "");
    // A progress bar without a value is one of unknown length.
    if (percent === undefined) rule.removeAttribute("aria-valuenow");
    else setAttribute(rule, "aria-valuenow", String(percent));
    setAttribute(
      rule,
      "aria-valuetext",
      percent === undefined ? words : `${percentWords(percent)}, ${words}`,
    );
    const stored = String(complete ? 1 : fileSize ? offset / fileSize : 0);
    if (rule.style.getPropertyValue("--stored") !== stored) rule.style.setProperty("--stored", stored);
  }

  #name(path, complete) {
    const shownName = `${complete} ${path}`;
    if (this.#shownName === shownName) return;
    this.#shownName = shownName;
    const { name, folder } = splitPath(visible(path), /[\\/]/);
    const [head, tail] = splitName(name);
    const { title, link, rule } = this.#parts;
    this.element.dataset.name = path;
    title.title = folder === "" ? name : `${folder}/${name}`;
    this.#text("head", head);
    this.#text("tail", tail);
    this.#text("folder", folder);
    rule.setAttribute("aria-label", name);
    // Without an address it is no link, and looks like none.
    if (complete) link.href = fileUrl(path);
    else link.removeAttribute("href");
  }

  #text(place, text) {
    const element = this.#parts[place];
    if (element.textContent !== text) element.textContent = text;
  }
}

function stateWords({ state, fileSize, offset }) {
  return WORDS[state] ?? (offset === fileSize && fileSize > 0 ? "Finishing" : "Uploading");
}

function fileUrl(path) {
  return `/files/${path.toWellFormed().split(/[\\/]/).map(encodeURIComponent).join("/")}`;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
