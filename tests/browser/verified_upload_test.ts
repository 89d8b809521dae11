import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { Page } from "playwright-core";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { foreignServer } from "../support/foreign_server.ts";
import { drop, row, withBrowser, withPage } from "../support/page.ts";
import { startServer } from "../support/program.ts";
import { testServer } from "../support/upload_server.ts";
import { assets } from "../../web/assets.ts";

const MIB = 1024 * 1024;
/** Chromium's words for a server that is away. */
const NO_CONNECTION = /ERR_CONNECTION_(REFUSED|RESET)/;

/** A directory of its own for what a test keeps; gone with it. */
async function tempDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "transfer-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** The page's files with one of them changed. */
function changed(path: string, change: { readonly from: string; readonly to: string }): typeof assets {
  const asset = assets.get(path);
  assert(asset !== undefined && asset.body.includes(change.from), path);
  return new Map([...assets, [path, { ...asset, body: asset.body.replace(change.from, change.to) }]]);
}

/** What the server says of an upload. */
interface Heard {
  readonly event: string;
  readonly offset: number;
}

/** Listens to what the server says on the page's sockets from now on. */
function listen(page: Page): {
  /** The offsets of the answers to `start`. */
  readonly startedAt: readonly number[];
  /** Waits for a message; one at a time. */
  until(fits: (message: Heard) => boolean): Promise<void>;
} {
  const startedAt: number[] = [];
  let told = (_: Heard) => {};
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => {
      const message: Heard = JSON.parse(String(payload));
      if (message.event === "start-ack") startedAt.push(message.offset);
      told(message);
    }));
  return {
    startedAt,
    until: (fits) => new Promise((resolve) => told = (message) => fits(message) && resolve()),
  };
}

const stored = (bytes: number) => ({ event, offset }: Heard) => event === "progress" && offset >= bytes;

Deno.test("a file is published and said to be verified when both digests are the same", async () => {
  await withPage(async (page, server) => {
    const sizes = { "empty.bin": 0, "odd.bin": 5 * MIB + 77 };
    const digests = await drop(page, sizes);
    for (const name of Object.keys(sizes)) {
      assertEquals(await row(page, name, "done").locator(".state").textContent(), "Stored, verified");
      assertEquals(sha256(await Deno.readFile(join(server.dir, name))), digests[name]);
    }
  });
});

Deno.test("nothing is published when the page has another digest", async () => {
  const page = changed("/sha256.js", { from: "0x428a2f98", to: "0x428a2f99" });
  await withPage(async (page, server) => {
    await drop(page, { "odd.bin": MIB });
    const words = await row(page, "odd.bin", "failed").locator(".state").textContent();
    assertMatch(words ?? "", /SHA-256/);
    assertEquals(await filesBelow(server.dir), ["odd.bin.part", "odd.bin.part.journal"]);
  }, { page });
});

Deno.test("a frame whose CRC-32 does not fit is not stored", async () => {
  const page = changed("/crc32.js", { from: "0xedb88320", to: "0xedb88321" });
  await withPage(async (page, server) => {
    const refused = listen(page).until(({ event }) => event === "offset-mismatch");
    await drop(page, { "odd.bin": MIB });
    await Promise.race([refused, row(page, "odd.bin", "done").waitFor()]);
    assertEquals((await Deno.stat(join(server.dir, "odd.bin.part"))).size, 0);
  }, { page });
});

Deno.test("an upload goes on by itself after its server was killed and started again", async () => {
  await using files = await tempDir();
  await using received = await tempDir();
  const bytes = pseudoRandomBytes(96 * MIB);
  const path = join(files.path, "film.mkv");
  await Deno.writeFile(path, bytes);
  let server = await startServer(received.path);
  try {
    await withBrowser(async (openTab) => {
      const page = await openTab(`http://127.0.0.1:${server.port}/`);
      const seen = listen(page);
      await page.getByTestId("file-input").setInputFiles(path);
      await seen.until(stored(8 * MIB));
      await server.end("SIGKILL");
      server = await startServer(received.path, server.port);
      await row(page, "film.mkv", "done").waitFor();
      const [first, second = 0] = seen.startedAt;
      assertEquals(first, 0);
      assert(second >= 8 * MIB, `started again at ${seen.startedAt}`);
      assertEquals(sha256(await Deno.readFile(join(received.path, "film.mkv"))), sha256(bytes));
    }, { expected: NO_CONNECTION });
  } finally {
    await server.end("SIGKILL");
  }
});

Deno.test("a file that was edited behind the page's back starts over instead of being mixed", async () => {
  await using files = await tempDir();
  const path = join(files.path, "film.mkv");
  const bytes = pseudoRandomBytes(64 * MIB);
  const time = new Date(1_700_000_000_000);
  const write = async () => {
    await Deno.writeFile(path, bytes);
    await Deno.utime(path, time, time);
  };
  await write();
  await withPage(async (page, server) => {
    page.on("dialog", (dialog) => void dialog.accept());
    const seen = listen(page);
    await page.getByTestId("file-input").setInputFiles(path);
    await seen.until(stored(MIB));
    await row(page, "film.mkv", "uploading").locator('[data-action="pause"]').click();
    await row(page, "film.mkv", "paused").waitFor();
    await page.reload();
    // Of the same size and time: only the digest tells.
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await write();
    await page.getByTestId("file-input").setInputFiles(path);
    await row(page, "film.mkv", "done").waitFor();
    const [first, found = 0, ...later] = seen.startedAt;
    assertEquals([first, ...later], [0, 0]);
    assert(found >= MIB);
    assertEquals(await filesBelow(server.dir), ["film.mkv"]);
    assertEquals(sha256(await Deno.readFile(join(server.dir, "film.mkv"))), sha256(bytes));
  });
});

Deno.test("of two tabs with the same file the later one uploads it", async () => {
  await using files = await tempDir();
  const path = join(files.path, "film.mkv");
  const bytes = pseudoRandomBytes(64 * MIB);
  await Deno.writeFile(path, bytes);
  await using server = await testServer({ page: assets });
  await withBrowser(async (openTab) => {
    const [one, two] = [await openTab(server.url), await openTab(server.url)];
    const seen = listen(one);
    await one.getByTestId("file-input").setInputFiles(path);
    await seen.until(stored(4 * MIB));
    await two.getByTestId("file-input").setInputFiles(path);
    assertMatch(await row(one, "film.mkv", "failed").locator(".state").textContent() ?? "", /another tab/);
    await row(two, "film.mkv", "done").waitFor();
    assertEquals(await filesBelow(server.dir), ["film.mkv"]);
    assertEquals(sha256(await Deno.readFile(join(server.dir, "film.mkv"))), sha256(bytes));
  });
});

Deno.test("a browser without storage uploads all the same", async () => {
  await using server = await testServer({ page: assets });
  await withBrowser(async (openTab) => {
    const page = await openTab(server.url, (page) => {
      return page.addInitScript(() =>
        Object.defineProperty(globalThis, "localStorage", { value: undefined })
      );
    });
    await drop(page, { "small.bin": MIB });
    await row(page, "small.bin", "done").waitFor();
    assertEquals(await filesBelow(server.dir), ["small.bin"]);
  });
});

Deno.test("a plain server gets plain messages, and the page does not speak of verifying", async () => {
  await using server = await testServer({ page: assets });
  await using plain = foreignServer();
  await withBrowser(async (openTab) => {
    const page = await openTab(server.url, (page) =>
      page.addInitScript((ws) => {
        globalThis.WebSocket = class extends WebSocket {
          constructor() {
            super(ws);
          }
        };
      }, plain.ws));
    const digests = await drop(page, { "odd.bin": 5 * MIB + 77 });
    const words = await row(page, "odd.bin", "done").locator(".state").textContent();
    assertMatch(words ?? "", /^Stored as [^,]*odd\.bin$/);
    assertEquals([...plain.files.values()].map(sha256), [digests["odd.bin"]]);
    const actions = new Set(plain.messages.map(({ action }) => action));
    assertEquals([...actions], ["start", "chunk", "complete"]);
  }, { context: { bypassCSP: true } });
});
