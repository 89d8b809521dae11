import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, sha256 } from "../support/bytes.ts";
import { drop, row, withPage } from "../support/page.ts";

const MIB = 1024 * 1024;

Deno.test("two files are dropped, one is paused and resumed, and both arrive", async () => {
  await withPage(async (page, server) => {
    const digests = await drop(page, { "small.bin": 3 * MIB, "large.bin": 96 * MIB });
    await row(page, "large.bin", "uploading").locator('[data-action="pause"]').click();
    await row(page, "large.bin", "paused").waitFor();
    await row(page, "small.bin", "done").waitFor();
    const part = await Deno.stat(join(server.dir, "large.bin.part"));
    assert(part.size < 96 * MIB);
    await row(page, "large.bin").locator('[data-action="resume"]').click();
    await row(page, "large.bin", "done").waitFor();
    assertEquals(await filesBelow(server.dir), ["large.bin", "small.bin"]);
    for (const [name, digest] of Object.entries(digests)) {
      assertEquals(sha256(await Deno.readFile(join(server.dir, name))), digest, name);
    }
  });
});

Deno.test("after a reload the same file goes on where it stopped", async () => {
  const files = await Deno.makeTempDir({ prefix: "transfer-test-" });
  try {
    const path = join(files, "film.mkv");
    const bytes = crypto.getRandomValues(new Uint8Array(65_536));
    const whole = new Uint8Array(64 * MIB);
    for (let i = 0; i < whole.length; i += bytes.length) whole.set(bytes, i);
    await Deno.writeFile(path, whole);
    await withPage(async (page, server) => {
      await page.getByTestId("file-input").setInputFiles(path);
      await row(page, "film.mkv", "uploading").locator('[data-action="pause"]').click();
      await row(page, "film.mkv", "paused").waitFor();
      const { size } = await Deno.stat(join(server.dir, "film.mkv.part"));
      page.on("dialog", (dialog) => void dialog.accept());
      await page.reload();
      await row(page, "film.mkv", "remembered").waitFor();
      await page.getByTestId("file-input").setInputFiles(path);
      await row(page, "film.mkv", "done").waitFor();
      assertEquals(sha256(await Deno.readFile(join(server.dir, "film.mkv"))), sha256(whole));
      const resumed = server.events.filter(({ type }) => type === "resumed");
      assertEquals(resumed.map((event) => "offset" in event && event.offset >= size), [true]);
    });
  } finally {
    await Deno.remove(files, { recursive: true });
  }
});

Deno.test("stop deletes what the server has", async () => {
  await withPage(async (page, server) => {
    await drop(page, { "large.bin": 48 * MIB });
    await row(page, "large.bin", "uploading").locator('[data-action="pause"]').click();
    await row(page, "large.bin", "paused").locator('[data-action="stop"]').click();
    await row(page, "large.bin", "stopped").waitFor();
    assertEquals(await filesBelow(server.dir), []);
  });
});

Deno.test("to stop an upload of which the server has much is asked about first", async () => {
  await withPage(async (page, server) => {
    await drop(page, { "large.bin": 192 * MIB });
    await row(page, "large.bin", "uploading").waitFor();
    // In the page, so that it has not come to its end before it is paused.
    await page.evaluate(`new Promise((resolve) => {
      const row = document.querySelector('[data-name="large.bin"]');
      const look = () => {
        if (row.querySelector('[role="progressbar"]').ariaValueNow < 40) return requestAnimationFrame(look);
        row.querySelector('[data-action="pause"]').click();
        resolve();
      };
      look();
    })`);
    const stop = row(page, "large.bin", "paused").locator('[data-action="stop"]');
    await stop.click();
    const question = page.getByRole("dialog", { name: /Stop .*large\.bin.*\?/ });
    await question.waitFor();
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "hidden" });
    await row(page, "large.bin", "paused").waitFor();
    await stop.click();
    await question.getByRole("button", { name: "Stop and delete" }).click();
    await row(page, "large.bin", "stopped").waitFor();
    assertEquals(await filesBelow(server.dir), []);
  });
});

Deno.test("names are shown as text", async () => {
  await withPage(async (page, server) => {
    const name = '<img src=x onerror=document.title="hacked">.txt';
    await drop(page, { [name]: 10 });
    await row(page, name, "done").waitFor();
    assertEquals(await page.locator("img").count(), 0);
    assert(!(await page.title()).includes("hacked"));
    assertEquals(await filesBelow(server.dir), ["_img src=x onerror=document.title=_hacked__.txt"]);
  });
});

Deno.test("a server with a token asks for it once, and it stays out of URLs", async () => {
  await withPage(async (page, server) => {
    const urls: string[] = [];
    page.on("request", (request) => urls.push(request.url()));
    page.on("websocket", (socket) => urls.push(socket.url()));
    await page.locator('input[type="password"]').fill("open sesame".replace(" ", "-"));
    await page.keyboard.press("Enter");
    await page.locator('input[type="password"]').waitFor({ state: "hidden" });
    await drop(page, { "small.bin": 10 });
    await row(page, "small.bin", "done").waitFor();
    assertEquals(await filesBelow(server.dir), ["small.bin"]);
    assertEquals(urls.filter((url) => url.includes("sesame")), []);
  }, { token: "open-sesame" });
});

Deno.test("the keyboard alone is enough", async () => {
  await withPage(async (page) => {
    await drop(page, { "large.bin": 64 * MIB });
    await row(page, "large.bin", "uploading").locator('[data-action="pause"]').focus();
    await page.keyboard.press("Enter");
    await row(page, "large.bin", "paused").waitFor();
    await page.keyboard.press("Enter");
    await row(page, "large.bin", "done").waitFor();
  });
});
