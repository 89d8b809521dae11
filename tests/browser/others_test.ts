import { assert, assertEquals } from "@std/assert";
import type { Locator, Page, Request } from "playwright-core";
import type { SideService } from "../../protocols/ws_upload/side_service.ts";
import { filesBelow, sha256 } from "../support/bytes.ts";
import { ask, frame, sendFrames, startExtended } from "../support/extension_client.ts";
import { drop, row, withPage } from "../support/page.ts";
import { type PlainClient, plainClient } from "../support/plain_client.ts";

const SHARED = { shareList: true };
const BYTES = new Uint8Array(200_000).fill(7);

/** The row of somebody else's upload, in a state if one is named. */
function other(page: Page, name: string, state = ""): Locator {
  const wanted = state === "" ? "" : `[data-state="${state}"]`;
  return page.locator(`[data-testid="other-row"][data-name=${JSON.stringify(name)}]${wanted}`);
}

/** Starts a plain upload of `BYTES` and sends its first quarter. */
async function begin(client: PlainClient, fileId: string, fileName = `${fileId}.bin`): Promise<void> {
  await client.ask({ action: "start", fileId, fileName, fileSize: BYTES.length });
  await client.ask({ action: "chunk", fileId, offset: 0, data: BYTES.subarray(0, 50_000).toBase64() });
}

/** What a page asks for events from now on. */
function watchFeed(page: Page): { readonly requests: () => number; readonly ended: Promise<void> } {
  let requests = 0;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const about = (act: () => void) => (request: Request) => request.url().endsWith("/api/events") && act();
  page.on("request", about(() => requests++));
  page.on("requestfailed", about(resolve));
  page.on("requestfinished", about(resolve));
  return { requests: () => requests, ended };
}

Deno.test("what another client uploads is seen under way, paused, left alone and complete", async () => {
  await withPage(async (page, server) => {
    const name = "photos/summer at the lake.jpg";
    const client = await plainClient(server.ws);
    const upload = await startExtended(client, { fileId: "f", fileSize: BYTES.length, fileName: name });
    sendFrames(client, upload, { bytes: BYTES, to: 100_000 });
    const shown = other(page, name, "active");
    await shown.getByText("50\u00a0%", { exact: true }).waitFor();
    await shown.getByText("Uploading", { exact: true }).waitFor();
    assertEquals(await shown.locator(".name").textContent(), "summer at the lake.jpg");
    assertEquals(await shown.locator(".folder").textContent(), "photos");
    assertEquals(await shown.locator(".size").textContent(), "200\u00a0KB");
    assertEquals(await shown.getByRole("link").count(), 0);
    const region = page.getByRole("region", { name: "Also on this server" });
    const bar = region.getByRole("listitem").getByRole("progressbar", { name: "summer at the lake.jpg" });
    assertEquals(await bar.getAttribute("aria-valuenow"), "50");
    assertEquals(await bar.getAttribute("aria-valuetext"), "50\u00a0%, Uploading");
    // Another piece makes it a speed.
    client.sendBytes(frame(upload.ext.session, 100_000, BYTES.subarray(100_000, 120_000)));
    await shown.locator(".speed", { hasText: "/s" }).waitFor();

    await ask(client, { action: "pause", fileId: "f" });
    await other(page, name, "paused").getByText("Paused", { exact: true }).waitFor();
    client.close();
    await client.closed;
    await other(page, name, "orphaned").getByText("Waiting for its sender").waitFor();

    await using again = await plainClient(server.ws);
    const { resumeToken } = upload.ext;
    const resumed = await startExtended(again, {
      fileId: "f",
      fileSize: BYTES.length,
      fileName: name,
      resumeToken,
    });
    sendFrames(again, resumed, { bytes: BYTES, from: resumed.offset });
    await ask(again, { action: "complete", fileId: "f", sha256: sha256(BYTES) });
    const link = other(page, name, "done").getByRole("link", { name: "summer at the lake.jpg" });
    const [opened] = await Promise.all([page.context().waitForEvent("page"), link.click()]);
    await opened.waitForURL(`${server.url}/files/photos/summer%20at%20the%20lake.jpg`);
    await row(page, name).waitFor({ state: "detached" });
  }, SHARED);
});

Deno.test("what is deleted is taken off, and the section with the last", async () => {
  await withPage(async (page, server) => {
    await using client = await plainClient(server.ws);
    await begin(client, "a");
    await other(page, "a.bin", "active").waitFor();
    await client.ask({ action: "stop", fileId: "a" });
    await page.locator("#others").waitFor({ state: "hidden" });
  }, SHARED);
});

for (
  const [what, options] of [["has no events", {}], ["shares no uploads", { openSide: silentSide }]] as const
) {
  Deno.test(`a server that ${what} is asked for them once, and nothing is shown`, async () => {
    await withPage(async (page, server) => {
      await page.clock.install();
      await page.goto("about:blank");
      const feed = watchFeed(page);
      await page.goto(server.url);
      await feed.ended;
      await using client = await plainClient(server.ws);
      await begin(client, "a");
      await page.clock.runFor(30_000);
      await page.evaluate("dispatchEvent(new Event('online'))");
      await drop(page, { "mine.bin": 10 });
      await row(page, "mine.bin", "done").waitFor();
      assertEquals(feed.requests(), 1);
      assertEquals(await page.locator("#others").isVisible(), false);
    }, options);
  });
}

Deno.test("the page's own uploads are above alone, and one of that name and size by another client below", async () => {
  await withPage(async (page, server) => {
    await drop(page, { "a.bin": BYTES.length, "b.bin": 96 * 1024 * 1024, "small?.bin": 10 });
    await row(page, "a.bin", "done").waitFor();
    await row(page, "small?.bin", "done").waitFor();
    await row(page, "b.bin", "uploading").locator('[data-action="pause"]').click();
    await row(page, "b.bin", "paused").waitFor();
    await using client = await plainClient(server.ws);
    await begin(client, "a");
    await other(page, "a.bin", "active").waitFor();
    assertEquals(await page.getByTestId("other-row").count(), 1);
    await page.locator("#clear").click();
    await row(page, "a.bin").waitFor({ state: "detached" });
    await begin(client, "c");
    await other(page, "c.bin", "active").waitFor();
    assertEquals(await page.getByTestId("other-row").count(), 2);
    assertEquals((await filesBelow(server.dir)).includes("small_.bin"), true);
  }, SHARED);
});

Deno.test("names of others are shown as text", async () => {
  await withPage(async (page, server) => {
    const name = "<img src=x onerror=document.title='hacked'>\u200bgpj.exe";
    await using client = await plainClient(server.ws);
    await begin(client, "x", name);
    const title = page.getByTestId("other-row").locator(".name");
    await title.waitFor();
    assertEquals(await title.textContent(), "_img src=x onerror=document.title='hacked'_\ufffdgpj.exe");
    assertEquals(await page.locator("img").count(), 0);
    assert(!(await page.title()).includes("hacked"));
  }, SHARED);
});

Deno.test("a server with a token shows others after it was given", async () => {
  await withPage(async (page, server) => {
    await using client = await plainClient(server.ws, { headers: { Authorization: "Bearer open-sesame" } });
    await begin(client, "a");
    assertEquals(await page.locator("#others").isVisible(), false);
    await page.locator('input[type="password"]').fill("open-sesame");
    await page.keyboard.press("Enter");
    await other(page, "a.bin", "active").waitFor();
  }, { ...SHARED, token: "open-sesame" });
});

Deno.test("a tab that nobody sees does not follow, and catches up when it is seen", async () => {
  await withPage(async (page, server) => {
    await page.goto("about:blank");
    const feed = watchFeed(page);
    await Promise.all([page.waitForResponse(/\/api\/events$/), page.goto(server.url)]);
    const see = (state: string) =>
      page.evaluate(`
        Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      `);
    await see("hidden");
    await feed.ended;
    await using client = await plainClient(server.ws);
    await begin(client, "a");
    await see("visible");
    await other(page, "a.bin", "active").waitFor();
    assertEquals(feed.requests(), 2);
  }, SHARED);
});

Deno.test("a hundred rows are shown and the rest is counted, and the keyboard's place is kept", async () => {
  await withPage(async (page, server) => {
    await using client = await plainClient(server.ws);
    for (let i = 0; i < 120; i++) {
      await client.ask({ action: "start", fileId: `f${i}`, fileName: `${i}.bin`, fileSize: BYTES.length });
    }
    await page.locator("#others .beyond", { hasText: "and 20\u00a0more uploads" }).waitFor();
    assertEquals(await page.getByTestId("other-row").count(), 100);
    for (let i = 0; i < 6; i++) {
      await client.ask({ action: "start", fileId: `e${i}`, fileName: `e${i}`, fileSize: 0 });
      await client.ask({ action: "complete", fileId: `e${i}` });
      await other(page, `e${i}`, "done").waitFor();
      if (i === 0) await other(page, "e0").getByRole("link").focus();
    }
    await other(page, "e0").waitFor({ state: "detached" });
    assertEquals(
      await page.evaluate("document.activeElement.closest('#others') !== null"),
      true,
    );
  }, SHARED);
});

/** The other part of a server, where nothing happens. */
function silentSide(): SideService {
  return {
    connect: () => ({ message: () => Promise.resolve(), close: () => {} }),
    route: () => undefined,
    snapshot: () => ({ downloads: [] }),
    scrape: () => "",
    follow: () => {},
    close: () => Promise.resolve(),
  };
}
