import process from "node:process";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { startDownload } from "../../../protocols/http_ranges/download.ts";
import { trustFile } from "../../../net/trust.ts";
import { filesBelow, pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { certificates } from "../../support/certificates.ts";
import { CAN_MOUNT } from "../../support/machine.ts";
import { rangeServer } from "../../support/range_server.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";
import { smallDisk } from "../../support/small_disk.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { download, testOptions } from "../../support/test_download.ts";
import { tlsFront } from "../../support/tls_front.ts";

const SIZE = 3_000_000;
const FILE = pseudoRandomBytes(SIZE);
const SHA256 = sha256(FILE);

Deno.test("a file comes whole, under its name, with its digest", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const { state, bytes, files } = await download(`${server.origin}/some/data.bin?x=1`, dir.path, {
    sha256: SHA256,
  });
  assert(state.kind === "done", JSON.stringify(state));
  assertEquals([state.path, state.bytes, state.fetchedBytes], [join(dir.path, "data.bin"), SIZE, SIZE]);
  assertEquals([state.sha256, bytes, files], [SHA256, FILE, ["data.bin"]]);
  assert(server.connections.most > 1 && server.connections.most <= 4, `${server.connections.most}`);
});

Deno.test("what is not what its digest says gets no name, and is not kept", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const { state, files } = await download(`${server.origin}/data.bin`, dir.path, {
    sha256: sha256(FILE.subarray(1)),
  });
  assert(state.kind === "failed" && state.isCorrupt, JSON.stringify(state));
  assertEquals(files, []);
});

Deno.test("a file of that name is never overwritten, unless that is asked for", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(join(dir.path, "data.bin"), "mine");
  await using server = await rangeServer(FILE);
  const url = `${server.origin}/data.bin`;
  assertEquals((await download(url, dir.path)).files, ["data (1).bin", "data.bin"]);
  assertEquals(await Deno.readTextFile(join(dir.path, "data.bin")), "mine");
  assertEquals((await download(url, dir.path, { overwrite: true })).files, ["data (1).bin", "data.bin"]);
  assertEquals(await Deno.readFile(join(dir.path, "data.bin")), FILE);
});

Deno.test("evil names stay in the directory", async () => {
  const names = [
    "../../evil",
    "/etc/passwd",
    "..%2f..%2fevil",
    ".bashrc",
    "a/../../b",
    "CON",
    "x\\..\\y",
    "a.part",
  ];
  for (const name of names) {
    await using dir = await tempDir();
    const inner = join(dir.path, "inner");
    await using server = await rangeServer(FILE.subarray(0, 10), {
      headers: { etag: '"1"', "content-disposition": `attachment; filename="${name}"` },
    });
    const { state } = await download(`${server.origin}/${name}`, inner);
    assert(state.kind === "done", JSON.stringify(state));
    const files = await filesBelow(dir.path);
    assertEquals(files.length, 1, name);
    assertMatch(files.join(), /^inner\/[^./][^/]*$/, name);
  }
});

Deno.test("mirrors are fetched from too, and one of another size is not", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  await using mirror = await rangeServer(FILE, { headers: { etag: '"of another server"' } });
  await using other = await rangeServer(FILE.subarray(1));
  const sources = [server, mirror, other].map(({ origin }) => `${origin}/data.bin`);
  const { state, bytes, problems } = await download("", dir.path, { sources });
  assertEquals([state.kind, bytes], ["done", FILE], JSON.stringify(state));
  assert(mirror.requests.length > 0);
  assertEquals(problems.map(({ source }) => source), [2]);
});

Deno.test("a redirect to another host gets neither user nor password", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  await using front = await rawHttpServer(async (_, connection) => {
    await connection.write(
      `HTTP/1.1 302 Found\r\nLocation: ${server.origin}/x.bin\r\nContent-Length: 0\r\n\r\n`,
    );
  });
  const user = { name: "me", password: "secret" };
  const { state, files } = await download(`${front.origin}/data.bin`, dir.path, { user });
  assertEquals([state.kind, files], ["done", ["data.bin"]], JSON.stringify(state));
  assert(front.requests.every(({ headers }) => headers.has("authorization")));
  assert(server.requests.length > 0 && server.requests.every(({ headers }) => !headers.has("authorization")));
});

Deno.test("a certificate that nobody trusts ends a download, and http is not taken for https", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const { ca, issue } = await certificates(dir.path);
  await using tls = tlsFront(server.port, await issue("DNS:localhost,IP:127.0.0.1"));
  const url = `https://localhost:${tls.port}/data.bin`;
  const target = join(dir.path, "files");
  const untrusted = await download(url, target);
  assert(untrusted.state.kind === "failed", JSON.stringify(untrusted.state));
  assertMatch(untrusted.state.reason, /issued by nobody who is trusted/);
  assertEquals([untrusted.files, server.requests.length], [[], 0]);
  using trust = await trustFile(ca);
  const trusted = await download(url, target, { trust });
  assertEquals([trusted.state.kind, trusted.bytes], ["done", FILE], JSON.stringify(trusted.state));
  const warnings: string[] = [];
  const warned = ({ name }: Error) => void warnings.push(name);
  process.on("warning", warned);
  const insecure = await download(url, target, { insecure: true });
  process.off("warning", warned);
  assertEquals([insecure.state.kind, insecure.bytes], ["done", FILE], JSON.stringify(insecure.state));
  // Such as one about listeners that are never removed.
  assertEquals(warnings, []);

  await using front = await rawHttpServer(async (_, connection) => {
    await connection.write(
      `HTTP/1.1 302 Found\r\nLocation: ${server.origin}/x.bin\r\nContent-Length: 0\r\n\r\n`,
    );
  });
  await using secureFront = tlsFront(front.port, await issue("DNS:localhost"));
  const down = `https://localhost:${secureFront.port}/data.bin`;
  const dropped = await download(down, target, { trust });
  assert(
    dropped.state.kind === "failed" && /from https to http/.test(dropped.state.reason),
    JSON.stringify(dropped.state),
  );
  assertEquals((await download(down, target, { trust, allowsDowngrade: true })).state.kind, "done");
});

Deno.test("an address that is not admitted is not connected to, after a redirect neither", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const denied = await download(`${server.origin}/data.bin`, dir.path, { admitAddress: () => false });
  assert(
    denied.state.kind === "failed" && /private or local/.test(denied.state.reason),
    JSON.stringify(denied.state),
  );
  assertEquals(server.connections.all, 0);
  await using front = await rawHttpServer(async (_, connection) => {
    await connection.write(
      `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:${server.port}/x\r\nContent-Length: 0\r\n\r\n`,
    );
  });
  const led = await download(`${front.origin}/x`, dir.path, { admitAddress: (ip) => ip === "127.0.0.1" });
  assert(led.state.kind === "failed" && /private or local/.test(led.state.reason), JSON.stringify(led.state));
});

Deno.test({
  name: "a disk that is too small is told at once; one that fills up costs nothing that was stored",
  ignore: !CAN_MOUNT,
}, async () => {
  await using disk = await smallDisk("2m");
  await using server = await rangeServer(FILE);
  const url = `${server.origin}/data.bin`;
  const { state } = await download(url, disk.path);
  assert(state.kind === "failed" && /too full/.test(state.reason), JSON.stringify(state));
  assertEquals((await filesBelow(disk.path)).includes("data.bin"), false);

  await using filling = await smallDisk("4m");
  let isFull = false;
  const running = startDownload({
    ...testOptions(url, filling.path),
    onChange({ received }) {
      if (isFull || received < SIZE / 3) return;
      isFull = true;
      const block = new Uint8Array(4096);
      using file = Deno.openSync(join(filling.path, "filler"), { write: true, createNew: true });
      try {
        while (true) file.writeSync(block);
      } catch {
        // There is no room left.
      }
    },
  });
  await running.ended;
  assert(running.state.kind === "failed" && /full/.test(running.state.reason), JSON.stringify(running.state));
  assertEquals((await filesBelow(filling.path)).includes("data.bin"), false);
  await Deno.remove(join(filling.path, "filler"));
  const again = await download(url, filling.path);
  assertEquals([again.state.kind, again.bytes], ["done", FILE], JSON.stringify(again.state));
});

Deno.test("a rate is kept to", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE.subarray(0, 1_000_000));
  const { state } = await download(`${server.origin}/data.bin`, dir.path, { maxRate: 1_000_000 });
  assert(state.kind === "done", JSON.stringify(state));
  // Whatever the machine is busy with, it can't be faster than that.
  assert(state.seconds >= 0.7, `${state.seconds}`);
});
