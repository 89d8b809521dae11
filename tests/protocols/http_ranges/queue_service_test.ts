import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import type { QueueItem } from "../../../protocols/http_ranges/queue_item.ts";
import {
  type DownloadEvent,
  QueueService,
  type QueueServiceOptions,
} from "../../../protocols/http_ranges/queue_service.ts";
import { QueueStore } from "../../../protocols/http_ranges/queue_store.ts";
import type { DownloadView } from "../../../protocols/http_ranges/queue_view.ts";
import { TextCommands } from "../../../protocols/http_ranges/text_commands.ts";
import { stillDownload } from "../../support/still_download.ts";
import { tempDir } from "../../support/temp_dir.ts";

interface Fixture extends AsyncDisposable {
  readonly service: QueueService;
  readonly store: QueueStore;
  readonly events: readonly DownloadEvent[];
  /** URLs that were begun, in order. */
  readonly begun: readonly string[];
  /** Settles when an item is told that is as wanted. */
  told(wanted: (item: DownloadView) => boolean): Promise<void>;
}

/** A queue whose downloads stand still until they are told to stop. */
function open(path: string, options: Partial<QueueServiceOptions> = {}): Fixture {
  const events: DownloadEvent[] = [];
  const begun: string[] = [];
  const waiting: { readonly wanted: (item: DownloadView) => boolean; readonly done: () => void }[] = [];
  const store = new QueueStore(path);
  const service = new QueueService({
    store,
    maxActive: 1,
    fetch: (item) => {
      begun.push(item.request.url);
      return Promise.resolve(stillDownload(item));
    },
    check: () => Promise.resolve({ kind: "file" }),
    discard: () => Promise.resolve(),
    leftovers: () => Promise.resolve([]),
    tidy: () => Promise.resolve(),
    onEvent: (event) => void events.push(event),
    onChange: (items) => {
      for (const { wanted, done } of waiting) if (items.some(wanted)) done();
    },
    ...options,
  });
  return {
    service,
    store,
    events,
    begun,
    told: (wanted) => new Promise((done) => waiting.push({ wanted, done })),
    async [Symbol.asyncDispose]() {
      await service.close();
      store[Symbol.dispose]();
    },
  };
}

function request(name: string): QueueItem["request"] {
  const url = `http://host/${name}`;
  return { url, key: url, name: undefined, sha256: undefined, isChecked: true };
}

Deno.test("a download is not begun anew before what it has left is deleted", async () => {
  await using dir = await tempDir();
  const { promise: deleted, resolve: finishDeleting } = Promise.withResolvers<void>();
  await using queue = open(join(dir.path, "q.db"), { discard: () => deleted });
  const { service } = queue;
  await service.add([request("a")]);
  const stopped = queue.told(({ state, received }) => state === "cancelled" && received === 0);
  await service.wish(1, "cancel");
  await stopped;
  const restarted = queue.told(({ threads }) => threads === 5);
  await service.wish(1, "retry");
  await service.add([request("b")]);
  assertEquals(queue.begun, ["http://host/a"]);
  finishDeleting();
  await restarted;
  assertEquals(queue.begun, ["http://host/a", "http://host/a"]);
});

Deno.test("a stop of the server changes nothing about what was under way", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "q.db");
  {
    await using queue = open(path);
    await queue.service.add([request("a"), request("b")]);
    await queue.service.close();
    assertEquals(queue.events.map(({ type }) => type), ["queued", "queued", "started", "stopped"]);
  }
  {
    using store = new QueueStore(path);
    assertEquals(store.load().map(({ state }) => state.kind), ["active", "queued"]);
  }
  await using again = open(path);
  await again.told(({ threads }) => threads === 5);
  assertEquals(again.begun, ["http://host/a"]);
});

Deno.test("what fails because the server stops goes on with the next one", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "q.db");
  {
    const { promise: cut, reject } = Promise.withResolvers<never>();
    await using queue = open(path, { fetch: () => cut });
    await queue.service.add([request("a")]);
    queueMicrotask(() => reject(new Error("Connection reset")));
    await queue.service.close();
  }
  await using again = open(path);
  await again.told(({ threads }) => threads === 5);
  assertEquals(again.begun, ["http://host/a"]);
});

Deno.test("a file is known to be done before what tells so after a crash is removed", async () => {
  await using dir = await tempDir();
  const { promise: known, resolve } = Promise.withResolvers<readonly QueueItem[]>();
  const queue = open(join(dir.path, "q.db"), {
    fetch: async (item, onPublished) => {
      await onPublished({ path: "/files/a", bytes: 5, sha256: "ab" });
      resolve(queue.store.load());
      return stillDownload(item);
    },
  });
  await using _ended = queue;
  await queue.service.add([request("a")]);
  assertEquals((await known).map(({ state, headway }) => [state.kind, headway.size]), [["done", 5]]);
  assertEquals(queue.events.map(({ type }) => type), ["queued", "started", "done"]);
});

Deno.test("another download of a URL begins once the one before it has tidied up", async () => {
  await using dir = await tempDir();
  const { promise: tidied, resolve: tidyUp } = Promise.withResolvers<void>();
  const begun: number[] = [];
  await using queue = open(join(dir.path, "q.db"), {
    maxActive: 2,
    fetch: async (item, onPublished) => {
      begun.push(item.id);
      if (item.id !== 1) return stillDownload(item);
      await onPublished({ path: "/files/a", bytes: 5, sha256: "ab" });
      await tidied;
      const download = stillDownload(item);
      download.cancel(false);
      return download;
    },
  });
  const isBegun = (id: number) => queue.told((item) => item.id === id && item.threads === 5);
  const [second, third] = [isBegun(2), isBegun(3)];
  await queue.service.add([request("a"), { ...request("a"), sha256: "ff" }, request("b")]);
  await third;
  assertEquals(begun, [1, 3]);
  tidyUp();
  await second;
  assertEquals(begun, [1, 3, 2]);
});

Deno.test("what files that are done have left is removed, and of nothing else", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "q.db");
  {
    await using queue = open(path, {
      fetch: async (item, onPublished) => {
        if (item.id === 1) await onPublished({ path: "/files/a", bytes: 5, sha256: "ab" });
        return stillDownload(item);
      },
    });
    const begun = queue.told(({ id, threads }) => id === 2 && threads === 5);
    await queue.service.add([request("a"), request("b")]);
    await begun;
  }
  const { promise: tidied, resolve } = Promise.withResolvers<string>();
  await using _again = open(path, {
    leftovers: () => Promise.resolve(["http://elsewhere/", "http://host/b", "http://host/a"]),
    tidy: ({ request: { url } }) => Promise.resolve(resolve(url)),
  });
  assertEquals(await tidied, "http://host/a");
});

Deno.test("what can't be stored is told, is not said to be, and is stored later", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "q.db");
  await using queue = open(path);
  const { service, store } = queue;
  const write = store.write.bind(store);
  store.write = () => {
    throw new Error("database or disk is full");
  };
  await assertRejects(() => service.add([request("a")]), Error, "disk is full");
  assertEquals(queue.events.some(({ type }) => type === "unsaved"), true);
  store.write = write;
  // Asked once more it is still one download.
  await service.add([request("a"), request("b")]);
  assertEquals(store.load().map(({ request: { url } }) => url), ["http://host/a", "http://host/b"]);
});

Deno.test("a download that can't even begin has failed, and the next one begins", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, "q.db");
  await using queue = open(path, {
    fetch: (item) => {
      if (item.id === 1) return Promise.reject(new Error("The directory can't be made"));
      return Promise.resolve(stillDownload(item));
    },
  });
  const begun = queue.told(({ id, threads }) => id === 2 && threads === 5);
  await queue.service.add([request("a"), request("b")]);
  await begun;
  const [failed] = queue.service.over;
  assertEquals(failed?.state.kind === "failed" && failed.state.reason, "The directory can't be made");
});

Deno.test("what several clients ask for within one turn costs one transaction", async () => {
  await using dir = await tempDir();
  await using queue = open(join(dir.path, "q.db"));
  const { service, store } = queue;
  const write = store.write.bind(store);
  let writes = 0;
  store.write = (changes) => {
    writes++;
    write(changes);
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => service.add([request(String(i))])));
  assertEquals([writes, store.load().length], [1, 100]);
});

Deno.test("a client that is ahead of its checks, or of its reading, is not read on", async () => {
  await using dir = await tempDir();
  await using queue = open(join(dir.path, "q.db"));
  for (const slow of ["check", "send"] as const) {
    const { promise: waited, resolve: goOn } = Promise.withResolvers<void>();
    const client = new TextCommands({
      service: queue.service,
      check: async () => {
        if (slow === "check") await waited;
        return { kind: "page" };
      },
      send: () => slow === "send" ? waited : Promise.resolve(),
    });
    await client.message("start");
    let taken = 0;
    const flood = (async () => {
      for (let i = 0; i < 200; i++, taken++) await client.message(`http://host/${i}`);
    })();
    // Whatever can be taken without the one that is waited for has been, once this has gone round.
    for (let turn = 0; turn < 20; turn++) await queue.service.add([request("x")]);
    assert(taken < 100, `${taken} taken while waiting for ${slow}`);
    goOn();
    await flood;
    assertEquals(taken, 200);
    client.close();
  }
});
