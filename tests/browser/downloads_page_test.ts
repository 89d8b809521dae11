import { assert, assertEquals } from "@std/assert";
import type { Locator, Page } from "playwright-core";
import { assets } from "../../web/assets.ts";
import { filesBelow } from "../support/bytes.ts";
import {
  type DownloadServer,
  type DownloadServerOptions,
  startDownloadServer,
} from "../support/download_server.ts";
import { ORIGIN_BYTES, startOrigin } from "../support/origin.ts";
import { withBrowser } from "../support/page.ts";
import { stillDownload } from "../support/still_download.ts";
import { tempDir } from "../support/temp_dir.ts";

type Test = (page: Page, server: DownloadServer) => Promise<void>;

async function withDownloads(
  test: Test,
  { side = {}, server: options = {}, expected = /401/ }: Omit<DownloadServerOptions, "dir"> & {
    readonly expected?: RegExp;
  } = {},
): Promise<void> {
  await using dir = await tempDir();
  await using server = await startDownloadServer({
    dir: dir.path,
    side: { maxActive: 1, ...side },
    server: { page: assets, ...options },
  });
  await withBrowser(async (openTab) => await test(await openTab(`${server.server.url}/downloads`), server), {
    expected,
  });
}

/** The row of a URL, in a state if one is named. */
function row(page: Page, url: string, state = ""): Locator {
  const wanted = state === "" ? "" : `[data-state="${state}"]`;
  return page.locator(`[data-testid="download-row"][data-url=${JSON.stringify(url)}]${wanted}`);
}

async function add(page: Page, ...urls: readonly string[]): Promise<void> {
  await page.locator("#urls").fill(urls.join("\n"));
  await page.keyboard.press("Enter");
}

Deno.test("URLs are pasted, wait, load and become links", async () => {
  await using origin = startOrigin();
  await withDownloads(async (page, server) => {
    const [first, second] = [`${origin.url}/held/a b.bin`, `${origin.url}/files/%C3%A9.bin`];
    await add(page, first, second);
    await row(page, first, "active").waitFor();
    await row(page, second, "queued").waitFor();
    assertEquals(await page.locator("#urls").inputValue(), "");
    await row(page, first).locator(".percent-figure", { hasText: "33" }).waitFor();
    origin.release();
    await row(page, first, "done").waitFor();
    const link = row(page, second, "done").getByRole("link");
    assertEquals(await link.textContent(), "é.bin");
    const [saved] = await Promise.all([page.waitForEvent("download"), link.click()]);
    assertEquals(await Deno.readFile(await saved.path()), ORIGIN_BYTES);
    assertEquals(await filesBelow(server.files), ["a b.bin", "é.bin"]);
  });
});

Deno.test("a download is paused, resumed, cancelled, tried again and removed", async () => {
  await using origin = startOrigin();
  await withDownloads(async (page, server) => {
    const url = `${origin.url}/held/a.bin`;
    await add(page, url);
    const press = (state: string, action: string) =>
      row(page, url, state).locator(`[data-action="${action}"]`).click();
    await press("active", "pause");
    await press("paused", "resume");
    await press("active", "cancel");
    await press("cancelled", "retry");
    origin.release();
    await row(page, url, "done").waitFor();
    await press("done", "remove");
    await row(page, url).waitFor({ state: "detached" });
    assertEquals(await page.locator("body").getAttribute("data-stage"), "empty");
    assertEquals(await filesBelow(server.files), ["a.bin"]);
  });
});

Deno.test("all is paused, resumed and cleared at once", async () => {
  await using origin = startOrigin();
  await withDownloads(async (page) => {
    const urls = [1, 2, 3].map((n) => `${origin.url}/held/${n}.bin`);
    await add(page, ...urls);
    await row(page, urls[2] ?? "", "queued").waitFor();
    await page.locator("#pause-all").click();
    for (const url of urls) await row(page, url, "paused").waitFor();
    await page.locator('#pause-all[data-action="resume-all"]').click();
    origin.release();
    for (const url of urls) await row(page, url, "done").waitFor();
    await page.locator("#clear").click();
    for (const url of urls) await row(page, url).waitFor({ state: "detached" });
  });
});

Deno.test("a loading file has a map of its blocks and a lane for each connection", async () => {
  await withDownloads(async (page) => {
    const url = "http://files.example/x.iso";
    await add(page, url);
    const loading = row(page, url, "active");
    const map = loading.getByRole("img");
    await map.waitFor();
    assertEquals(
      await map.getAttribute("aria-label"),
      "55\u00a0% of debian-13.2.0-amd64-netinst-with-firmware.iso, 5\u00a0connections",
    );
    assertEquals(await loading.locator(".lane").count(), 5);
    const there = await map.locator(".there").evaluateAll((rects) =>
      rects.map((rect) => [rect.getAttribute("x"), rect.getAttribute("width")])
    );
    assertEquals(there[0], ["0.00", "147.62"]);
    assertEquals(there.length, 6);
    await loading.locator('[data-action="cancel"]').click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel and delete" }).click();
    await row(page, url, "cancelled").waitFor();
  }, {
    side: {
      fetch: (item) => Promise.resolve(stillDownload(item)),
      check: () => Promise.resolve({ kind: "file" }),
    },
  });
});

Deno.test("what another client asks for appears, and what it does is seen", async () => {
  await using origin = startOrigin();
  await withDownloads(async (page, server) => {
    const url = `${origin.url}/held/a.bin`;
    await page.locator('body[data-connected="true"]').waitFor();
    const ask = async (path: string, method: string, body?: string) => {
      const response = await fetch(server.api + path, { method, ...(body === undefined ? {} : { body }) });
      await response.body?.cancel();
    };
    await ask("", "POST", JSON.stringify({ urls: [url] }));
    await row(page, url, "active").waitFor();
    await ask("/1/pause", "POST");
    await row(page, url, "paused").waitFor();
    await ask("/1", "DELETE");
    await ask("/1", "DELETE");
    await row(page, url).waitFor({ state: "detached" });
  });
});

Deno.test("a URL that can't be taken is told, and stays to be mended", async () => {
  await withDownloads(async (page) => {
    await add(page, "ftp://host/a");
    await page.locator("#notice", { hasText: "ftp://host/a" }).waitFor();
    assertEquals(await page.locator("#urls").inputValue(), "ftp://host/a");
  }, { expected: /status of 400/ });
});

Deno.test("a failure is shown with its reason, as text", async () => {
  await using origin = startOrigin();
  await withDownloads(async (page) => {
    const url = `${origin.url}/<img src=x onerror=document.title='hacked'>`;
    await add(page, encodeURI(url));
    const failed = row(page, encodeURI(url), "failed");
    await failed.getByText("The server answered 404").waitFor();
    assertEquals(await page.locator("img").count(), 0);
    assert(!(await page.title()).includes("hacked"));
  });
});

Deno.test("name and checksum go with one URL", async () => {
  await using origin = startOrigin();
  await withDownloads(async (page, server) => {
    await page.locator(".more summary").click();
    await page.locator("#name").fill("other name.bin");
    await add(page, `${origin.url}/files/a.bin`);
    await row(page, `${origin.url}/files/a.bin`, "done").waitFor();
    assertEquals(await filesBelow(server.files), ["other name.bin"]);
  });
});

Deno.test("a server with a token asks for it once, and it stays out of URLs", async () => {
  await using origin = startOrigin();
  await withDownloads(async (page) => {
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.locator('input[type="password"]').fill("open-sesame");
    await page.keyboard.press("Enter");
    await page.locator('body[data-connected="true"]').waitFor();
    const url = `${origin.url}/files/a.bin`;
    await add(page, url);
    await row(page, url, "done").waitFor();
    assertEquals(asked.filter((each) => each.includes("sesame")), []);
  }, { server: { token: "open-sesame" } });
});

Deno.test("the page goes on when the server is back", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  const url = `${origin.url}/held/a.bin`;
  const options = { dir: dir.path, server: { page: assets } };
  await withBrowser(async (openTab) => {
    const before = await startDownloadServer(options);
    const { port } = before.server.server;
    const page = await openTab(`${before.server.url}/downloads`);
    await add(page, url);
    await row(page, url, "active").waitFor();
    await before[Symbol.asyncDispose]();
    await page.locator("#lost").waitFor();
    await using _after = await startDownloadServer({ ...options, server: { ...options.server, port } });
    const connected = page.locator('body[data-connected="true"]').waitFor();
    // It may be back by itself before the button is pressed.
    await Promise.any([page.locator("#try-now").click(), connected]);
    await connected;
    origin.release();
    await row(page, url, "done").waitFor();
  }, { expected: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/ });
});

Deno.test("a thousand downloads are listed in part, and the rest is counted", async () => {
  await withDownloads(async (page) => {
    await add(page, ...Array.from({ length: 1000 }, (_, i) => `http://files.example/${i}.bin`));
    await page.getByText("999 waiting").waitFor();
    assertEquals(await page.locator("#waiting .row").count(), 100);
    assertEquals(await page.locator("#waiting .beyond").textContent(), "+899\u00a0more downloads");
    await page.locator("#pause-all").click();
    await page.getByText("1,000 paused").waitFor();
  }, {
    side: {
      fetch: (item) => Promise.resolve(stillDownload(item)),
      check: () => Promise.resolve({ kind: "file" }),
    },
  });
});

Deno.test("nothing overflows a narrow screen", async () => {
  await withDownloads(async (page) => {
    await page.setViewportSize({ width: 320, height: 700 });
    await add(page, `http://files.example/${"long-name-".repeat(30)}.iso`);
    await page.locator(".lane").first().waitFor();
    const [width, scroll] = await page.evaluate<[number, number]>(
      "[document.documentElement.clientWidth, document.documentElement.scrollWidth]",
    );
    assertEquals(scroll, width);
  }, {
    side: {
      fetch: (item) => Promise.resolve(stillDownload(item)),
      check: () => Promise.resolve({ kind: "file" }),
    },
  });
});
