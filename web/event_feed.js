import { askServer } from "./access.js";
import { backoffMs } from "./modules/net/backoff.ts";

const RETRY = { baseMs: 500, capMs: 10_000, random: Math.random };
/** By status: there is no use in trying again. */
const ENDS = { 401: "refused", 404: "absent" };

/**
 * Reads the server's events for as long as it may, and goes on where it was when the connection is lost.
 * (`EventSource` can't carry a token.)
 */
export class EventFeed {
  #hooks;
  #ask;
  /** Ends what is being read; `undefined`: nothing is. */
  #reading;
  #lastId;
  #attempt = 0;
  #wake = () => {};

  /**
   * @param {{ told: (type: string, data: unknown) => void, refused: () => void, absent?: () => void,
   *   connected: (isConnected: boolean) => void }} hooks After `refused` and `absent` (the server has no
   *   events) nothing is read until it is started again.
   * @param {(options: RequestInit) => Promise<Response>} [ask] Asks for the events.
   */
  constructor(hooks, ask = (options) => askServer("/api/events", options)) {
    this.#hooks = hooks;
    this.#ask = ask;
  }

  /** Starts to read, or tries again at once. */
  start() {
    this.#attempt = 0;
    this.#wake();
    if (this.#reading !== undefined) return;
    this.#reading = new AbortController();
    this.#readOn(this.#reading.signal);
  }

  /** Reads no more. Started again, it begins with all that there is then. */
  stop() {
    this.#reading?.abort();
    this.#reading = this.#lastId = undefined;
    this.#wake();
  }

  async #readOn(signal) {
    for (;;) {
      const end = await this.#readOnce(signal);
      if (signal.aborted) return;
      if (end !== "refused") this.#hooks.connected(false);
      if (end !== "lost") {
        this.#reading = undefined;
        return this.#hooks[end]?.();
      }
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, backoffMs(this.#attempt++, RETRY));
      });
      if (signal.aborted) return;
    }
  }

  /** @returns {Promise<"lost" | "refused" | "absent">} Why it ended. */
  async #readOnce(signal) {
    try {
      const headers = this.#lastId === undefined ? {} : { "Last-Event-ID": this.#lastId };
      const response = await this.#ask({ headers, signal });
      if (!response.ok) {
        // An answer that nobody reads would keep its connection.
        await response.body?.cancel();
        return ENDS[response.status] ?? "lost";
      }
      this.#attempt = 0;
      this.#hooks.connected(true);
      let rest = "";
      for await (const text of chunksOf(response.body.pipeThrough(new TextDecoderStream()))) {
        const events = (rest + text).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          if (signal.aborted) return "lost";
          this.#tell(event);
        }
      }
    } catch {
      // The connection is lost: what `connected` says.
    }
    return "lost";
  }

  #tell(event) {
    const field = (name) =>
      event.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field("data");
    if (data === undefined) return;
    // An event without an id changes nothing (HTML standard, section 9.2.6).
    this.#lastId = field("id") ?? this.#lastId;
    this.#hooks.told(field("event"), JSON.parse(data));
  }
}

/** Not every browser can iterate a stream. */
async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}
