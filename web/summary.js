import { nextTry, percentOf, percentWords, rate, size, timeLeft } from "./wording.js";

/** The line about everything at once, the page's title, and the notice of a lost connection. */
export class Summary {
  #byId = (id) => document.getElementById(id);
  #total = "";

  update(queue, nowMs) {
    const totals = queue.totals();
    const complete = totals.files > 0 && totals.done === totals.files;
    const { stored, bytes, files, done } = totals;
    const percent = bytes === 0
      ? percentOf({ stored: done, bytes: files, complete })
      : percentOf({ stored, bytes, complete });
    this.#byId("summary").hidden = files === 0 && totals.finished === 0;
    this.#byId("summary").dataset.state = complete ? "done" : queue.active.size > 0 ? "active" : "still";
    this.#text("overall-percent", String(percent));
    this.#text("overall-files", filesWords(totals, complete));
    this.#text("overall-bytes", bytesWords(totals, queue, nowMs));
    const rule = this.#byId("overall-rule");
    rule.setAttribute("aria-valuenow", String(percent));
    rule.style.setProperty("--stored", complete ? 1 : bytes === 0 ? percent / 100 : stored / bytes);
    this.#controls(totals);
    const lost = this.#lost(queue, nowMs);
    document.title = titleOf({ totals, percent, complete, lost });
  }

  #controls(totals) {
    const { running, paused, finished } = totals;
    const pauseAll = this.#byId("pause-all");
    pauseAll.hidden = running === 0 && paused === 0;
    pauseAll.dataset.action = running > 0 ? "pause-all" : "resume-all";
    this.#text("pause-all", running > 0 ? "Pause all" : "Resume all");
    this.#byId("clear").hidden = finished === 0;
  }

  /** Whether every running upload is cut off; says when the earliest of the next attempts is due. */
  #lost(queue, nowMs) {
    const active = [...queue.active];
    const lost = active.length > 0 && active.every((upload) => upload.cutOff);
    this.#byId("lost").hidden = !lost;
    if (!lost) return false;
    const due = active.map(({ senderState }) =>
      senderState.kind === "offline" ? senderState.retryAtMs : nowMs
    );
    this.#text("lost-words", `Connection lost, ${nextTry(Math.min(...due), nowMs)}`);
    return true;
  }

  #text(id, text) {
    const element = this.#byId(id);
    if (element.textContent !== text) element.textContent = text;
  }
}

function filesWords({ files, done, failed }, complete) {
  if (files === 0) return "Nothing left to upload";
  if (complete) {
    return files === 1 ? "The file is stored" : `All ${files.toLocaleString("en")} files are stored`;
  }
  const failures = failed === 0 ? "" : `, ${failed.toLocaleString("en")} failed`;
  return `${done.toLocaleString("en")} of ${files.toLocaleString("en")} files stored${failures}`;
}

function bytesWords({ bytes, stored, files, done }, queue, nowMs) {
  if (files === done) return size(bytes);
  const connected = [...queue.active].some((upload) => !upload.cutOff);
  const speed = connected ? queue.meter.bytesPerSecond(nowMs) : 0;
  const left = timeLeft(bytes - stored, speed);
  return [`${size(stored)} of ${size(bytes)}`, rate(speed), left && `${left} left`].filter(Boolean).join(
    " · ",
  );
}

function titleOf({ totals, percent, complete, lost }) {
  if (totals.files === 0) return "transfer";
  if (complete) return "Done · transfer";
  return `${percentWords(percent)} · ${lost ? "connection lost" : "transfer"}`;
}
