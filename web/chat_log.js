import { arrange } from "./arrange.js";
import { isolated, visible } from "./wording.js";

/** Messages of one peer that follow each other within this time have one name, in milliseconds. */
const TOGETHER_MS = 300_000;
/** So near to an end, in pixels, is at it. */
const NEAR_TOP = 240;
const NEAR_END = 48;
const DAY = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const TIME = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const FULL = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium" });

/** The messages of the present room. Text is text, whatever it looks like. */
export class MessageLog {
  #scroller;
  #list;
  #begin;
  #template;
  #peer;
  #rows = new Map();
  #room;
  #firstId;
  /** Whether the end was on the screen when it last was looked at: it stays there when the room changes size. */
  #isAtEnd = true;

  /**
   * @param {{ scroller: HTMLElement, template: HTMLTemplateElement, older: (room: object) => void,
   *   seen: () => void }} options `older`: what is before the first message is wanted; `seen`: the end is seen.
   */
  constructor({ scroller, template, older, seen }) {
    this.#scroller = scroller;
    this.#list = scroller.querySelector(".messages");
    this.#begin = scroller.querySelector(".begin");
    this.#template = template;
    scroller.addEventListener("scroll", () => {
      if (scroller.scrollTop < NEAR_TOP && this.#room !== undefined) older(this.#room);
      this.#isAtEnd = this.isAtEnd;
      if (this.#isAtEnd) seen();
    }, { passive: true });
    new ResizeObserver(() => {
      if (this.#isAtEnd) this.toEnd();
    }).observe(scroller);
  }

  /** Whether the newest message is on the screen. */
  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  /** Shows the messages of a room as they are now. */
  update(room, peer) {
    const isOther = room !== this.#room || peer !== this.#peer;
    const wasAtEnd = isOther || this.isAtEnd;
    const firstId = room.messages[0]?.id;
    const isPastAdded = !isOther && firstId !== this.#firstId;
    const fromEnd = this.#scroller.scrollHeight - this.#scroller.scrollTop;
    if (isOther) this.#rows.clear();
    [this.#room, this.#peer, this.#firstId] = [room, peer, firstId];
    this.#begin.textContent = room.isWhole ? beginWords(room) : "";
    arrange(this.#list, this.#elements(room));
    const mark = this.#list.querySelector(".missed");
    if (isOther && mark !== null) mark.scrollIntoView({ block: "center" });
    else if (wasAtEnd) this.toEnd();
    else if (isPastAdded) this.#scroller.scrollTop = this.#scroller.scrollHeight - fromEnd;
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #elements(room) {
    const elements = [];
    const kept = new Map();
    const keep = (key, make) => {
      const element = this.#rows.get(key) ?? make();
      kept.set(key, element);
      elements.push(element);
      return element;
    };
    let before;
    for (const message of room.messages) {
      const day = new Date(message.ts).toDateString();
      const isNewDay = before === undefined || new Date(before.ts).toDateString() !== day;
      if (isNewDay) keep(`day ${day}`, () => divider("day", DAY.format(message.ts)));
      const isMarked = room.markId !== undefined && message.id > room.markId &&
        (before === undefined || before.id <= room.markId);
      if (isMarked) keep(`missed ${room.markId}`, () => divider("missed", "New"));
      const row = keep(message.id, () => this.#row(message, message.from));
      const follows = !isNewDay && !isMarked && before.from === message.from &&
        message.ts - before.ts < TOGETHER_MS;
      row.classList.toggle("follows", follows);
      before = message;
    }
    for (const message of room.pending) {
      const row = keep(message.msg_id, () => this.#row(message, this.#peer));
      row.classList.toggle("follows", before?.from === this.#peer);
      row.dataset.state = message.failed === undefined ? "sending" : "failed";
      row.querySelector(".why").textContent = message.failed ?? "";
      row.querySelector(".again").hidden = message.failed === undefined;
      before = { from: this.#peer, ts: message.ts };
    }
    this.#rows = kept;
    return elements;
  }

  #row({ id, msg_id, ts, message, text = message }, from) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    const part = (selector) => row.querySelector(selector);
    if (id === undefined) row.dataset.msgId = msg_id;
    else row.dataset.id = String(id);
    row.classList.toggle("own", from === this.#peer);
    const time = part("time");
    time.textContent = TIME.format(ts);
    time.dateTime = new Date(ts).toISOString();
    time.title = FULL.format(ts);
    part(".from").textContent = visible(from);
    part(".text").textContent = textWords(text);
    return row;
  }
}

/** A message as it is shown: its lines are kept, what deceives is not. */
function textWords(text) {
  return text.split(/\r\n|\r|\n/).map((line) => visible(line.replaceAll("\t", "    "))).join("\n");
}

function divider(kind, words) {
  const item = document.createElement("li");
  item.className = kind;
  const text = document.createElement("span");
  text.textContent = words;
  item.append(text);
  return item;
}

function beginWords(room) {
  const isEmpty = room.messages.length + room.pending.length === 0;
  if (room.isDirect) {
    const name = isolated(room.name);
    return isEmpty ? `Nothing was said between you and ${name} yet.` : `Here you and ${name} began to talk.`;
  }
  return isEmpty ? "Nothing was said here yet. Say hello." : `Here #${isolated(room.name)} begins.`;
}
