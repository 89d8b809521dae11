/** The downloads page: puts its parts together, and draws what changed. */

import { Announcer } from "./announcer.js";
import { downloadActions } from "./download_actions.js";
import { DownloadList } from "./download_list.js";
import { DownloadRow } from "./download_row.js";
import { nameOf, totalBytesWords, totalWords } from "./download_words.js";
import { EventFeed } from "./event_feed.js";
import { RowGroup } from "./row_group.js";
import { watchAccess } from "./token_panel.js";
import { count, percentOf, percentWords } from "./wording.js";

/** How long changes are gathered before they are drawn, in milliseconds. */
const GATHER_MS = 30;
const SPOKEN = { done: "is fetched", failed: "failed" };

const byId = (id) => document.getElementById(id);
const announcer = new Announcer();
const list = new DownloadList();
const template = byId("row-template");
const groups = Object.fromEntries(
  ["active", "waiting", "over"].map((name) => [
    name,
    new RowGroup({
      section: byId(name),
      newRow: (item) => new DownloadRow(item, template),
      beyondWords: (more) => `+${count(more, "more download")}`,
    }),
  ]),
);
const rowOf = (id) => Object.values(groups).map((group) => group.row(id)).find((row) => row !== undefined);
const actions = downloadActions({ announcer, refused: () => access.ask(), row: rowOf });
let drawing;

const feed = new EventFeed({
  told(type, data) {
    const change = list.take(type, data);
    const verb = SPOKEN[change?.item.state];
    if (verb !== undefined && change.before?.state !== change.item.state) {
      announcer.say(`${nameOf(change.item)} ${verb}.`);
    }
    drawing ??= setTimeout(draw, GATHER_MS);
  },
  connected(isConnected) {
    byId("lost").hidden = isConnected;
    document.body.dataset.connected = String(isConnected);
  },
  refused: () => access.ask(),
});
const access = watchAccess((open) => {
  if (open) feed.start();
});

byId("host").textContent = location.host;
byId("add-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await add(byId("urls").value);
});
byId("urls").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("add-form").requestSubmit();
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  const text = event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain");
  if (event.target === byId("urls") || text === "") return;
  event.preventDefault();
  // RFC 2483: a line that begins so is a comment.
  add(text.replace(/^#.*$/gm, ""));
});
document.querySelector("main").addEventListener("click", ({ target }) => {
  const button = target.closest(".row button[data-action]");
  const item = list.get(Number(button?.closest(".row").dataset.id));
  if (item !== undefined) actions[button.dataset.action]?.(item);
});
byId("pause-all").addEventListener("click", ({ currentTarget }) => {
  if (currentTarget.dataset.action === "pause-all") actions.pauseAll();
  else actions.resumeAll();
});
byId("clear").addEventListener("click", () => actions.clear());
byId("try-now").addEventListener("click", () => feed.start());
addEventListener("online", () => feed.start());

async function add(text) {
  // A line each; several on one line are told apart by how they begin, as a URL may have spaces in it.
  const urls = text.split(/[\r\n]+|\s+(?=https?:\/\/)/i).map((url) => url.trim()).filter((url) => url !== "");
  if (urls.length === 0) return byId("urls").focus();
  const [name, checksum] = [byId("name").value.trim(), byId("checksum").value.trim()];
  const options = {
    ...name === "" ? {} : { name },
    ...checksum === "" ? {} : { checksum: `sha-256=${checksum}` },
  };
  const rest = await actions.add(urls, options);
  byId("urls").value = rest.join("\n");
  if (rest.length === 0) byId("name").value = byId("checksum").value = "";
  byId("urls").focus();
}

function draw() {
  clearTimeout(drawing);
  drawing = undefined;
  document.body.dataset.stage = list.size === 0 ? "empty" : "list";
  for (const [name, items] of Object.entries(list.groups())) groups[name].update(items);
  const totals = list.totals();
  const { active, queued, paused, done, failed, cancelled, bytes, received, isMeasured } = totals;
  const percent = active > 0 && isMeasured
    ? percentOf({ stored: received, bytes, complete: false })
    : undefined;
  byId("summary").hidden = list.size === 0;
  byId("overall").hidden = percent === undefined;
  byId("overall-percent").textContent = String(percent ?? "");
  byId("overall-files").textContent = totalWords(totals);
  byId("overall-bytes").textContent = totalBytesWords(totals);
  const rule = byId("overall-rule");
  rule.hidden = percent === undefined;
  rule.setAttribute("aria-valuenow", String(percent ?? 0));
  rule.style.setProperty("--stored", bytes === 0 ? 0 : received / bytes);
  const pauseAll = byId("pause-all");
  const isRunning = active + queued > 0;
  pauseAll.hidden = !isRunning && paused === 0;
  pauseAll.dataset.action = isRunning ? "pause-all" : "resume-all";
  pauseAll.textContent = isRunning ? "Pause all" : "Resume all";
  byId("clear").hidden = done + failed + cancelled === 0;
  document.title = percent === undefined
    ? "Downloads · transfer"
    : `${percentWords(percent)} · Downloads · transfer`;
}
