import { assertEquals, assertMatch } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { startDownloadServer } from "../../support/download_server.ts";
import { readEvents } from "../../support/event_reader.ts";
import { HELD_BYTES, ORIGIN_BYTES, startOrigin } from "../../support/origin.ts";
import { plainClient } from "../../support/plain_client.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { textClient } from "../../support/text_client.ts";

const SENT = "Отправка urls на обработку.";
const UNKNOWN = "Команда не найдена.";
const DEAD = "url не действительна.";
const BUSY = "Для добавления новых url на скачивание, дождитесь окончания загрузки отправленных ранее.";

/** Waits until an item of the queue is in a state, and returns it. */
async function reached(
  server: { readonly server: { readonly url: string }; readonly api: string },
  wanted: (items: readonly { readonly url: string; readonly state: string }[]) => boolean,
): Promise<void> {
  await using reader = await readEvents(`${server.server.url}/api/events`);
  while (!wanted(await (await fetch(server.api)).json())) await reader.next();
}

Deno.test("URLs are given, wait, are fetched and stay listed, as existing programs expect it", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path, side: { maxActive: 1 } });
  await using client = await textClient(server.server.ws);
  const urls = [`${origin.url}/held/a.bin`, `${origin.url}/files/b.bin`, `${origin.url}/files/c%0Ad.bin`];
  assertEquals(await client.ask("start", ...urls, "end"), [SENT]);
  await reached(server, (items) => items.some((item) => "received" in item && item.received === HELD_BYTES));
  assertEquals(await client.ask("queue"), [
    `url:${urls[1]}, status: В очереди`,
    `url:${urls[2]}, status: В очереди`,
  ]);
  assertEquals(await client.ask("loading"), [
    `url:${urls[0]}, file_amount_bytes:300000, threads_size:1, status:33.3`,
  ]);
  assertEquals(await client.ask("download"), []);
  assertEquals(await client.ask("start"), [BUSY]);
  origin.release();
  await reached(server, (items) => items.every(({ state }) => state === "done"));
  const places = ["a.bin", "b.bin", "c\nd.bin"].map((name) => toFileUrl(join(server.files, name)).href);
  assertEquals(
    await client.ask("download"),
    urls.map((url, i) => `url:${url}, file_amount_bytes:300000, patch: ${places[i]}`),
  );
  assertEquals(await client.ask("queue", "loading"), []);
  assertEquals(await client.ask("start", urls[0] ?? "", "end"), [
    `Файл по данному url был скачен ранее и находится по адресу: ${places[0]}`,
    "Не добавлено ни одного url для скачивания.",
  ]);
  assertMatch(places[0] ?? "", /^file:\/\/\//);
  assertMatch(places[2] ?? "", /\/c%0Ad\.bin$/);
  assertEquals(await Deno.readFile(join(server.files, "b.bin")), ORIGIN_BYTES);
});

Deno.test("a file that somebody removed or changed can be fetched again", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  await using client = await textClient(server.server.ws);
  const url = `${origin.url}/files/a.bin`;
  await client.ask("start", url, "end");
  await reached(server, ([item]) => item?.state === "done");
  await Deno.truncate(join(server.files, "a.bin"), 5);
  assertEquals(await client.ask("start", url, "end"), [SENT]);
  await reached(server, (items) => items.every(({ state }) => state === "done"));
  await Deno.remove(join(server.files, "a.bin"));
  assertEquals(await client.ask("start", url, "end"), [SENT]);
});

Deno.test("URLs are looked at when they are given", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  await using client = await textClient(server.server.ws);
  const { url } = origin;
  const said = await client.ask(
    "start",
    "nonsense",
    `${url}/missing`,
    "http://127.0.0.1:9/closed",
    `${url}/page`,
    `${url}/files/good.bin`,
    "end",
  );
  assertEquals(said, [
    "url не соответствует формату.",
    DEAD,
    DEAD,
    "Данный url не предназначена для скачивания файла.",
    SENT,
  ]);
});

Deno.test("a message that is meant as JSON is an upload's, everything else a command", async () => {
  await using dir = await tempDir();
  await using server = await startDownloadServer({ dir: dir.path });
  await using client = await plainClient(server.server.ws);
  assertEquals(
    (await client.ask({ action: "start", fileId: "f", fileName: "x", fileSize: 3 })).event,
    "start-ack",
  );
  client.sendText(' {"action":');
  assertEquals(await client.next(), { event: "error", error: "Message is not valid JSON" });
  await using texts = await textClient(server.server.ws);
  assertEquals(await texts.ask("[]", "5", '"start"', "null", "", "Start"), new Array(6).fill(UNKNOWN));
  const chunk = { action: "chunk", fileId: "f", offset: 0, data: "aGVs" };
  assertEquals((await client.ask(chunk)).event, "progress");
});

Deno.test("uploads of a client go on while its URLs are looked at", async () => {
  await using dir = await tempDir();
  const { promise: looked, resolve: look } = Promise.withResolvers<void>();
  await using server = await startDownloadServer({
    dir: dir.path,
    side: { check: async () => (await looked, { kind: "page" }) },
  });
  await using client = await plainClient(server.server.ws);
  client.sendText("start");
  client.sendText("http://slow.example/file");
  client.sendText("help_command");
  assertEquals(
    (await client.ask({ action: "start", fileId: "f", fileName: "x", fileSize: 3 })).event,
    "start-ack",
  );
  look();
});

Deno.test("what one client is waiting for holds back no other", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({ dir: dir.path });
  await using first = await textClient(server.server.ws);
  await using second = await textClient(server.server.ws);
  await first.ask("start", `${origin.url}/held/a.bin`, "end");
  assertEquals(await first.ask("start"), [BUSY]);
  assertEquals(await second.ask("start", `${origin.url}/files/b.bin`, "end"), [SENT]);
  // Also when it asks for the same.
  await using third = await textClient(server.server.ws);
  assertEquals(await third.ask("start", `${origin.url}/held/a.bin`, "end", "start"), [SENT, BUSY]);
  const items = await (await fetch(server.api)).json();
  assertEquals(items.length, 2);
});

Deno.test("a client that floods the server with URLs holds up no other", async () => {
  await using dir = await tempDir();
  const { promise: never, resolve: release } = Promise.withResolvers<void>();
  await using server = await startDownloadServer({
    dir: dir.path,
    side: { check: async () => (await never, { kind: "page" }) },
  });
  const flooder = new WebSocket(server.server.ws);
  await new Promise((resolve) => flooder.onopen = resolve);
  flooder.send("start");
  for (let i = 0; i < 20_000; i++) flooder.send(`http://slow.example/${i}/${"x".repeat(1000)}`);
  await using client = await textClient(server.server.ws);
  assertEquals(await client.ask("x"), [UNKNOWN]);
  release();
  const closed = new Promise((resolve) => flooder.onclose = resolve);
  flooder.close();
  await closed;
});

Deno.test("a thousand URLs of one client are queued, in order, and survive the server", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  const urls = Array.from({ length: 1000 }, (_, i) => `${origin.url}/held/${i}.bin`);
  {
    await using server = await startDownloadServer({ dir: dir.path });
    await using client = await textClient(server.server.ws);
    assertEquals(await client.ask("start", ...urls, "end"), [SENT]);
    assertEquals((await client.ask("loading")).length, 2);
  }
  await using server = await startDownloadServer({ dir: dir.path });
  await using client = await textClient(server.server.ws);
  const said = await client.ask("loading", "queue");
  assertEquals(said.map((line) => /^url:([^,]*)/.exec(line)?.[1]), urls);
});

Deno.test("five hundred clients give URLs at once, each is answered, and none is lost", async () => {
  await using dir = await tempDir();
  await using origin = startOrigin();
  await using server = await startDownloadServer({
    dir: dir.path,
    server: { maxConnectionsPerAddress: 1000 },
    side: { check: () => Promise.resolve({ kind: "file" }) },
  });
  const clients = await Promise.all(Array.from({ length: 500 }, () => textClient(server.server.ws)));
  try {
    const said = await Promise.all(
      clients.map((client, i) => client.ask("start", `${origin.url}/held/${i}.bin`, "end", "x")),
    );
    assertEquals(said, clients.map(() => [SENT, UNKNOWN]));
    assertEquals((await clients[0]?.ask("loading", "queue"))?.length, 500);
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }
});
