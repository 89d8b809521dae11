import { arrange } from "./arrange.js";
import { isolated, visible } from "./wording.js";

/** More than so many unread messages are not counted. */
const MAX_COUNT = 99;

/** "3", "99+", or nothing. */
export function unreadWords(unread) {
  if (unread === 0) return "";
  return unread > MAX_COUNT ? `${MAX_COUNT}+` : String(unread);
}

/** A list of rooms or peers, each a button; they keep their place, and with it the focus. */
export class ButtonList {
  #list;
  #template;
  #items = new Map();

  constructor(list, template) {
    this.#list = list;
    this.#template = template;
  }

  /**
   * @param {{ key: string, name: string, sign?: string, unread?: number, isCurrent?: boolean,
   *   isOnline?: boolean, note?: string, isPlain?: boolean }[]} entries `isPlain`: there is nothing to press.
   */
  update(entries) {
    const kept = new Map();
    for (const entry of entries) {
      const item = this.#items.get(entry.key) ?? this.#template.content.firstElementChild.cloneNode(true);
      kept.set(entry.key, item);
      draw(item, entry);
    }
    this.#items = kept;
    arrange(this.#list, [...kept.values()]);
  }
}

function draw(
  item,
  { key, name, sign = "", unread = 0, isCurrent = false, isOnline, note = "", isPlain = false },
) {
  const button = item.querySelector("button");
  const part = (selector, words) => {
    const element = item.querySelector(selector);
    if (element.textContent !== words) element.textContent = words;
  };
  button.dataset.key = key;
  button.disabled = isPlain;
  part(".sign", sign);
  part(".label", visible(name));
  part(".note", note);
  part(".count", unreadWords(unread));
  button.classList.toggle("unread", unread > 0);
  if (isCurrent) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
  if (isOnline === undefined) delete item.dataset.online;
  else item.dataset.online = String(isOnline);
  const presence = isOnline === undefined ? "" : isOnline ? ", here" : ", away";
  const words = unread === 0 ? "" : `, ${unreadWords(unread)} unread`;
  button.setAttribute(
    "aria-label",
    `${sign}${isolated(name)}${note === "" ? "" : `, ${note}`}${presence}${words}`,
  );
}
