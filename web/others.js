import { EventFeed } from "./event_feed.js";
import { RateMeter } from "./modules/terminal/rate_meter.ts";
import { safeRelativePath } from "./modules/store/safe_name.ts";
import { OtherRow } from "./other_row.js";
import { OthersList } from "./others_list.js";
import { RowGroup } from "./row_group.js";
import { count, splitPath } from "./wording.js";

/**
 * How long changes are gathered before they are drawn, in milliseconds. Longer than for the page's own, as
 * nobody waits for an answer; and by then the page mostly knows of its own what the events tell.
 */
const GATHER_MS = 250;

/** States in which a connection of the page's has an upload. */
const SENDING = new Set(["connecting", "uploading", "finishing"]);

/**
 * Shows what others upload, if the server tells. Nothing of it is announced: it is no news of what the
 * person does.
 *
 * @param {{ queue: import("./queue.js").Queue, refused: () => void }} page
 * @returns {{ access: (open: boolean) => void, ownChanged: () => void }}
 */
export function watchOthers({ queue, refused }) {
  const { group, stale } = othersPanel();
  const names = new WeakMap();
  let list = emptyList();
  let isOpen = false;
  /** Nothing is shared: there is no use in asking again. */
  let isOver = false;
  let drawing;

  const feed = new EventFeed({
    told(type, data) {
      list.take(type, data, performance.now());
      if (!list.isShared) {
        isOver = true;
        feed.stop();
      }
      drawSoon();
    },
    connected: (isConnected) => stale.hidden = isConnected,
    absent: () => isOver = true,
    refused,
  });
  const follow = () => {
    // A hidden tab does not read: a browser has six connections for all tabs of one server.
    if (isOpen && !isOver && document.visibilityState === "visible") feed.start();
    else feed.stop();
  };
  const draw = () => {
    drawing = undefined;
    const { items, more } = list.choose(ownUploads(queue, names), performance.now());
    group.update(items, more);
    // A speed goes down by itself when nothing comes.
    if (document.visibilityState === "visible" && items.some(({ state }) => state === "active")) drawSoon();
  };
  const drawSoon = () => drawing ??= setTimeout(draw, GATHER_MS);

  addEventListener("online", follow);
  document.addEventListener("visibilitychange", follow);
  return {
    access(open) {
      if (open === isOpen) return;
      isOpen = open;
      isOver = false;
      if (!open) {
        list = emptyList();
        draw();
      }
      follow();
    },
    ownChanged() {
      if (!list.isEmpty) drawSoon();
    },
  };
}

/** The part of the page that they are shown in. */
function othersPanel() {
  const template = document.getElementById("other-row-template");
  const group = new RowGroup({
    section: document.getElementById("others"),
    newRow: () => new OtherRow(template),
    beyondWords: (more) => `and ${count(more, "more upload")}`,
  });
  return { group, stale: document.getElementById("others-stale") };
}

function emptyList() {
  return new OthersList({ newMeter: () => new RateMeter() });
}

/** What {@linkcode OthersList} has to know of the page's own. */
function* ownUploads({ uploads }, names) {
  for (const upload of uploads) {
    const { path, size, acknowledged, state, senderState } = upload;
    if (!names.has(upload)) names.set(upload, safeRelativePath(path) ?? path);
    const name = names.get(upload);
    const isOver = state === "done" || state === "stopped";
    yield {
      name,
      size,
      stored: acknowledged,
      isThere: !isOver && (acknowledged > 0 || senderState !== undefined),
      isActive: SENDING.has(state),
      storedName: state === "done" ? storedName(name, senderState.filePath) : undefined,
    };
  }
}

/** The server changes at most the last part of a name, when it is taken. */
function storedName(name, filePath) {
  return name.slice(0, name.lastIndexOf("/") + 1) + splitPath(filePath, /[\\/]/).name;
}
