import { RowView } from "./row_view.js";
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
/** Where a stop may be on its way. */
const STOPPABLE = new Set(["connecting", "offline", "uploading"]);

/** The row of one upload. */
export class Row {
  #upload;
  #view;

  constructor(upload, template) {
    this.#upload = upload;
    this.#view = new RowView(template, { title: ".title" });
    this.element.dataset.name = upload.path;
    this.#name();
  }

  get element() {
    return this.#view.element;
  }

  /** Brings what changed to the screen; the rest of the row is not touched. */
  update(nowMs) {
    const upload = this.#upload;
    const { state, meter } = upload;
    const percent = wording.percentOfUpload(upload);
    const speed = state === "uploading" ? meter.bytesPerSecond(nowMs) : 0;
    const words = wording.stateWords(upload, nowMs);
    const view = this.#view;
    const { rule } = view.parts;
    view.once("data-state", state, () => this.element.dataset.state = state);
    view.text("state", words);
    view.text("percent", wording.percentWords(percent));
    view.text("speed", wording.rate(speed));
    view.text("left", wording.timeLeft(upload.size - upload.acknowledged, speed));
    view.text("size", wording.size(upload.size));
    view.once("progress", `${percent} ${words}`, () => {
      rule.setAttribute("aria-valuenow", String(percent));
      rule.setAttribute("aria-valuetext", `${wording.percentWords(percent)}, ${words}`);
    });
    const stored = state === "done" ? 1 : upload.size === 0 ? 0 : upload.acknowledged / upload.size;
    view.once("stored", stored, () => rule.style.setProperty("--stored", stored));
    this.#buttons(state);
  }

  /** Says that the path is in the clipboard. */
  copied() {
    this.#view.copied();
  }

  #name() {
    const { title, rule } = this.#view.parts;
    const { name, folder } = wording.splitPath(wording.visible(this.#upload.path));
    const [head, tail] = wording.splitName(name);
    title.title = folder === "" ? name : `${folder}/${name}`;
    title.querySelector(".name-head").textContent = head;
    title.querySelector(".name-tail").textContent = tail;
    title.querySelector(".folder").textContent = folder;
    rule.setAttribute("aria-label", name);
    this.#view.spoken = name;
  }

  #buttons(state) {
    const upload = this.#upload;
    let [primary, secondary] = BUTTONS[state];
    if (state === "uploading" && upload.wish === "pause") primary = "resume";
    if (state === "done" && !upload.senderState.filePath) primary = "";
    if (upload.wish === "stop" && STOPPABLE.has(state)) primary = secondary = "";
    this.#view.button("primary", primary);
    this.#view.button("secondary", secondary);
  }
}
