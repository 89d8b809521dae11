/** What the downloads page says. */

import {
  count,
  isolated,
  percentOf,
  percentWords,
  rate,
  size,
  splitPath,
  timeLeft,
  visible,
} from "./wording.js";

/** A file's name, or as long as nobody knows it the last part of its URL. */
export function nameOf({ name, url }) {
  if (name !== undefined) return visible(name);
  const { pathname, host } = new URL(url);
  return visible(splitPath(decoded(pathname)).name || host);
}

/** Where it comes from, without what is in the name already. */
export function sourceOf({ url }) {
  const { host, pathname } = new URL(url);
  return visible(host + decoded(splitPath(pathname).folder));
}

/** Whole per cent; `undefined` when nobody knows the size. */
export function percentOfDownload({ bytes, received, state }) {
  if (state === "done") return 100;
  return bytes === null ? undefined : percentOf({ stored: received, bytes, complete: false });
}

export function sizeWords({ bytes, received }) {
  if (bytes !== null) return size(bytes);
  return received > 0 ? size(received) : "";
}

export function leftWords({ bytes, received, bytesPerSecond }) {
  return bytes === null ? "" : timeLeft(bytes - received, bytesPerSecond);
}

export function stateWords({ state, error, note, threads, bytes, received }) {
  switch (state) {
    case "queued":
      return "Waiting";
    case "active":
      if (note !== undefined) return isolated(note.slice(0, 300));
      if (bytes !== null && bytes > 0 && received === bytes) return "Verifying";
      return threads === 0 ? "Asking the server" : count(threads, "connection");
    case "paused":
      return "Paused";
    case "done":
      return "Fetched";
    case "failed":
      return isolated((error ?? "Failed").slice(0, 300));
    default:
      return "Cancelled";
  }
}

/** What a map of blocks shows. */
export function mapWords(item) {
  const percent = percentOfDownload(item);
  const there = percent === undefined ? size(item.received) : percentWords(percent);
  return `${there} of ${nameOf(item)}, ${count(item.threads, "connection")}`;
}

/** The line about everything. */
export function totalWords({ active, queued, paused, done, failed }) {
  const parts = [
    active > 0 && `${active} loading`,
    queued > 0 && `${queued.toLocaleString("en")} waiting`,
    paused > 0 && `${paused.toLocaleString("en")} paused`,
    failed > 0 && `${failed.toLocaleString("en")} failed`,
  ].filter(Boolean);
  if (parts.length > 0) return parts.join(", ");
  return done === 0
    ? "Nothing to fetch"
    : done === 1
    ? "The file is there"
    : `All ${count(done, "file")} are there`;
}

export function totalBytesWords({ active, bytes, received, bytesPerSecond, isMeasured }) {
  if (active === 0) return "";
  const of = isMeasured ? `${size(received)} of ${size(bytes)}` : size(received);
  const left = isMeasured ? timeLeft(bytes - received, bytesPerSecond) : "";
  return [of, rate(bytesPerSecond), left && `${left} left`].filter(Boolean).join(" · ");
}

/** What became of the URLs that somebody added. */
export function addedWords(items) {
  const there = items.filter(({ state }) => state === "done").length;
  const added = items.length - there;
  const words = [];
  if (added > 0) words.push(`Added ${count(added, "download")}.`);
  if (there > 0) words.push(`${count(there, "file is", "files are")} there already.`);
  return words.join(" ");
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
