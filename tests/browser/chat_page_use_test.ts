import { assertEquals } from "@std/assert";
import { button, enter, plainPeer, withTracker } from "../support/chat_page.ts";
import { withBrowser } from "../support/page.ts";

Deno.test("the keyboard does everything: rooms with Alt and arrows, Escape back to writing", async () => {
  await withTracker(async ({ url }) => {
    await withBrowser(async (openTab) => {
      const page = await openTab(url);
      await enter(page, "alice");
      await page.locator("#join-input").focus();
      await page.keyboard.type("zebra");
      await page.keyboard.press("Enter");
      await page.locator("#room-title", { hasText: "#zebra" }).waitFor();
      await page.keyboard.press("Alt+ArrowUp");
      await page.locator("#room-title", { hasText: "#general" }).waitFor();
      await page.locator("#log").focus();
      await page.keyboard.press("Escape");
      await page.keyboard.type("two");
      await page.keyboard.press("Shift+Enter");
      await page.keyboard.type("lines");
      await page.keyboard.press("Enter");
      assertEquals(await page.locator(".message[data-id] .text").textContent(), "two\nlines");
    });
  });
});

Deno.test("a phone shows one part at a time, and nothing overflows", async () => {
  await withTracker(async (tracker) => {
    const bob = await plainPeer(tracker, "bob");
    await withBrowser(async (openTab) => {
      const page = await openTab(tracker.url);
      await enter(page, "alice");
      await page.setViewportSize({ width: 320, height: 640 });
      for (let i = 0; i < 30; i++) await bob("general", `${"long-word-".repeat(40)}${i}`);
      await page.getByText("long-word-29").waitFor();
      const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth" +
        " + document.documentElement.scrollHeight - document.documentElement.clientHeight";
      assertEquals(await page.evaluate(overflow), 0);
      await page.locator("#show-members").click();
      await button(page, "members", "bob").click();
      await page.locator("#room-title", { hasText: "bob" }).waitFor();
      assertEquals(await page.locator("#input").isVisible(), true);
      await page.locator("#show-rooms").click();
      await button(page, "channels", "general").click();
      await page.getByText("long-word-29").waitFor();
    });
  });
});
