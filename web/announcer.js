import { count, splitPath, visible } from "./wording.js";

/** How long news is gathered before it is spoken, so that a thousand small files are one sentence. */
const GATHER_MS = 1_000;
const NOTICE_MS = 8_000;
const SPOKEN = { done: "stored", failed: "failed", stopped: "stopped" };

/** Tells a screen reader what matters, and everyone what became of the files they added. */
export class Announcer {
  #spoken = document.getElementById("announcer");
  #notice = document.getElementById("notice");
  #news = new Map();
  #said = [];
  #timer;
  #noticeTimer;

  /** An upload has entered another state. */
  uploadChanged({ path, state }) {
    const verb = SPOKEN[state];
    if (verb === undefined) return;
    if (!this.#news.has(verb)) this.#news.set(verb, []);
    this.#news.get(verb).push(path);
    this.#soon();
  }

  say(sentence) {
    this.#said.push(sentence);
    this.#soon();
  }

  /** Said and shown for a while. */
  show(sentence) {
    this.say(sentence);
    this.#notice.textContent = sentence;
    this.#notice.hidden = false;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => this.#notice.hidden = true, NOTICE_MS);
  }

  #soon() {
    this.#timer ??= setTimeout(() => this.#speak(), GATHER_MS);
  }

  #speak() {
    this.#timer = undefined;
    const sentences = this.#said.splice(0);
    for (const [verb, paths] of this.#news) {
      const what = paths.length === 1 ? visible(splitPath(paths[0]).name) : count(paths.length, "file");
      sentences.push(`${what} ${verb}.`);
    }
    this.#news.clear();
    this.#spoken.textContent = sentences.join(" ");
  }
}

/** What became of the files that someone added; empty when it can be seen anyway. */
export function addedWords({ added, continued, already }, unreadable) {
  const words = [];
  if (added > 0) words.push(`Added ${count(added, "file")}.`);
  if (continued > 0) words.push(`Continuing ${count(continued, "file")}.`);
  if (already > 0) words.push(`${count(already, "file is", "files are")} in the list already.`);
  if (unreadable > 0) {
    words.push(`${count(unreadable, "file or folder", "files or folders")} could not be read.`);
  }
  return words.join(" ");
}
