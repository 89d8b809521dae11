import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { plainUdpClient } from "../../support/plain_udp_client.ts";
import { plainUdpServer } from "../../support/plain_udp_server.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchOverUdp } from "../../support/udp_fetch.ts";
import { udpFileServer } from "../../support/udp_file_server.ts";
import { everyNthLost, udpRelay } from "../../support/udp_relay.ts";

const FILE = pseudoRandomBytes(300_001);
/** In UTF-8 it begins with the byte that packets begin with. */
const HEBREW = "קובץ עם שם ארוך בעברית.txt";

Deno.test("a plain client lists, and downloads by every form of request", async () => {
  await using server = await udpFileServer({
    "two words.bin": FILE,
    "empty": "",
    "sub/hidden": "1",
    [HEBREW]: FILE.subarray(0, 10),
  });
  using client = plainUdpClient(server);
  assertEquals(await client.list(), `empty 0B\ntwo words.bin 300001B\n${HEBREW} 10B\n`);
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["DOWNLOAD two words.bin 0 0", FILE],
    ["DOWNLOAD two words.bin 0", FILE],
    ["DOWNLOAD two words.bin", FILE],
    ["two words.bin", FILE],
    ["DOWNLOAD two words.bin 1000 10000", FILE.subarray(1000, 11_000)],
    ["DOWNLOAD two words.bin 299999 10", FILE.subarray(299_999)],
    ["DOWNLOAD two words.bin 300001 0", new Uint8Array(0)],
  ];
  for (const [request, bytes] of cases) {
    assertEquals(await client.request(request), { size: "300001", bytes }, request);
  }
  assertEquals((await client.request("empty")).size, "0");
  assertEquals((await client.request(HEBREW)).bytes, FILE.subarray(0, 10));
  for (const name of ["missing", "sub/hidden", "../etc/passwd"]) {
    await client.send(`DOWNLOAD ${name} 0 0`);
    assertEquals(new TextDecoder().decode(await client.receive()), "File not found");
  }
});

Deno.test("many plain clients are served at once, whether others answer or not", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`${i}`, pseudoRandomBytes(40_000, i + 1)]),
  );
  await using server = await udpFileServer(files);
  using silent = plainUdpClient(server);
  await silent.send("0");
  const got = await Promise.all(
    Object.keys(files).map(async (name) => {
      using client = plainUdpClient(server);
      return await client.download(name);
    }),
  );
  assertEquals(got, Object.values(files));
});

Deno.test("who asks and says nothing more keeps no other out", async () => {
  await using server = await udpFileServer({ file: FILE });
  using silent = new DisposableStack();
  for (let i = 0; i < 80; i++) {
    const client = silent.use(plainUdpClient(server));
    await client.send("file");
    assertEquals(new TextDecoder().decode(await client.receive()), "300001");
  }
  using client = plainUdpClient(server);
  assertEquals(await client.list(), "file 300001B\n");
  assertEquals(await client.download("file"), FILE);
});

Deno.test("whoever asks for lists all the time is sent 2 MB a second", async () => {
  const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${"n".repeat(60)}${i}`, ""]));
  await using server = await udpFileServer(files);
  using client = plainUdpClient(server);
  const startedMs = performance.now();
  let bytes = 0;
  for (let i = 0; i < 300; i++) bytes += (await client.list()).length;
  const seconds = (performance.now() - startedMs) / 1000;
  // And what a rest earns, and one that goes over it.
  assert(bytes <= 2_000_000 * (seconds + 0.2) + 4096, `${bytes} bytes in ${seconds} s`);
});

Deno.test("a file that is replaced by one as long is not mixed with it", async () => {
  await using server = await udpFileServer({ file: FILE });
  using client = plainUdpClient(server);
  await client.send("file");
  assertEquals(new TextDecoder().decode(await client.receive()), "300001");
  assertEquals(await client.receive(), FILE.subarray(0, 4096));
  const other = join(server.dir, "other");
  await Deno.writeFile(other, pseudoRandomBytes(FILE.length, 9));
  await Deno.rename(other, join(server.dir, "file"));
  await client.send("ACK");
  assertEquals(new TextDecoder().decode(await client.receive()), "EOF");
});

Deno.test("a plain client that repeats gets all, though every 20th datagram is lost", async () => {
  const bytes = FILE.subarray(0, 120_000);
  await using server = await udpFileServer({ file: bytes });
  using relay = udpRelay(server.port, everyNthLost(20));
  using client = plainUdpClient({ port: relay.port, repeatMs: 300 });
  assertEquals(await client.download("file"), bytes);
  assert(relay.dropped > 0);
});

Deno.test("files come from a plain server, whole and in part, and what is there is gone on with", async () => {
  using server = plainUdpServer({ "two words.bin": FILE, empty: new Uint8Array(0) });
  await using dir = await tempDir();
  const setting = { port: server.port, directory: dir.path };
  const ends = await fetchOverUdp(setting, ["two words.bin", "empty", "missing"]);
  assertEquals(ends.map(({ kind }) => kind), ["done", "done", "failed"]);
  assertEquals(await Deno.readFile(join(dir.path, "two words.bin")), FILE);
  assertEquals((await Deno.stat(join(dir.path, "empty"))).size, 0);
  await fetchOverUdp({ ...setting, cut: { offset: 1000, length: 5000 } }, ["two words.bin"]);
  assertEquals(await Deno.readFile(join(dir.path, "two words.bin.1000-6000")), FILE.slice(1000, 6000));
  const [again] = await fetchOverUdp(setting, ["two words.bin"]);
  assertEquals(again?.kind, "there");
});

Deno.test("a plain server is asked for no more than the rate allows", async () => {
  using server = plainUdpServer({ file: FILE.slice(0, 60_000) });
  await using dir = await tempDir();
  const startedMs = performance.now();
  const setting = { port: server.port, directory: dir.path, maxBytesPerSecond: 100_000 };
  const [end] = await fetchOverUdp(setting, ["file"]);
  const seconds = (performance.now() - startedMs) / 1000;
  assertEquals(end?.kind, "done");
  // But for what a rest earns, and one that goes over it.
  assert(60_000 <= 100_000 * (seconds + 0.2) + 4096, `${seconds} s`);
});

Deno.test("our client gets all from a plain server that takes a new request, though every 20th datagram is lost", async () => {
  const bytes = FILE.slice(0, 100_000);
  using server = plainUdpServer({ file: bytes });
  await using dir = await tempDir();
  using relay = udpRelay(server.port, everyNthLost(20));
  const [end] = await fetchOverUdp({ port: relay.port, directory: dir.path }, ["file"]);
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "file")), bytes);
  assert(relay.dropped > 0);
});

Deno.test("with a token, or when told so, a server answers no plain client", async () => {
  for (const options of [{ token: "secret" }, { plain: false }]) {
    await using server = await udpFileServer({ file: "1" }, options);
    using client = plainUdpClient(server);
    await client.send("LIST");
    await client.send("file");
    // What is answered in order shows that nothing came before it.
    await client.send(`XUDP/1 ${"0".repeat(32)}`.padEnd(1000));
    assertEquals((await client.receive())[0], 0xd7);
  }
});
