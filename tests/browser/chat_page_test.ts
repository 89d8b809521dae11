import { assert, assertEquals } from "@std/assert";
import { hashPassword } from "../../protocols/tracker/passwords.ts";
import { chatAssets } from "../../web/chat_assets.ts";
import { button, enter, message, plainPeer, say, withTracker } from "../support/chat_page.ts";
import { withBrowser } from "../support/page.ts";
import { tempDir } from "../support/temp_dir.ts";
import { testTracker } from "../support/tracker.ts";

Deno.test("two browsers talk in a channel and alone, and see who is there", async () => {
  await withTracker(async ({ url }) => {
    await withBrowser(async (openAlice) => {
      await withBrowser(async (openBob) => {
        const alice = await openAlice(url);
        await enter(alice, "alice");
        const bob = await openBob(url);
        await enter(bob, "bob");
        await button(alice, "members", "bob").waitFor();
        await say(alice, "Hello, Bob");
        await message(bob, "Hello, Bob").waitFor();
        assertEquals(await message(bob, "Hello, Bob").locator(".from").textContent(), "alice");
        await say(bob, "Hello, Alice");
        await message(alice, "Hello, Alice").waitFor();

        await button(bob, "members", "alice").click();
        await say(bob, "just between us");
        await button(alice, "directs", "bob").locator(".count", { hasText: "1" }).waitFor();
        await alice.getByText("just between us").waitFor({ state: "detached" });
        await button(alice, "directs", "bob").click();
        await message(alice, "just between us").waitFor();
        await alice.locator("#directs .unread").waitFor({ state: "detached" });
        assertEquals(await message(alice, "just between us").count(), 1);
        assertEquals(await message(bob, "just between us").count(), 1);
      });
    });
  });
});

Deno.test("unread messages are counted by channel, in the title, and again after a reload", async () => {
  await withTracker(async (tracker) => {
    const bob = await plainPeer(tracker, "bob");
    await withBrowser(async (openTab) => {
      const page = await openTab(tracker.url);
      await enter(page, "alice");
      await page.locator("#join-input").fill("deploys");
      await page.keyboard.press("Enter");
      await page.locator("#room-title", { hasText: "#deploys" }).waitFor();
      await bob("general", "one");
      await bob("general", "two");
      await button(page, "channels", "general").locator(".count", { hasText: "2" }).waitFor();
      assertEquals(await page.title(), "(2) #deploys · transfer");
      await page.goto("about:blank");
      await bob("general", "while you were away");
      await page.goto(tracker.url);
      await button(page, "channels", "general").locator(".count", { hasText: "3" }).waitFor();
      await button(page, "channels", "general").click();
      await message(page, "while you were away").waitFor();
      assertEquals(await page.locator(".missed").count(), 1);
      const afterMark = page.locator(".missed + .message .text");
      assertEquals(await afterMark.textContent(), "one");
      await page.locator("#channels .unread").waitFor({ state: "detached" });
    });
  });
});

Deno.test("history comes as one scrolls up, each message once and in order", async () => {
  await withTracker(async (tracker) => {
    const bob = await plainPeer(tracker, "bob");
    for (let i = 0; i < 250; i++) await bob("general", `line ${i}`);
    await withBrowser(async (openTab) => {
      const page = await openTab(tracker.url);
      await enter(page, "alice");
      await message(page, "line 249").waitFor();
      assertEquals(await page.locator(".message").count(), 100);
      const log = page.locator("#log");
      await log.evaluate((element) => element.scrollTop = 0);
      await page.locator(".message").nth(199).waitFor();
      await log.evaluate((element) => element.scrollTop = 0);
      await page.locator(".begin", { hasText: "begins" }).waitFor();
      const texts = await page.locator(".message .text").allTextContents();
      assertEquals(texts, Array.from({ length: 250 }, (_, i) => `line ${i}`));
    });
  });
});

Deno.test("text is text: markup, escapes and characters that turn the order around do nothing", async () => {
  await withTracker(async (tracker) => {
    const bob = await plainPeer(tracker, "bob");
    await withBrowser(async (openTab) => {
      const page = await openTab(tracker.url);
      await enter(page, "alice");
      await bob(
        "general",
        "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>",
      );
      await bob("general", "safe\u202egpj.exe\u001b[2J\nsecond");
      await page.getByText("onerror").waitFor();
      assertEquals(await page.locator("#log img, #log script").count(), 0);
      const [, last] = await page.locator(".message .text").allTextContents();
      assertEquals(last, "safe\ufffdgpj.exe\ufffd[2J\nsecond");
      assert(!(await page.title()).includes("hacked"));
      const policy = (await page.request.get(tracker.url)).headers()["content-security-policy"] ?? "";
      assert(policy.includes("default-src 'none'") && policy.includes("script-src 'self'"), policy);
    });
  });
});

Deno.test("the page goes on where it was when the tracker is back, and a message that failed is sent again", async () => {
  await using dir = await tempDir();
  const options = { page: chatAssets, db: `${dir.path}/chat.db`, rates: { perAddress: 0, perPeer: 0 } };
  await withBrowser(async (openTab) => {
    const before = await testTracker(options);
    const page = await openTab(before.url);
    await enter(page, "alice");
    await say(page, "first");
    await message(page, "first").waitFor();
    await before[Symbol.asyncDispose]();
    await page.locator("#lost").waitFor();
    await say(page, "into the void");
    await page.locator('.message[data-state="failed"]').waitFor();
    await using after = await testTracker({ ...options, port: before.port });
    await (await plainPeer(after, "bob"))("general", "while it was down");
    await page.locator("#try-now").click();
    await message(page, "while it was down").waitFor();
    await page.locator('[data-state="failed"] .again').click();
    await message(page, "into the void").waitFor();
    assertEquals(await page.locator(".message .text").allTextContents(), [
      "first",
      "while it was down",
      "into the void",
    ]);
  }, { expected: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/ });
});

Deno.test("with users one logs in, is called so, and logs out", async () => {
  const users = new Map([["alice", await hashPassword("correct horse")]]);
  await withTracker(async ({ url }) => {
    await withBrowser(async (openTab) => {
      const page = await openTab(url);
      await page.locator("#username").fill("alice");
      await page.locator("#password").fill("wrong");
      await page.keyboard.press("Enter");
      await page.locator("#login-problem", { hasText: "wrong" }).waitFor();
      // The password is chosen, to be typed over.
      await page.keyboard.type("correct horse");
      await page.keyboard.press("Enter");
      await page.locator('body[data-connected="true"]').waitFor();
      assertEquals(await page.locator("#me").textContent(), "alice");
      await say(page, "mine");
      await message(page, "mine").waitFor();
      await page.locator("#log-out").click();
      await page.locator("#login-panel").waitFor();
      assertEquals(await page.locator(".chat").isVisible(), false);
    });
  }, { users });
});

Deno.test("a tracker with a token asks for it, and it stays out of URLs", async () => {
  await withTracker(async ({ url }) => {
    await withBrowser(async (openTab) => {
      const page = await openTab(url);
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      await page.locator("#token-input").fill("open-sesame");
      await page.keyboard.press("Enter");
      await enter(page, "alice");
      await say(page, "inside");
      await message(page, "inside").waitFor();
      assertEquals(asked.filter((each) => each.includes("sesame")), []);
    });
  }, { token: "open-sesame" });
});

Deno.test("what is wrong with a name, a channel or a message is said in words for people", async () => {
  await withTracker(async ({ url }) => {
    await withBrowser(async (openTab) => {
      const page = await openTab(url);
      await page.locator("#name-input").fill("<b>");
      await page.keyboard.press("Enter");
      await page.locator("#name-problem", { hasText: /^A name may have letters, .*\.$/ }).waitFor();
      await enter(page, "alice");
      await page.locator("#join-input").fill("<b>");
      await page.keyboard.press("Enter");
      await page.locator("#notice", { hasText: "A channel may have letters" }).waitFor();
      await say(page, "x".repeat(5000));
      await page.locator("#notice", { hasText: "5,000 of 4,096 bytes" }).waitFor();
      assertEquals(await page.locator("#input").inputValue(), "x".repeat(5000));
    }, { expected: /400/ });
  });
});

Deno.test("a name that is bound to somebody else is refused, with the reason", async () => {
  const users = new Map([["alice", await hashPassword("a")], ["bob", await hashPassword("b")]]);
  await withTracker(async ({ url }) => {
    await withBrowser(async (openAlice) => {
      const alice = await openAlice(url);
      await alice.locator("#username").fill("alice");
      await alice.locator("#password").fill("a");
      await alice.keyboard.press("Enter");
      await alice.locator('body[data-connected="true"]').waitFor();
    });
    await withBrowser(async (openBob) => {
      const bob = await openBob(url);
      await bob.locator("#username").fill("bob");
      await bob.locator("#password").fill("b");
      await bob.keyboard.press("Enter");
      await bob.locator('body[data-connected="true"]').waitFor();
      await bob.locator("#rename").click();
      await bob.locator("#name-input").fill("alice");
      await bob.keyboard.press("Enter");
      await bob.locator("#name-problem", { hasText: "bound to somebody else" }).waitFor();
    }, { expected: /401|403/ });
  }, { users });
});
