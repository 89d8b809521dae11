import { RateMeter } from "./modules/terminal/rate_meter.ts";
import { fileIdOf, forget, remember } from "./remembered.js";
import { Upload } from "./upload.js";

const ACTIVE_AT_ONCE = 3;
/** How often an upload's progress is noted for a reload, in milliseconds. */
const NOTE_EVERY_MS = 1_000;
const ACTIVE = new Set(["connecting", "uploading", "offline", "finishing"]);
const FINISHED = new Set(["done", "stopped"]);

/** All uploads of the page, in the order in which they came; a few run at once, the rest wait. */
export class Queue {
  meter = new RateMeter();
  #uploads = new Map();
  #waiting = new Set();
  #active = new Set();
  #notedAtMs = new Map();
  #storedBytes = 0;
  #held = true;
  #hooks;
  #openSocket;
  /** Sockets that finished uploads leave to the next: with small files, opening one takes longest. */
  #idleSockets = [];
  #changed;

  /**
   * @param {{ openSocket: () => WebSocket | undefined, refused: () => void,
   *   changed: (upload: Upload | undefined) => void }} page
   */
  constructor({ openSocket, refused, changed }) {
    const stateChanged = (upload) => {
      this.#sort(upload);
      changed(upload);
    };
    this.#openSocket = openSocket;
    this.#hooks = {
      openSocket: () => this.#takeSocket(),
      releaseSocket: (socket) => this.#leaveSocket(socket),
      refused,
      changed: stateChanged,
      stored: (...of) => this.#stored(...of),
    };
    this.#changed = changed;
  }

  get uploads() {
    return this.#uploads.values();
  }

  get size() {
    return this.#uploads.size;
  }

  get active() {
    return this.#active;
  }

  get waiting() {
    return this.#waiting;
  }

  /** While held nothing new begins. */
  hold(held) {
    this.#held = held;
    this.#pump();
  }

  /**
   * Adds files, or gives known uploads their file back.
   *
   * @returns {{ added: number, continued: number, already: number }}
   */
  add(found) {
    const counts = { added: 0, continued: 0, already: 0 };
    for (const { file, path } of found) {
      const source = { file, path, size: file.size, lastModified: file.lastModified };
      const known = this.#uploads.get(fileIdOf(source));
      if (known === undefined) {
        this.#append(new Upload(source, this.#hooks));
        counts.added++;
      } else if (known.state === "remembered" || known.state === "failed" || known.state === "stopped") {
        known.adopt(file);
        counts.continued++;
      } else {
        counts.already++;
      }
    }
    this.#changed();
    return counts;
  }

  /** Shows an upload of an earlier page. */
  recall(record) {
    this.#append(new Upload(record, this.#hooks));
  }

  /** Follows what another tab does to an upload that this page only remembers. */
  follow(fileId, record) {
    const upload = this.#uploads.get(fileId);
    if (upload?.state !== "remembered") return;
    if (record === undefined) this.remove(upload);
    else upload.noteAcknowledged(record.acknowledged);
  }

  remove(upload) {
    forget(upload.fileId);
    this.#uploads.delete(upload.fileId);
    this.#waiting.delete(upload);
    this.#notedAtMs.delete(upload);
    this.#changed();
  }

  clearFinished() {
    for (const upload of this.uploads) {
      if (FINISHED.has(upload.state)) this.#uploads.delete(upload.fileId);
    }
    this.#changed();
  }

  pauseAll() {
    // The waiting first, so that no place that becomes free is taken by one of them.
    for (const upload of [...this.#waiting, ...this.#active]) {
      if (upload.state !== "finishing") upload.pause();
    }
  }

  resumeAll() {
    for (const upload of this.uploads) {
      if (isPaused(upload)) upload.resume();
    }
  }

  tryNow(silentMs) {
    for (const upload of this.#active) upload.tryNow(silentMs);
  }

  /** Notes how far everything has come, before the page goes. What failed was noted, or is another tab's. */
  noteAll() {
    for (const upload of this.uploads) {
      const { acknowledged, state } = upload;
      if (acknowledged > 0 && !FINISHED.has(state) && state !== "failed") remember(upload);
    }
  }

  /** Counts for the summary; what is only remembered or was stopped is no part of the whole. */
  totals() {
    const totals = {
      files: 0,
      done: 0,
      failed: 0,
      paused: 0,
      running: 0,
      finished: 0,
      remembered: 0,
      bytes: 0,
      stored: 0,
    };
    for (const upload of this.uploads) {
      const { state } = upload;
      if (FINISHED.has(state)) totals.finished++;
      if (state === "remembered" || state === "stopped") continue;
      if (state === "done") totals.done++;
      if (state === "failed") totals.failed++;
      if (isPaused(upload)) totals.paused++;
      else if (state === "waiting" || ACTIVE.has(state)) totals.running++;
      totals.files++;
      totals.bytes += upload.size;
      totals.stored += upload.acknowledged;
    }
    return totals;
  }

  #append(upload) {
    this.#uploads.set(upload.fileId, upload);
    if (upload.state === "waiting") remember(upload);
    this.#sort(upload);
  }

  #sort(upload) {
    const { state } = upload;
    toggle(this.#waiting, upload, state === "waiting");
    toggle(this.#active, upload, ACTIVE.has(state));
    if (FINISHED.has(state)) forget(upload.fileId);
    this.#pump();
  }

  #pump() {
    if (this.#held) return;
    for (const upload of this.#waiting) {
      if (this.#active.size >= ACTIVE_AT_ONCE) return;
      this.#waiting.delete(upload);
      upload.begin();
    }
  }

  #takeSocket() {
    for (let socket = this.#idleSockets.pop(); socket !== undefined; socket = this.#idleSockets.pop()) {
      if (socket.readyState === WebSocket.OPEN) return socket;
    }
    return this.#openSocket();
  }

  #leaveSocket(socket) {
    socket.onmessage = socket.onclose = null;
    if (this.#waiting.size > 0) this.#idleSockets.push(socket);
    else socket.close();
  }

  #stored(upload, bytes) {
    const nowMs = performance.now();
    this.#storedBytes += bytes;
    this.meter.add(this.#storedBytes, nowMs);
    if (nowMs - (this.#notedAtMs.get(upload) ?? -NOTE_EVERY_MS) < NOTE_EVERY_MS) return;
    this.#notedAtMs.set(upload, nowMs);
    remember(upload);
  }
}

/** Paused, or about to be. */
export function isPaused(upload) {
  return upload.state === "paused" || (upload.state === "uploading" && upload.wish === "pause");
}

function toggle(set, upload, belongs) {
  if (belongs) set.add(upload);
  else set.delete(upload);
}
