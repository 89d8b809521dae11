import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { DownloadQueue, type QueueAction } from "../../../protocols/http_ranges/queue.ts";
import type { Wish } from "../../../protocols/http_ranges/queue_rules.ts";
import {
  type DownloadRequest,
  isOver,
  type Outcome,
  type QueueItem,
  shownState,
} from "../../../protocols/http_ranges/queue_item.ts";

const DONE: Outcome = { kind: "done", path: "/files/a", bytes: 5, sha256: "ab" };
const FAILED: Outcome = { kind: "failed", reason: "Not found" };
const STOPPED: Outcome = { kind: "stopped" };

function request(name: string, more: Partial<DownloadRequest> = {}): DownloadRequest {
  const url = `http://host/${name}`;
  return { url, key: url, name: undefined, sha256: undefined, isChecked: true, ...more };
}

/** The actions in short: what is started, stopped, discarded and forgotten, by id. */
function orders(actions: readonly QueueAction[] | undefined): string[] | undefined {
  return actions?.flatMap((action) => {
    if (action.type === "save") return [];
    return `${action.type} ${"id" in action ? action.id : action.item.id}`;
  });
}

function states(queue: DownloadQueue): string[] {
  return [...queue.items].map((item) => `${item.id} ${shownState(item)}`);
}

function filled(count: number, maxActive: number): DownloadQueue {
  const queue = new DownloadQueue({ maxActive });
  queue.add(Array.from({ length: count }, (_, i) => request(String(i))), 0);
  return queue;
}

Deno.test("downloads begin in order, so many at a time, and the next when one ends", () => {
  const queue = new DownloadQueue({ maxActive: 2 });
  const { items, actions } = queue.add([request("a"), request("b"), request("c")], 7);
  assertEquals(items.map((item) => item?.id), [1, 2, 3]);
  assertEquals(orders(actions), ["start 1", "start 2"]);
  assertEquals(orders(queue.ended(1, DONE, 8)), ["start 3"]);
  assertEquals(orders(queue.ended(2, FAILED, 9)), []);
  assertEquals(states(queue), ["1 done", "2 failed", "3 active"]);
  assertEquals(queue.over.map(({ id }) => id), [2, 1]);
});

Deno.test("what is saved comes before what is started because of it", () => {
  const { actions } = new DownloadQueue({ maxActive: 1 }).add([request("a")], 0);
  assertEquals(actions.map(({ type }) => type), ["save", "save", "start"]);
});

Deno.test("what is waiting or being fetched is not added twice, unless it is wanted otherwise", () => {
  const queue = filled(1, 1);
  const other = request("0", { sha256: "ff" });
  const { items } = queue.add([request("0"), other, other, request("1"), request("1")], 1);
  assertEquals(items.map((item) => item?.id), [1, 2, 2, 3, 3]);
  queue.ended(1, DONE, 2);
  assertEquals(queue.add([request("1")], 3).items.map((item) => item?.id), [3]);
  queue.ended(2, FAILED, 4);
  queue.ended(3, DONE, 5);
  assertEquals(queue.add([request("1")], 6).items.map((item) => item?.id), [4]);
});

Deno.test("a queue that is full takes no more until something ends", () => {
  const queue = new DownloadQueue({ maxActive: 1, maxUnfinished: 2 });
  const { items } = queue.add([request("a"), request("b"), request("c")], 0);
  assertEquals(items.map((item) => item?.id), [1, 2, undefined]);
  queue.ended(1, DONE, 1);
  assertEquals(queue.room, 1);
  assertEquals(queue.add([request("c")], 2).items.map((item) => item?.id), [3]);
});

Deno.test("a paused download gives its place to another, and keeps its turn", () => {
  const queue = filled(3, 1);
  assertEquals(orders(queue.wish(1, "pause", 1)), ["stop 1"]);
  assertEquals(states(queue), ["1 paused", "2 queued", "3 queued"]);
  // It still writes; only when it has stopped may another one begin.
  assertEquals(orders(queue.ended(1, STOPPED, 2)), ["start 2"]);
  assertEquals(orders(queue.wish(1, "resume", 3)), []);
  assertEquals(orders(queue.ended(2, DONE, 4)), ["start 1"]);
});

Deno.test("resumed before it has stopped, it goes on once it has", () => {
  const queue = filled(1, 1);
  queue.wish(1, "pause", 1);
  assertEquals(orders(queue.wish(1, "resume", 2)), []);
  assertEquals(states(queue), ["1 queued"]);
  assertEquals(orders(queue.wish(1, "pause", 3)), []);
  assertEquals(orders(queue.wish(1, "resume", 4)), []);
  assertEquals(orders(queue.ended(1, STOPPED, 5)), ["start 1"]);
});

Deno.test("what comes to its end before it could stop is done", () => {
  for (const wish of ["pause", "cancel"] as const) {
    const queue = filled(1, 1);
    queue.wish(1, wish, 1);
    queue.ended(1, DONE, 2);
    assertEquals(states(queue), ["1 done"]);
  }
});

Deno.test("a cancelled download leaves no part, wherever it was", () => {
  const queue = filled(3, 1);
  assertEquals(orders(queue.wish(2, "cancel", 1)), ["discard 2"]);
  queue.wish(1, "pause", 2);
  assertEquals(orders(queue.wish(1, "cancel", 3)), []);
  assertEquals(orders(queue.ended(1, STOPPED, 4)), ["discard 1", "start 3"]);
  assertEquals(states(queue), ["1 cancelled", "2 cancelled", "3 active"]);
});

Deno.test("what another download of the URL is to go on with is not discarded", () => {
  const queue = filled(1, 1);
  queue.ended(1, FAILED, 1);
  queue.add([request("0")], 2);
  queue.wish(2, "pause", 3);
  queue.ended(2, STOPPED, 4);
  assertEquals(orders(queue.wish(1, "forget", 5)), ["forget 1"]);
  queue.add([request("0", { sha256: "ff" })], 6);
  assertEquals(orders(queue.wish(3, "cancel", 7)), ["stop 3"]);
  assertEquals(orders(queue.ended(3, STOPPED, 8)), []);
  queue.add([request("0", { name: "a" })], 9);
  queue.wish(4, "cancel", 10);
  // Nobody knows yet what the second was to be called.
  assertEquals(orders(queue.ended(4, STOPPED, 11)), []);
  assertEquals(orders(queue.wish(2, "cancel", 12)), ["discard 2"]);

  queue.add([request("1", { name: "a" }), request("1", { name: "b" })], 13);
  queue.wish(5, "cancel", 14);
  assertEquals(orders(queue.ended(5, STOPPED, 15)), ["discard 5", "start 6"]);
});

Deno.test("a retried one goes to the end of the queue", () => {
  const queue = filled(3, 1);
  queue.ended(1, FAILED, 1);
  queue.wish(1, "retry", 2);
  assertEquals(queue.waiting.map(({ id }) => id), [3, 1]);
});

Deno.test("a wish that makes no sense in a state is refused and changes nothing", () => {
  const sensible: Record<string, readonly Wish[]> = {
    queued: ["pause", "cancel"],
    active: ["pause", "cancel"],
    paused: ["resume", "cancel"],
    done: ["forget"],
    failed: ["retry", "forget"],
    cancelled: ["retry", "forget"],
  };
  for (const [state, allowed] of Object.entries(sensible)) {
    for (const wish of ["pause", "resume", "retry", "cancel", "forget"] as const) {
      const queue = filled(2, 1);
      if (state === "paused") queue.wish(2, "pause", 1);
      if (state === "cancelled") queue.wish(2, "cancel", 1);
      if (state !== "queued") queue.ended(1, FAILED, 1);
      if (state === "done") queue.ended(2, DONE, 2);
      if (state === "failed") queue.ended(2, FAILED, 2);
      const before = states(queue);
      assertEquals(before[1], `2 ${state}`);
      const granted = queue.wish(2, wish, 3) !== undefined;
      assertEquals(granted, allowed.includes(wish), `${wish} of ${state}`);
      if (!granted) assertEquals(states(queue), before);
    }
  }
  assertEquals(filled(1, 1).wish(99, "pause", 0), undefined);
});

Deno.test("two downloads of one URL are not under way at the same time", () => {
  const queue = new DownloadQueue({ maxActive: 2 });
  const { actions } = queue.add([request("a"), request("a", { sha256: "ff" }), request("b")], 0);
  assertEquals(orders(actions), ["start 1", "start 3"]);
  assertEquals(orders(queue.ended(1, DONE, 1)), ["start 2"]);
});

Deno.test("history is bounded, and the oldest goes first", () => {
  const queue = new DownloadQueue({ maxActive: 1, maxFinished: 2 });
  queue.add(Array.from({ length: 4 }, (_, i) => request(String(i))), 0);
  queue.ended(1, DONE, 1);
  queue.ended(2, FAILED, 2);
  assertEquals(orders(queue.ended(3, DONE, 3)), ["forget 1", "start 4"]);
  assertEquals(queue.over.map(({ id }) => id), [3, 2]);
  assertEquals(queue.find(request("0").key), undefined);
});

Deno.test("after a crash what was under way goes on first, and what was being cancelled is deleted", () => {
  const queue = filled(5, 3);
  queue.wish(1, "cancel", 1);
  queue.wish(2, "pause", 1);
  const again = new DownloadQueue({ maxActive: 2, items: queue.items });
  assertEquals(orders(again.begin(2)), ["discard 1", "start 3", "start 4"]);
  assertEquals(states(again), ["1 cancelled", "2 paused", "3 active", "4 active", "5 queued"]);
  assertEquals(again.add([request("new")], 3).items.map((item) => item?.id), [6]);
});

const STEPS = [
  "add",
  "pause",
  "resume",
  "retry",
  "cancel",
  "forget",
  "done",
  "fail",
  "stopped",
  "crash",
] as const satisfies readonly ("add" | Wish | "done" | "fail" | "stopped" | "crash")[];

interface Step {
  readonly do: typeof STEPS[number];
  readonly which: number;
}

/** A queue whose actions are carried out, and watched. */
class ObeyedQueue {
  readonly #maxActive = 2;
  readonly #disk = new Map<number, QueueItem>();
  readonly #running = new Set<number>();
  readonly #stopping = new Set<number>();
  #queue = new DownloadQueue({ maxActive: this.#maxActive });

  step({ do: what, which }: Step): void {
    if (what === "add") this.#obey(this.#queue.add([request(String(which))], 0).actions);
    else if (what === "done") this.#end(which, DONE);
    else if (what === "fail") this.#end(which, FAILED);
    else if (what === "stopped") this.#end(which, STOPPED);
    else if (what === "crash") {
      this.#running.clear();
      this.#stopping.clear();
      this.#queue = new DownloadQueue({ maxActive: this.#maxActive, items: this.#disk.values() });
      this.#obey(this.#queue.begin(0));
    } else this.#obey(this.#queue.wish(which, what, 0));
  }

  check(): void {
    const { active, items, over, waiting } = this.#queue;
    const running = this.#running.size;
    assertEquals([...this.#running].sort(), active.map(({ id }) => id).sort());
    assert(running <= this.#maxActive);
    assert(running === this.#maxActive || waiting.every((item) => this.#hasTwin(item)));
    const all = [...items];
    const byId = (a: QueueItem, b: QueueItem) => a.id - b.id;
    assertEquals(all.toSorted(byId), [...this.#disk.values()].toSorted(byId));
    assertEquals(over.length, all.filter(({ state }) => isOver(state)).length);
    assertEquals(waiting.length, all.filter(({ state }) => state.kind === "queued").length);
  }

  #hasTwin({ request: { key } }: QueueItem): boolean {
    return this.#queue.active.some(({ request }) => request.key === key);
  }

  #obey(actions: readonly QueueAction[] | undefined): void {
    for (const action of actions ?? []) {
      if (action.type === "save") this.#disk.set(action.item.id, action.item);
      else if (action.type === "forget") this.#disk.delete(action.id);
      else if (action.type === "discard") {
        const { key } = action.item.request;
        assert(![...this.#disk.values()].some((item) => item.request.key === key && !isOver(item.state)));
      } else if (action.type === "stop") {
        assert(this.#running.has(action.id) && !this.#stopping.has(action.id));
        this.#stopping.add(action.id);
      } else this.#start(action.item);
    }
  }

  #start({ id, place, request: { key } }: QueueItem): void {
    assert(!this.#running.has(id));
    assert(![...this.#running].some((running) => this.#disk.get(running)?.request.key === key));
    const passedOver = this.#queue.waiting.filter((item) => item.place < place);
    assert(passedOver.every((item) => this.#hasTwin(item)));
    this.#running.add(id);
  }

  #end(which: number, outcome: Outcome): void {
    const id = [...outcome.kind === "stopped" ? this.#stopping : this.#running][which % 3];
    if (id === undefined) return;
    this.#running.delete(id);
    this.#stopping.delete(id);
    this.#obey(this.#queue.ended(id, outcome, 0));
  }
}

Deno.test("whatever is asked in whatever order: no download is lost, twice, out of turn or too many", () => {
  const step = fc.record<Step>({ do: fc.constantFrom(...STEPS), which: fc.nat(12) });
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const queue = new ObeyedQueue();
    for (const each of steps) {
      queue.step(each);
      queue.check();
    }
  }));
});
