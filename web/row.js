import * as wording from "./wording.js";

/** The two buttons of a row in each state: what they do. */
const BUTTONS = {
  remembered: ["choose", "forget"],
  waiting: ["pause", "stop"],
  connecting: ["pause", "stop"],
  uploading: ["pause", "stop"],
  offline: ["pause", "stop"],
  paused: ["resume", "stop"],
  finishing: ["", ""],
  done: ["copy", "remove"],
  failed: ["retry", "remove"],
  stopped: ["retry", "remove"],
};
const LABELS = {
  choose: "Choose",
  copy: "Copy path",
  forget: "Forget",
  pause: "Pause",
  remove: "Remove",
  resume: "Resume",
  retry: "Retry",
  stop: "Stop",
};
/** Where a stop may be on its way. */
const STOPPABLE = new Set(["connecting", "offline", "uploading"]);
const COPIED_MS = 1_500;

/** The row of one upload. A button keeps its place, and with it the focus, when what it does changes. */
export class Row {
  #upload;
  #parts;
  #shown = new Map();

  constructor(upload, template) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.#upload = upload;
    const part = (selector) => this.element.querySelector(selector);
    this.#parts = {
      percent: part(".percent-figure"),
      state: part(".state"),
      speed: part(".speed"),
      left: part(".left"),
      size: part(".size"),
      rule: part(".rule"),
      primary: part(".primary"),
      secondary: part(".secondary"),
    };
    this.element.dataset.name = upload.path;
    this.#name(part(".title"));
  }

  /** Brings what changed to the screen; the rest of the row is not touched. */
  update(nowMs) {
    const upload = this.#upload;
    const { state, meter } = upload;
    const percent = wording.percentOfUpload(upload);
    const speed = state === "uploading" ? meter.bytesPerSecond(nowMs) : 0;
    const words = wording.stateWords(upload, nowMs);
    const { rule } = this.#parts;
    this.#once("data-state", state, () => this.element.dataset.state = state);
    this.#text("state", words);
    this.#text("percent", wording.percentWords(percent));
    this.#text("speed", wording.rate(speed));
    this.#text("left", wording.timeLeft(upload.size - upload.acknowledged, speed));
    this.#text("size", wording.size(upload.size));
    this.#once("progress", `${percent} ${words}`, () => {
      rule.setAttribute("aria-valuenow", String(percent));
      rule.setAttribute("aria-valuetext", `${wording.percentWords(percent)}, ${words}`);
    });
    const stored = state === "done" ? 1 : upload.size === 0 ? 0 : upload.acknowledged / upload.size;
    this.#once("stored", stored, () => rule.style.setProperty("--stored", stored));
    this.#buttons(state);
  }

  /** Says that the path is in the clipboard. */
  copied() {
    const { primary } = this.#parts;
    primary.textContent = "Copied";
    setTimeout(() => {
      if (primary.dataset.action === "copy") primary.textContent = LABELS.copy;
    }, COPIED_MS);
  }

  #name(title) {
    const { name, folder } = wording.splitPath(wording.visible(this.#upload.path));
    const [head, tail] = wording.splitName(name);
    title.title = folder === "" ? name : `${folder}/${name}`;
    title.querySelector(".name-head").textContent = head;
    title.querySelector(".name-tail").textContent = tail;
    title.querySelector(".folder").textContent = folder;
    this.#parts.rule.setAttribute("aria-label", name);
    this.spoken = name;
  }

  #buttons(state) {
    const upload = this.#upload;
    let [primary, secondary] = BUTTONS[state];
    if (state === "uploading" && upload.wish === "pause") primary = "resume";
    if (state === "done" && !upload.senderState.filePath) primary = "";
    if (upload.wish === "stop" && STOPPABLE.has(state)) primary = secondary = "";
    this.#button("primary", primary);
    this.#button("secondary", secondary);
  }

  #button(place, action) {
    this.#once(place, action, () => {
      const button = this.#parts[place];
      if (action === "" && document.activeElement === button) this.element.focus();
      button.hidden = action === "";
      button.dataset.action = action;
      button.textContent = LABELS[action] ?? "";
      button.setAttribute("aria-label", `${LABELS[action] ?? ""} ${this.spoken}`);
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
