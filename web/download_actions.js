import { askServer } from "./access.js";
import { copied } from "./clipboard.js";
import { confirmed } from "./confirm.js";
import { addedWords, nameOf } from "./download_words.js";
import { isolated, size, visible } from "./wording.js";

const API = "/api/downloads";
/** Cancelling throws away what is there; from here on that is worth a question. */
const ASK_ABOVE_BYTES = 64 * 1024 * 1024;
/** The server takes so many at a time. */
const URLS_AT_ONCE = 1000;

/**
 * What a person can do on the page, carried out by the server. What comes of it comes back as an event.
 *
 * @param {{ announcer: import("./announcer.js").Announcer, refused: () => void,
 *   row: (id: number) => import("./download_row.js").DownloadRow | undefined }} page
 */
export function downloadActions({ announcer, refused, row }) {
  /** @returns The answer; `undefined` when there was none, which is told. */
  const ask = async (path, method, body) => {
    try {
      const options = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await askServer(API + path, options);
      if (response.status === 401) return void refused();
      const answer = response.status === 204 ? {} : await response.json();
      if (response.ok) return answer;
      // Somebody else was quicker: the next event says what it is now.
      if (response.status !== 404 && response.status !== 409) announcer.show(visible(answer.error));
    } catch {
      announcer.show("The server does not answer. Try again.");
    }
    return undefined;
  };

  const cancel = async (item) => {
    const isCheap = item.received <= ASK_ABOVE_BYTES;
    const sure = isCheap || await confirmed({
      title: `Cancel ${isolated(nameOf(item))}?`,
      words: `The server deletes the ${size(item.received)} that it has fetched so far.`,
      yes: "Cancel and delete",
    });
    if (sure) await ask(`/${item.id}`, "DELETE");
  };
  const copy = async ({ id, path }) => {
    if (await copied(path)) {
      row(id)?.copied();
      announcer.say("Path copied.");
    } else announcer.show(`The browser refuses to copy. The path is ${visible(path)}`);
  };

  return {
    cancel,
    copy,
    clear: () => ask("", "DELETE"),
    pauseAll: () => ask("/pause", "POST"),
    resumeAll: () => ask("/resume", "POST"),
    pause: ({ id }) => ask(`/${id}/pause`, "POST"),
    remove: ({ id }) => ask(`/${id}`, "DELETE"),
    resume: ({ id }) => ask(`/${id}/resume`, "POST"),
    retry: ({ id }) => ask(`/${id}/retry`, "POST"),
    /** @returns {Promise<string[]>} What was not added. */
    async add(urls, options) {
      const items = [];
      for (let at = 0; at < urls.length; at += URLS_AT_ONCE) {
        const answer = await ask("", "POST", { urls: urls.slice(at, at + URLS_AT_ONCE), ...options });
        if (answer === undefined) return urls.slice(at);
        items.push(...answer);
      }
      const words = addedWords(items);
      if (items.some(({ state }) => state === "done")) announcer.show(words);
      else announcer.say(words);
      return [];
    },
  };
}
