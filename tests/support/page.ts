import { assertEquals } from "@std/assert";
import { type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import dropFiles from "../browser/drop_files.js" with { type: "text" };
import { assets } from "../../web/assets.ts";
import { testServer } from "./upload_server.ts";

/** Chromium's words for a server without events, which the page finds out by asking. */
const NO_EVENTS = /404 .*\/api\/events$/;

/** Options of {@linkcode withBrowser}. */
export interface BrowserOptions {
  readonly context?: BrowserContextOptions;
  /** Errors in the console that belong to the test. */
  readonly expected?: RegExp;
}

/** Runs a test in a fresh browser, whose tabs share storage; what a page complains about fails it. */
export async function withBrowser(
  test: (
    openTab: (url: string, prepare?: (page: Page) => Promise<unknown>) => Promise<Page>,
  ) => Promise<void>,
  { context = {}, expected = /401/ }: BrowserOptions = {},
): Promise<void> {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const complaints: string[] = [];
  try {
    const tabs = await browser.newContext(context);
    await test(async (url, prepare = () => Promise.resolve()) => {
      const page = await tabs.newPage();
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        const text = `${message.text()} ${message.location().url}`;
        if (message.type() === "error" && !expected.test(text) && !NO_EVENTS.test(text)) {
          complaints.push(text);
        }
      });
      page.on("request", (request) => {
        const { host, protocol } = new URL(request.url());
        if (host !== new URL(url).host && protocol !== "data:") complaints.push(request.url());
      });
      page.setDefaultTimeout(20_000);
      await prepare(page);
      await page.goto(url);
      return page;
    });
    assertEquals(complaints, []);
  } finally {
    await browser.close();
  }
}

/** Runs a test on the page of a server of its own. */
export async function withPage(
  test: (page: Page, server: Awaited<ReturnType<typeof testServer>>) => Promise<void>,
  options: Parameters<typeof testServer>[0] = {},
): Promise<void> {
  await using server = await testServer({ page: assets, ...options });
  await withBrowser(async (openTab) => await test(await openTab(server.url), server));
}

/** Drops files of random bytes, sizes by name, and returns their digests by name. */
export async function drop(
  page: Page,
  sizes: Readonly<Record<string, number>>,
): Promise<Record<string, string>> {
  const script = dropFiles.replace(/;\s*$/, "");
  return await page.evaluate<Record<string, string>>(`(${script})(${JSON.stringify(sizes)})`);
}

/** The row of an upload, in a state if one is named. */
export function row(page: Page, name: string, state = ""): Locator {
  const wanted = state === "" ? "" : `[data-state="${state}"]`;
  return page.locator(`[data-testid="upload-row"][data-name=${JSON.stringify(name)}]${wanted}`);
}
