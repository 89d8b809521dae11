/** The page of the tracker, as a person uses it. */

import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import type { startTracker } from "../../protocols/tracker/server.ts";
import { chatAssets } from "../../web/chat_assets.ts";
import { type TestTracker, testTracker } from "./tracker.ts";

type Options = Partial<Parameters<typeof startTracker>[0]>;

/** Runs a test with a tracker that has the page, and has no errors. */
export async function withTracker(
  test: (tracker: TestTracker) => Promise<void>,
  options: Options = {},
): Promise<void> {
  await using tracker = await testTracker({
    page: chatAssets,
    rates: { perAddress: 0, perPeer: 0 },
    ...options,
  });
  await test(tracker);
  assertEquals(tracker.errors, []);
}

/** Opens the page and enters under a name. */
export async function enter(page: Page, name: string): Promise<void> {
  await page.locator("#name-input").fill(name);
  await page.keyboard.press("Enter");
  await page.locator('body[data-connected="true"]').waitFor();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.locator("#input").fill(text);
  await page.keyboard.press("Enter");
}

export function message(page: Page, text: string) {
  return page.locator(".message[data-id]", { has: page.getByText(text, { exact: true }) });
}

export function button(page: Page, list: "channels" | "directs" | "members", name: string) {
  return page.locator(`#${list} button`, { has: page.getByText(name, { exact: true }) });
}

/** A peer that knows the plain protocol alone. */
export async function plainPeer(
  tracker: TestTracker,
  peer_id: string,
): Promise<(channel: string, message: string) => Promise<void>> {
  await tracker.post("/submit-info", { peer_id, ip: "127.0.0.1", port: 9 });
  return async (channel, message) => {
    await tracker.post("/add-list", { peer_id, channel });
    assertEquals((await tracker.post("/broadcast-peer", { peer_id, channel, message })).status, 200);
  };
}
