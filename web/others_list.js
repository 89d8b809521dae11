/** Of those under way and of those completed, so many are shown. */
const MAX_ROWS = 100;
const MAX_COMPLETED = 5;
/** As many as the server lists. */
const KEPT_COMPLETED = 100;
/** In this order. */
const STATES = ["active", "paused", "orphaned"];
const UNDER_WAY = new Set(["started", "resumed", "progress", "paused", "interrupted", "failed"]);

/**
 * One of the page's own uploads: its name as the server makes one of it, what the server has of it, whether
 * it may be among those under way there, whether it is being sent, and the name under which it was stored.
 *
 * @typedef {{ name: string, size: number, stored: number, isThere: boolean,
 *   isActive: boolean, storedName: string | undefined }} OwnUpload
 */

/**
 * The uploads that the server tells of, without the page's own. A core: it is told what happened and when.
 *
 * The server names no upload by its key, so the page's own are known by name and size, and there can be
 * several that look like one of them: somebody else may be sending a file of the same name and size. Of
 * those under way as many are left out as the page has such uploads of its own: of those that are being
 * sent, or not, as the page's is, the ones whose stored bytes are nearest to its. The choice is made anew each time, so
 * that a wrong one, possible while two are equally far, mends itself when they part; and whichever is
 * chosen, one row is shown for each upload of others. What was left out when it was completed stays out,
 * and so does a file with the name and size of one that the server has stored for the page.
 */
export class OthersList {
  /** By id: those seen first come first. */
  #underWay = new Map();
  /** The newest first. */
  #completed = [];
  #isShared = false;
  #newMeter;

  /** @param {{ newMeter: () => import("../terminal/rate_meter.ts").RateMeter }} options */
  constructor({ newMeter }) {
    this.#newMeter = newMeter;
  }

  /** Whether the last snapshot had uploads in it at all. */
  get isShared() {
    return this.#isShared;
  }

  /** Whether there is nothing, not even of the page's own. */
  get isEmpty() {
    return this.#underWay.size === 0 && this.#completed.length === 0;
  }

  /** Takes an event of the server's. Those of downloads, which come between them, are passed over. */
  take(type, shared, nowMs) {
    if (type === "snapshot") this.#replace(shared, nowMs);
    else if (!this.#isShared) return;
    else if (UNDER_WAY.has(type)) this.#note(type, shared, nowMs);
    else if (type === "completed") this.#complete(shared);
    else if (type === "deleted") this.#underWay.delete(shared.id);
  }

  /**
   * What to show, and how many more are under way.
   *
   * @param {Iterable<OwnUpload>} own
   */
  choose(own, nowMs) {
    this.#mark([...own]);
    const others = [...this.#underWay.values()].filter(({ isOwn }) => !isOwn);
    const underWay = STATES.flatMap((wanted) => others.filter(({ state }) => state === wanted));
    const completed = this.#completed.filter(({ isOwn }) => !isOwn).slice(0, MAX_COMPLETED);
    const items = [...underWay.slice(0, MAX_ROWS - completed.length), ...completed];
    for (const item of items) {
      item.bytesPerSecond = item.state === "active" ? item.meter.bytesPerSecond(nowMs) : 0;
    }
    return { items, more: underWay.length + completed.length - items.length };
  }

  #replace({ uploads, completed }, nowMs) {
    const before = new Map([...this.#completed, ...this.#underWay.values()].map((item) => [item.id, item]));
    this.#isShared = uploads !== undefined;
    this.#underWay.clear();
    this.#completed = [];
    if (!this.#isShared) return;
    const known = (shared) => {
      const item = before.get(shared.id);
      // Another run of the server counts from one again.
      return item !== undefined && item.fileSize === shared.fileSize && item.name === shared.name
        ? item
        : this.#meet(shared);
    };
    for (const shared of uploads.toSorted((a, b) => a.id - b.id)) {
      this.#underWay.set(shared.id, known(shared));
      this.#note("snapshot", shared, nowMs);
    }
    this.#completed = completed.map((shared) => ({ ...known(shared), ...shared, isSettled: true }));
  }

  #meet({ name }) {
    return { meter: this.#newMeter(), wanted: name, isOwn: false, isSettled: true };
  }

  #note(type, shared, nowMs) {
    const item = this.#underWay.get(shared.id) ?? this.#meet(shared);
    Object.assign(item, shared);
    // The time of a pause is not the upload's.
    if (type !== "progress") item.meter.reset();
    if (item.state === "active") item.meter.add(item.offset, nowMs);
    this.#underWay.set(item.id, item);
  }

  #complete(shared) {
    const item = this.#underWay.get(shared.id) ?? this.#meet(shared);
    this.#underWay.delete(shared.id);
    // A small file may have come and gone since the last choice: it has its turn in the next.
    Object.assign(item, shared, { isSettled: item.isOwn });
    this.#completed = [item, ...this.#completed].slice(0, KEPT_COMPLETED);
  }

  #mark(own) {
    const sought = Map.groupBy(own.filter(({ isThere }) => isThere), keyOf);
    const unsettled = this.#completed.filter(({ isSettled }) => !isSettled);
    const candidates = [...this.#underWay.values(), ...unsettled];
    for (const [key, items] of Map.groupBy(candidates, wantedKey)) {
      const ours = sought.get(key);
      // Without one, those marked before are being deleted, or were taken off the page's list.
      if (ours !== undefined) markNearest(items, ours);
    }
    for (const item of unsettled) item.isSettled = true;

    const stored = new Set();
    for (const { storedName, size } of own) {
      if (storedName !== undefined) stored.add(keyOf({ name: storedName, size }));
    }
    for (const item of this.#completed) {
      // With the separators of the server's system.
      item.isOwn ||= stored.has(keyOf({ name: item.name.replaceAll("\\", "/"), size: item.offset }));
    }
  }
}

/** Marks as many items as there are uploads, those nearest to them. */
function markNearest(items, ours) {
  const rest = new Set(items);
  for (const { stored, isActive } of ours) {
    const isLike = ({ state }) => isActive === (state === "active" || state === "completed");
    const distance = (item) => Math.abs(item.offset - stored) + (isLike(item) ? 0 : Number.MAX_SAFE_INTEGER);
    const nearest = [...rest].reduce((a, b) => distance(b) < distance(a) ? b : a, [...rest][0]);
    rest.delete(nearest);
  }
  for (const item of items) item.isOwn = !rest.has(item);
}

function wantedKey({ wanted, fileSize }) {
  return keyOf({ name: wanted, size: fileSize });
}

function keyOf({ name, size }) {
  return `${size}:${name}`;
}
