const UNFINISHED = new Set(["queued", "active", "paused"]);

/** All downloads that the server has told of. */
export class DownloadList {
  #items = new Map();

  get size() {
    return this.#items.size;
  }

  get(id) {
    return this.#items.get(id);
  }

  /** Takes an event of the server's. @returns What the item was before, and is; if it is about one. */
  take(type, data) {
    if (type === "snapshot") this.#items = new Map(data.downloads.map((item) => [item.id, item]));
    else if (type === "download-gone") this.#items.delete(data.id);
    else if (type === "download") {
      const before = this.#items.get(data.id);
      this.#items.set(data.id, data);
      return { before, item: data };
    }
    return undefined;
  }

  /** What is under way; what waits, the next first; what is over, the newest first. */
  groups() {
    const all = [...this.#items.values()];
    const byPlace = (a, b) => a.place - b.place;
    const of = (state) => all.filter((item) => item.state === state).sort(byPlace);
    const over = all.filter(({ state }) => !UNFINISHED.has(state));
    return {
      active: of("active"),
      waiting: [...of("queued"), ...of("paused")],
      over: over.sort((a, b) => a.endedAt < b.endedAt ? 1 : a.endedAt > b.endedAt ? -1 : b.id - a.id),
    };
  }

  totals() {
    const totals = { queued: 0, active: 0, paused: 0, done: 0, failed: 0, cancelled: 0 };
    let bytes = 0;
    let received = 0;
    let bytesPerSecond = 0;
    let isMeasured = true;
    for (const item of this.#items.values()) {
      totals[item.state]++;
      if (item.state !== "active") continue;
      isMeasured &&= item.bytes !== null;
      bytes += item.bytes ?? 0;
      received += item.received;
      bytesPerSecond += item.bytesPerSecond;
    }
    return { ...totals, bytes, received, bytesPerSecond, isMeasured };
  }
}
