import { askServer } from "./access.js";

/** The tracker said no; `message` is for people. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks the tracker for something: fields become parameters of a GET, and a JSON object otherwise. */
async function ask(method, path, fields = {}) {
  const isGet = method === "GET";
  const query = isGet ? `?${new URLSearchParams(fields)}` : "";
  const response = await askServer(`${path}${query}`, {
    method,
    // The session's cookie is what lets us in.
    credentials: "same-origin",
    ...isGet ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) },
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Refused(response.status, wordsOf(answer) ?? `The tracker answers ${response.status}`);
  }
  return answer;
}

/** What is wrong, with the names that people have for fields. */
function wordsOf({ message }) {
  return message?.replace(/^(?:peer_id|to_peer): may/, "A name may").replace(
    /^channel: may/,
    "A channel may",
  );
}

export const get = (path, fields) => ask("GET", path, fields);
export const post = (path, fields) => ask("POST", path, fields);

/** Asks for the events of channels, and of one peer. */
export function askEvents({ channels, peer, since }, options) {
  const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
  query.set("peer_id", peer);
  if (since !== undefined) query.set("since", since);
  return askServer(`/events?${query}`, { credentials: "same-origin", ...options });
}

/** What a message is known by when it is sent again. (`randomUUID` is for secure contexts only.) */
export function newMessageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
