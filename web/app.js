/** The page: puts its parts together, and draws what changed. */

import { openSocket } from "./access.js";
import { Announcer } from "./announcer.js";
import { takeInFiles } from "./intake.js";
import { Ledger } from "./ledger.js";
import { watchOthers } from "./others.js";
import { Queue } from "./queue.js";
import { allRemembered, watchRemembered } from "./remembered.js";
import { obeyRows } from "./row_actions.js";
import { Summary } from "./summary.js";
import { watchAccess } from "./token_panel.js";

/** How often figures move, and how long changes are gathered, in milliseconds. */
const FIGURES_MS = 250;
const GATHER_MS = 30;
/** A connection silent for this long is given up when the network comes back. */
const SILENT_MS = 3_000;

const byId = (id) => document.getElementById(id);
const list = byId("rows");
const announcer = new Announcer();
const summary = new Summary();
const ledger = new Ledger({ list, beyond: byId("beyond"), template: byId("row-template") });

let accessOpen = false;
let drawing;
let wasLost = false;

const queue = new Queue({
  openSocket: () => accessOpen ? openSocket() : undefined,
  refused: () => access.ask(),
  changed(upload) {
    if (upload !== undefined) announcer.uploadChanged(upload);
    drawSoon();
  },
});
const others = watchOthers({ queue, refused: () => access.ask() });
const access = watchAccess((open) => {
  accessOpen = open;
  queue.hold(!open);
  others.access(open);
  if (open) queue.tryNow();
});

byId("host").textContent = location.host;
for (const record of allRemembered()) queue.recall(record);
watchRemembered((fileId, record) => queue.follow(fileId, record));
takeInFiles({ add: (found) => queue.add(found), announcer });
obeyRows({ list, ledger, queue, announcer, acted: drawSoon });

byId("pause-all").addEventListener("click", ({ currentTarget }) => {
  if (currentTarget.dataset.action === "pause-all") queue.pauseAll();
  else queue.resumeAll();
  drawSoon();
});
byId("clear").addEventListener("click", () => queue.clearFinished());
byId("try-now").addEventListener("click", () => queue.tryNow());
addEventListener("online", () => queue.tryNow(SILENT_MS));
addEventListener("pagehide", () => queue.noteAll());
addEventListener("beforeunload", (event) => {
  if (queue.active.size > 0 || queue.waiting.size > 0) event.preventDefault();
});
setInterval(() => {
  if (queue.active.size > 0) draw();
}, FIGURES_MS);
drawSoon();

function drawSoon() {
  drawing ??= setTimeout(draw, GATHER_MS);
}

function draw() {
  clearTimeout(drawing);
  drawing = undefined;
  const nowMs = performance.now();
  document.body.dataset.stage = queue.size === 0 ? "empty" : "list";
  byId("ledger").hidden = queue.size === 0;
  ledger.arrange(queue);
  ledger.update(nowMs);
  summary.update(queue, nowMs);
  others.ownChanged();
  const lost = !byId("lost").hidden;
  if (lost && !wasLost) announcer.say("Connection lost. Trying again by itself.");
  if (wasLost && !lost && queue.active.size > 0) announcer.say("Connected again.");
  wasLost = lost;
}
