/** What the page says: names made safe to look at, and states in words. */

import { formatBytes, formatDuration } from "./modules/terminal/format.ts";

/** Characters that are invisible or turn the order of what follows around (a `gpj.exe` like a `.jpg`). */
const DECEPTIVE = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu;
/** The blocks of the scripts that are written from right to left. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const UNDIVIDED = 24;
const TAIL = 10;
const SILENT_MS = 10_000;
const NBSP = "\u00a0";

/** A name with every control and direction character made visible. */
export function visible(name) {
  return name.toWellFormed().replace(DECEPTIVE, "\ufffd");
}

/** The base name and the folder of a path with `/` or, from a server, `\`. */
export function splitPath(path, separators = /\//) {
  const parts = path.split(separators);
  const name = parts.pop() ?? "";
  return { name, folder: parts.join("/") };
}

/** A long name in two, so that its middle can be cut out and its end, with the extension, stays. */
export function splitName(name) {
  const letters = Array.from(new Intl.Segmenter().segment(name), ({ segment }) => segment);
  if (letters.length <= UNDIVIDED) return [name, ""];
  return [letters.slice(0, -TAIL).join(""), letters.slice(-TAIL).join("")];
}

/** Whole per cent of `bytes`, 100 only when nothing is missing. */
export function percentOf({ stored, bytes, complete }) {
  if (complete) return 100;
  return bytes === 0 ? 0 : Math.min(99, Math.floor(stored / bytes * 100));
}

export function percentOfUpload(upload) {
  return percentOf({ stored: upload.acknowledged, bytes: upload.size, complete: upload.state === "done" });
}

/** "43 %" */
export function percentWords(percent) {
  return `${percent}${NBSP}%`;
}

export function size(bytes) {
  return formatBytes(bytes).replace(" ", NBSP);
}

export function rate(bytesPerSecond) {
  return bytesPerSecond > 0 ? `${size(bytesPerSecond)}/s` : "";
}

export function timeLeft(bytes, bytesPerSecond) {
  return bytes > 0 && bytesPerSecond > 0 ? formatDuration(bytes / bytesPerSecond).replace(" ", NBSP) : "";
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")}${NBSP}${number === 1 ? one : many}`;
}

/** "next try in 4 s", for an upload that is offline. */
export function nextTry(retryAtMs, nowMs) {
  const seconds = Math.ceil((retryAtMs - nowMs) / 1000);
  return seconds > 0 ? `next try in ${seconds}${NBSP}s` : "trying now";
}

/** The state of an upload in words. */
export function stateWords(upload, nowMs) {
  const { state, senderState, wish } = upload;
  switch (state) {
    case "remembered": {
      const name = isolated(splitPath(upload.path).name);
      const stored = `(${percentWords(percentOfUpload(upload))}${NBSP}stored)`;
      return upload.acknowledged > 0
        ? `Choose ${name} again to continue ${stored}`
        : `Choose ${name} again to upload it`;
    }
    case "waiting":
      return "Waiting";
    case "connecting":
      if (wish === "stop") return "Stopping";
      if (senderState.kind === "verifying") return "Verifying what is stored";
      if (senderState.kind === "clearing") return "The file has changed, starting over";
      if (senderState.kind === "refused") return "Waiting for the earlier connection to end";
      return upload.cutOff ? "Connection lost, trying now" : "Connecting";
    case "uploading": {
      if (wish === "pause") return "Pausing";
      if (wish === "stop") return "Stopping";
      const silentMs = nowMs - upload.heardAtMs;
      if (!isUnderWay(senderState) || silentMs < SILENT_MS) return "Uploading";
      return `No answer for ${Math.floor(silentMs / 1000)}${NBSP}s`;
    }
    case "paused":
      return "Paused";
    case "offline":
      if (wish === "stop") return "Stops when the connection is back";
      return `Connection lost, ${nextTry(senderState.retryAtMs, nowMs)}`;
    case "finishing":
      if (senderState.kind === "hashing") return "Verifying";
      return senderState.kind === "stopping" ? "Stopping" : "Finishing";
    case "done": {
      const { name } = splitPath(senderState.filePath, /[\\/]/);
      const same = name === "" || name === splitPath(upload.path).name;
      return `${same ? "Stored" : `Stored as ${isolated(name)}`}${upload.verified ? ", verified" : ""}`;
    }
    case "failed":
      return isolated(senderState.reason.slice(0, 300));
    case "stopped":
      return senderState?.deleted === false ? "Stopped; the server may still keep a part" : "Stopped";
  }
}

/** Whether bytes were sent that the server has not acknowledged. */
function isUnderWay({ kind, deadlineMs }) {
  return kind === "sending" || (kind === "streaming" && deadlineMs !== undefined);
}

/** Text from elsewhere inside a sentence of ours; U+2068 and U+2069 keep its direction to itself. */
export function isolated(text) {
  const shown = visible(text);
  return RIGHT_TO_LEFT.test(shown) ? `\u2068${shown}\u2069` : shown;
}
