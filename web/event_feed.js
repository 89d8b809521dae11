import { askServer } from "./access.js";
import { backoffMs } from "./modules/net/backoff.ts";

const RETRY = { baseMs: 500, capMs: 10_000, random: Math.random };

/**
 * Reads the server's events for as long as it may, and goes on where it stopped when the connection is
 * lost. (`EventSource` can't carry a token.)
 */
export class EventFeed {
  #hooks;
  #reading;
  #lastId;
  #attempt = 0;
  #wake = () => {};

  /**
   * @param {{ told: (type: string, data: unknown) => void, refused: () => void,
   *   connected: (isConnected: boolean) => void }} hooks
   */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Starts to read, or tries again at once. */
  start() {
    this.#attempt = 0;
    this.#wake();
    this.#reading ??= this.#readOn();
  }

  async #readOn() {
    while (await this.#readOnce()) {
      this.#hooks.connected(false);
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, backoffMs(this.#attempt++, RETRY));
      });
    }
    this.#reading = undefined;
    this.#hooks.refused();
  }

  /** @returns Whether there is any use in trying again. */
  async #readOnce() {
    try {
      const headers = this.#lastId === undefined ? {} : { "Last-Event-ID": this.#lastId };
      const response = await askServer("/api/events", { headers });
      if (response.status === 401) return false;
      if (!response.ok) {
        await response.body?.cancel();
        return true;
      }
      this.#attempt = 0;
      this.#hooks.connected(true);
      let rest = "";
      for await (const text of chunksOf(response.body.pipeThrough(new TextDecoderStream()))) {
        const events = (rest + text).split("\n\n");
        rest = events.pop();
        for (const event of events) this.#tell(event);
      }
    } catch {
      // The connection is lost: what `connected` says.
    }
    return true;
  }

  #tell(event) {
    const field = (name) =>
      event.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field("data");
    if (data === undefined) return;
    this.#lastId = field("id");
    this.#hooks.told(field("event"), JSON.parse(data));
  }
}

/** Not every browser can iterate a stream. */
async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}
