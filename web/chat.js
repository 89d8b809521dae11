/** The chat page: puts its parts together, and draws what changed. */

import { Announcer } from "./announcer.js";
import { post } from "./chat_api.js";
import { enter } from "./chat_entry.js";
import { MessageLog } from "./chat_log.js";
import { ButtonList, unreadWords } from "./chat_rooms.js";
import { ChatSession } from "./chat_session.js";
import { isolated, visible } from "./wording.js";

/** How long changes are gathered before they are drawn, in milliseconds. */
const GATHER_MS = 16;
/** Longest message, in bytes of UTF-8. */
const MAX_MESSAGE_BYTES = 4096;
const AWAY = "away";

const byId = (id) => document.getElementById(id);
const announcer = new Announcer();
const roomTemplate = byId("room-template");
const lists = {
  channels: new ButtonList(byId("channels"), roomTemplate),
  directs: new ButtonList(byId("directs"), roomTemplate),
  members: new ButtonList(byId("members"), roomTemplate),
};
const log = new MessageLog({
  scroller: byId("log"),
  template: byId("message-template"),
  older: (room) => session?.older(room),
  seen,
});
let session;
let drawing;
/** By room, what is written and not sent. */
const drafts = new Map();

byId("host").textContent = location.host;
void begin();

async function begin(options) {
  session?.stop();
  session = undefined;
  delete document.body.dataset.connected;
  const { peer, user } = await enter(options);
  document.body.dataset.stage = "chat";
  byId("lost").hidden = true;
  byId("log-out").hidden = user === null;
  byId("me").textContent = visible(peer);
  session = new ChatSession(peer, {
    changed: () => drawing ??= setTimeout(draw, GATHER_MS),
    news,
    connected(isConnected) {
      byId("lost").hidden = isConnected;
      document.body.dataset.connected = String(isConnected);
    },
    refused: () => begin(),
    failed: (words) => announcer.show(words),
  });
  await session.start();
  focusInput();
}

function draw() {
  drawing = undefined;
  if (session === undefined) return;
  const { state } = session;
  const { channels, directs } = state.sorted();
  const isCurrent = ({ key }) => key === state.current;
  const entry = (room) => ({ ...pick(room), sign: "#", isCurrent: isCurrent(room) });
  lists.channels.update(channels.map(entry));
  lists.directs.update(directs.map((room) => ({
    ...pick(room),
    isOnline: state.online.has(room.name),
    isCurrent: isCurrent(room),
  })));
  byId("no-directs").hidden = directs.length > 0;
  const { room } = state;
  if (room === undefined) return;
  const members = state.members();
  lists.members.update(members.map(({ name, isOnline }) => ({
    key: `@${name}`,
    name,
    isOnline,
    note: name === state.peer ? "you" : "",
    isPlain: name === state.peer,
  })));
  const present = members.filter(({ isOnline }) => isOnline).length;
  byId("members-count").textContent = room.isDirect ? "" : `${present} of ${members.length} here`;
  byId("show-members").textContent = room.isDirect ? "Info" : `${present} here`;
  byId("room-title").textContent = `${room.isDirect ? "" : "#"}${visible(room.name)}`;
  byId("room-state").textContent = room.isDirect
    ? (members[0]?.isOnline ? "here" : `${AWAY}, will see it later`)
    : "";
  byId("leave").textContent = room.isDirect ? "Close conversation" : "Leave channel";
  byId("leave").hidden = room.key === "#general";
  byId("known-channels").replaceChildren(
    ...state.channels.filter((name) => !state.rooms.has(`#${name}`))
      .map((name) => Object.assign(document.createElement("option"), { value: name })),
  );
  log.update(room, state.peer);
  if (log.isAtEnd) seen();
  byId("input").setAttribute("aria-label", `Message to ${room.isDirect ? "" : "#"}${isolated(room.name)}`);
  byId("input").placeholder = `Message to ${room.isDirect ? "" : "#"}${isolated(room.name)}`;
  const elsewhere = state.unread - room.unread;
  byId("show-rooms-count").textContent = unreadWords(elsewhere);
  const unread = unreadWords(state.unread);
  document.title = `${unread === "" ? "" : `(${unread}) `}${byId("room-title").textContent} · transfer`;
}

function pick({ key, name, unread }) {
  return { key, name, unread };
}

/** Only who looks at the page has seen something. */
function seen() {
  if (document.visibilityState === "visible" && document.hasFocus() && log.isAtEnd) session?.seen();
}

function news({ from, message }, room) {
  const where = room.key === session.state.current || room.isDirect ? "" : ` in #${isolated(room.name)}`;
  announcer.say(`${isolated(from)}${where}: ${visible(message)}`);
}

async function open(key) {
  const { current, rooms } = session.state;
  if (current !== undefined) drafts.set(current, byId("input").value);
  byId("input").value = drafts.get(key) ?? "";
  view("talk");
  const opening = rooms.has(key) ? session.open(key) : session.openDirect(key.slice(1));
  focusInput();
  await opening;
}

/** A keyboard on the screen would hide what was opened. */
function focusInput() {
  if (matchMedia("(pointer: fine)").matches) byId("input").focus();
}

/** Of a narrow screen one part is shown at a time. */
function view(part) {
  document.body.dataset.view = part;
  byId("show-rooms").setAttribute("aria-expanded", String(part === "rooms"));
  byId("show-members").setAttribute("aria-expanded", String(part === "members"));
}

function send() {
  const input = byId("input");
  const text = input.value.trim();
  if (text === "") return;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_MESSAGE_BYTES) {
    return announcer.show(
      `That is too long: ${bytes.toLocaleString("en")} of ${MAX_MESSAGE_BYTES.toLocaleString("en")} bytes.`,
    );
  }
  input.value = "";
  log.toEnd();
  void session.send(text);
}

/** The room before or behind the present one, around the ends. */
function neighbour(by) {
  const { channels, directs } = session.state.sorted();
  const keys = [...channels, ...directs].map(({ key }) => key);
  const at = keys.indexOf(session.state.current);
  return keys[(at + by + keys.length) % keys.length];
}

byId("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("input").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
byId("join-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const channel = byId("join-input").value.trim().replace(/^#/, "");
  if (channel === "") return;
  byId("join-input").value = "";
  view("talk");
  await session.join(channel);
  focusInput();
});
document.querySelector(".chat").addEventListener("click", ({ target }) => {
  const key = target.closest("button[data-key]")?.dataset.key;
  if (key !== undefined) void open(key);
  const again = target.closest(".again");
  if (again !== null) void session.resend(again.closest(".message").dataset.msgId);
});
addEventListener("keydown", (event) => {
  if (session === undefined) return;
  if (event.key === "Escape") {
    view("talk");
    byId("input").focus();
  }
  if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  event.preventDefault();
  void open(neighbour(event.key === "ArrowUp" ? -1 : 1));
});
byId("show-rooms").addEventListener(
  "click",
  () => view(document.body.dataset.view === "rooms" ? "talk" : "rooms"),
);
byId("show-members").addEventListener("click", () => {
  view(document.body.dataset.view === "members" ? "talk" : "members");
});
byId("leave").addEventListener("click", () => {
  view("talk");
  void session.leave();
});
byId("rename").addEventListener("click", () => begin({ isNameAsked: true }));
byId("log-out").addEventListener("click", async () => {
  session?.stop();
  await post("/logout", {}).catch(() => {});
  await begin();
});
byId("try-now").addEventListener("click", () => session?.retry());
addEventListener("online", () => session?.retry());
addEventListener("focus", seen);
document.addEventListener("visibilitychange", seen);
