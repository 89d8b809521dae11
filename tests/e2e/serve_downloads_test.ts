import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { filesBelow, sha256 } from "../support/bytes.ts";
import { connectProxy } from "../support/connect_proxy.ts";
import { readEvents } from "../support/event_reader.ts";
import { ORIGIN_BYTES, startOrigin } from "../support/origin.ts";
import { transfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";
import { textClient } from "../support/text_client.ts";
import { startWsServe, type WsServe } from "../support/ws_serve.ts";

/** The first request of a download; what comes after it stands still. */
const BLOCK_BYTES = 64 * 1024;
const SENT = "Отправка urls на обработку.";

interface Item {
  readonly id: number;
  readonly state: string;
  readonly received: number;
  readonly error?: string;
}

function serve(dir: string, ...args: readonly string[]): Promise<WsServe> {
  return startWsServe(join(dir, "uploads"), [
    "--downloads-dir",
    join(dir, "files"),
    "--block",
    "64K",
    ...args,
  ]);
}

async function items(server: WsServe): Promise<Item[]> {
  return await (await fetch(`${server.url}/api/downloads`)).json();
}

/** Follows the events until all items are as wanted. */
async function until(server: WsServe, wanted: (items: readonly Item[]) => boolean): Promise<void> {
  await using reader = await readEvents(`${server.url}/api/events`);
  while (!wanted(await items(server))) await reader.next();
}

Deno.test("killed in the middle, the server goes on with its queue, and every file is exact", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  const urls = ["a", "b", "c", "d"].map((name) => `${origin.url}/held/${name}.bin`);
  {
    await using server = await serve(dir.path, "--allow-private", "--max-active", "2");
    await using client = await textClient(server.url.replace("http", "ws"));
    assertEquals(await client.ask("start", ...urls, "end"), [SENT]);
    await until(server, (all) => all.filter(({ received }) => received >= BLOCK_BYTES).length === 2);
    server.kill("SIGKILL");
  }
  assertEquals((await filesBelow(join(dir.path, "files"))).some((name) => name.endsWith(".bin")), false);
  await using server = await serve(dir.path, "--allow-private", "--max-active", "2");
  await using client = await textClient(server.url.replace("http", "ws"));
  assertEquals(await client.ask("queue"), urls.slice(2).map((url) => `url:${url}, status: В очереди`));
  origin.release();
  await until(server, (all) => all.every(({ state }) => state === "done"));
  const files = join(dir.path, "files");
  for (const name of ["a.bin", "b.bin", "c.bin", "d.bin"]) {
    assertEquals(sha256(await Deno.readFile(join(files, name))), sha256(ORIGIN_BYTES), name);
  }
  assertEquals(
    (await client.ask("download")).toSorted(),
    urls.map((url) => {
      const place = toFileUrl(join(files, url.slice(url.lastIndexOf("/") + 1))).href;
      return `url:${url}, file_amount_bytes:300000, patch: ${place}`;
    }),
  );
  await server.end();
  assertEquals(await filesBelow(files), ["a.bin", "b.bin", "c.bin", "d.bin"]);
});

Deno.test("killed again and again, wherever it was, it has every file once and exact in the end", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  const names = Array.from({ length: 12 }, (_, i) => `${String.fromCharCode(97 + i)}.bin`);
  const body = JSON.stringify({ urls: names.map((name) => `${origin.url}/files/${name}`) });
  // After so many events of each run: some fall between two files, some between a name and its record.
  for (const [run, events] of [2, 9, 1, 14, 5, 3, 7].entries()) {
    await using server = await serve(dir.path, "--allow-private", "--max-active", "3");
    await using reader = await readEvents(`${server.url}/api/events`);
    if (run === 0) {
      await (await fetch(`${server.url}/api/downloads`, { method: "POST", body })).body?.cancel();
    }
    for (let read = 0; read < events; read++) {
      if ((await items(server)).every(({ state }) => state === "done")) break;
      await reader.next();
    }
    server.kill("SIGKILL");
  }
  await using server = await serve(dir.path, "--allow-private");
  await until(server, (all) => all.every(({ state }) => state === "done"));
  assertEquals((await items(server)).length, names.length);
  await server.end();
  const files = join(dir.path, "files");
  assertEquals(await filesBelow(files), names);
  for (const name of names) {
    assertEquals(sha256(await Deno.readFile(join(files, name))), sha256(ORIGIN_BYTES), name);
  }
});

Deno.test("stopped in order it keeps what is loading, and says so nowhere as a failure", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  {
    await using server = await serve(dir.path, "--allow-private");
    const body = JSON.stringify({ urls: [`${origin.url}/held/a.bin?secret=hush`] });
    await (await fetch(`${server.url}/api/downloads`, { method: "POST", body })).body?.cancel();
    await until(server, ([item]) => (item?.received ?? 0) >= BLOCK_BYTES);
    assertEquals((await server.end()).code, 0);
    assert(
      server.log.every((line) => !line.includes("hush") && !line.includes("failed")),
      server.log.join("\n"),
    );
  }
  const before = origin.requests.length;
  await using server = await serve(dir.path, "--allow-private");
  origin.release();
  await until(server, ([item]) => item?.state === "done");
  const again = origin.requests.slice(before).filter((line) => line.includes("bytes=0-"));
  // Looked at once more, but what was there was not fetched again.
  assertEquals(again.filter((line) => !line.endsWith("bytes=0-0")), []);
});

Deno.test("a part of what is cancelled is deleted, also of what is paused", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await serve(dir.path, "--allow-private");
  const api = `${server.url}/api/downloads`;
  const ask = async (path: string, method: string, body?: string) => {
    const response = await fetch(api + path, { method, ...(body === undefined ? {} : { body }) });
    await response.body?.cancel();
    assert(response.ok, `${method} ${path}: ${response.status}`);
  };
  const files = join(dir.path, "files");
  const urls = ["a", "b"].map((name) => `${origin.url}/held/${name}.bin`);
  await ask("", "POST", JSON.stringify({ urls }));
  await until(server, (all) => all.every(({ received }) => received >= BLOCK_BYTES));
  await ask("/1/pause", "POST");
  await server.logged("download stopped");
  assertEquals((await filesBelow(files)).filter((name) => name.endsWith(".part")), [
    "a.bin.part",
    "b.bin.part",
  ]);
  await ask("/1", "DELETE");
  await ask("/2", "DELETE");
  await server.logged("download cancelled");
  assertEquals((await server.end()).code, 0);
  assertEquals(await filesBelow(files), []);
});

Deno.test("two downloads of one URL under two names have a part each, and each goes on with its own", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await serve(dir.path, "--allow-private");
  const api = `${server.url}/api/downloads`;
  const ask = async (path: string, method: string, body?: unknown) => {
    const response = await fetch(api + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await response.body?.cancel();
    assert(response.ok, `${method} ${path}: ${response.status}`);
  };
  const isLoading = (id: number) => (all: readonly Item[]) =>
    all.some((item) => item.id === id && item.state === "active" && item.received >= BLOCK_BYTES);
  const urls = [`${origin.url}/held/m.bin`];
  const names = [undefined, "a.bin", "z.bin"];
  for (const [index, name] of names.entries()) {
    await ask("", "POST", { urls, ...(name === undefined ? {} : { name }) });
    await until(server, isLoading(index + 1));
    await ask(`/${index + 1}/pause`, "POST");
  }
  await server.logged("download stopped");
  await ask("/1/resume", "POST");
  await until(server, isLoading(1));
  assertEquals((await (await fetch(`${api}/1`)).json()).name, "m.bin");
  await ask("/1/pause", "POST");
  await ask("/2", "DELETE");
  await ask("/3", "DELETE");
  await until(server, (all) => all.filter(({ state }) => state === "cancelled").length === 2);
  const before = origin.requests.length;
  origin.release();
  await ask("/1/resume", "POST");
  await until(server, (all) => all.some(({ id, state }) => id === 1 && state === "done"));
  await server.end();
  assertEquals(await filesBelow(join(dir.path, "files")), ["m.bin"]);
  // What was there was not fetched again, but for the look at the URL.
  const again = origin.requests.slice(before).filter((line) => line.includes("bytes=0-"));
  assertEquals(again.filter((line) => !line.endsWith("bytes=0-0")), []);
});

Deno.test("it fetches nothing from its own network unless it is told to", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await serve(dir.path);
  await using client = await textClient(server.url.replace("http", "ws"));
  const port = new URL(origin.url).port;
  const urls = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f000001", "127.1"]
    .map((host) => `http://${host}:${port}/files/a.bin`);
  urls.push("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/a", "http://[fd00::1]/a");
  assertEquals(await client.ask("start", ...urls, "end"), [
    ...urls.map(() => "url не действительна."),
    "Не добавлено ни одного url для скачивания.",
  ]);
  const body = JSON.stringify({ urls });
  await (await fetch(`${server.url}/api/downloads`, { method: "POST", body })).body?.cancel();
  await until(server, (all) => all.every(({ state }) => state === "failed"));
  for (const { error } of await items(server)) assertStringIncludes(error ?? "", "private");
  assertEquals(origin.requests, []);
});

Deno.test("behind a proxy it looks at URLs the way that it fetches them, or at none", async () => {
  await using dir = await tempDir();
  await using proxy = await connectProxy();
  const body = JSON.stringify({ urls: ["http://nowhere.invalid/a.bin"] });
  const outcomes: string[] = [];
  for (const args of [["--allow-private"], []]) {
    const place = join(dir.path, String(args.length));
    const env = { http_proxy: proxy.origin, no_proxy: "" };
    const flags = ["--downloads-dir", join(place, "files"), ...args];
    await using server = await startWsServe(join(place, "uploads"), flags, env);
    await (await fetch(`${server.url}/api/downloads`, { method: "POST", body })).body?.cancel();
    await until(server, ([item]) => item?.state === "done" || item?.state === "failed");
    const [item] = await items(server);
    outcomes.push(item?.error ?? item?.state ?? "");
  }
  assertEquals(outcomes, ["done", "Nothing is fetched through a proxy where addresses are checked"]);
});

Deno.test("directories that lie in each other are refused before anything is opened", async () => {
  await using dir = await tempDir();
  const uploads = join(dir.path, "uploads");
  for (const files of [uploads, join(uploads, "files"), dir.path]) {
    const { code, stderr } = await transfer(["ws-serve", "--dir", uploads, "--downloads-dir", files]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "two directories apart");
  }
  assertEquals(await filesBelow(dir.path), []);
});
