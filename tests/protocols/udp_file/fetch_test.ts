import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { MAX_REQUEST } from "../../../protocols/udp_file/control_messages.ts";
import { Remote } from "../../../protocols/udp_file/remote.ts";
import { RefusedError } from "../../../protocols/udp_file/requests.ts";
import type { ByteRange } from "../../../store/byte_ranges.ts";
import { filesBelow, pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { plainUdpServer } from "../../support/plain_udp_server.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchOverUdp } from "../../support/udp_fetch.ts";
import { udpFileServer } from "../../support/udp_file_server.ts";
import { udpRelay } from "../../support/udp_relay.ts";

const LARGE = pseudoRandomBytes(9_000_001);

/** Lets a share of all datagrams be lost, come twice, or come with a byte changed; the same ones in each run. */
function troubled(seed: number) {
  const random = pseudoRandomBytes(1 << 20, seed);
  let at = 0;
  return (datagram: Uint8Array) => {
    const dice = random[at++ % random.length] ?? 0;
    if (dice < 20) return 0;
    if (dice < 30) return 2;
    if (dice < 35) datagram[dice % datagram.length] = (datagram[dice % datagram.length] ?? 0) ^ 0x10;
    return 1;
  };
}

Deno.test("a tree comes whole, with folders, times and digests, and is there the next time", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, i) => [`many/${i}.bin`, pseudoRandomBytes(i * 7, i + 1)]),
  );
  await using server = await udpFileServer({ "large.bin": LARGE, "a/b/deep file.txt": "1", ...many });
  await using dir = await tempDir();
  const setting = { port: server.port, directory: dir.path };
  const ends = await fetchOverUdp(setting);
  assertEquals(ends.filter(({ kind }) => kind !== "done"), []);
  assertEquals(ends.length, 502);
  const large = ends.find(({ path }) => path === "large.bin");
  assert(large?.kind === "done");
  assertEquals([large.digest, large.fetchedBytes], [{ sha256: sha256(LARGE) }, LARGE.length]);
  for (const path of await filesBelow(server.dir)) {
    assertEquals(
      await Deno.readFile(join(dir.path, path)),
      await Deno.readFile(join(server.dir, path)),
      path,
    );
    const [here, there] = [await Deno.stat(join(dir.path, path)), await Deno.stat(join(server.dir, path))];
    assertEquals(here.mtime, there.mtime);
  }
  assertEquals(new Set((await fetchOverUdp(setting)).map(({ kind }) => kind)), new Set(["there"]));
});

Deno.test("files come byte-exact over a path that loses, repeats and damages datagrams", async () => {
  await using server = await udpFileServer({ "large.bin": LARGE.subarray(0, 3_000_001), "small": "small" });
  await using dir = await tempDir();
  using relay = udpRelay(server.port, troubled(7));
  const ends = await fetchOverUdp({ port: relay.port, directory: dir.path });
  assertEquals(ends.map(({ kind }) => kind), ["done", "done"]);
  assertEquals(await Deno.readFile(join(dir.path, "large.bin")), LARGE.slice(0, 3_000_001));
});

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test(`a server that listens on ${host} alone is found as localhost`, async () => {
    await using server = await udpFileServer({ "a": "a" }, { host });
    const access = {
      endpoint: { hostname: "localhost", port: server.port },
      token: undefined,
      congestion: "rate",
      maxBytesPerSecond: undefined,
    } as const;
    using remote = new Remote(access, new AbortController().signal);
    assertEquals((await remote.list(""))?.map(({ path }) => path), ["a"]);
  });
}

Deno.test("a slice is a file of its own, with its own digest", async () => {
  await using server = await udpFileServer({ "large.bin": LARGE });
  await using dir = await tempDir();
  const cut = { offset: 1_000_000, length: 4_000_000 };
  const [end] = await fetchOverUdp({ port: server.port, directory: dir.path, cut }, ["large.bin"]);
  const slice = LARGE.slice(1_000_000, 5_000_000);
  assert(end?.kind === "done");
  assertEquals(end.digest, { sha256: sha256(slice) });
  assertEquals(await Deno.readFile(join(dir.path, "large.bin.1000000-5000000")), slice);
  const [beyond] = await fetchOverUdp({
    port: server.port,
    directory: dir.path,
    cut: { offset: LARGE.length + 1, length: undefined },
  }, ["large.bin"]);
  assertEquals(beyond?.kind, "failed");
});

/** Does something once, when so many datagrams have come to the client. */
function afterDatagrams(count: number, act: () => void) {
  return (_datagram: Uint8Array, index: number, direction: string) => {
    if (index === count && direction === "to client") act();
    return 1;
  };
}

Deno.test("what an interrupted run has left is gone on with, and a changed file begun anew", async () => {
  await using server = await udpFileServer({ "large.bin": LARGE });
  await using dir = await tempDir();
  const setting = { port: server.port, directory: dir.path };
  const stop = new AbortController();
  using relay = udpRelay(server.port, afterDatagrams(100, () => stop.abort()));
  await assertRejects(() => fetchOverUdp({ ...setting, port: relay.port, signal: stop.signal }));
  const { bytes } = await server.told("closed");
  assert(bytes > 0 && bytes < LARGE.length, `${bytes} bytes`);
  const [left] = (await filesBelow(dir.path)).filter((name) => name.endsWith(".part"));
  assertEquals(left, "large.bin.part");
  const [end] = await fetchOverUdp({ ...setting, port: relay.port });
  assert(end?.kind === "done");
  assert(end.fetchedBytes < LARGE.length, String(end.fetchedBytes));
  assertEquals(await Deno.readFile(join(dir.path, "large.bin")), LARGE);
  const changed = pseudoRandomBytes(2_000_000, 99);
  await Deno.writeFile(join(server.dir, "large.bin"), changed);
  const [anew] = await fetchOverUdp({ ...setting, overwrite: true });
  assertEquals(anew?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "large.bin")), changed);
});

Deno.test("a file that changes while it is sent comes as it is then, never mixed", async () => {
  await using server = await udpFileServer({ "large.bin": LARGE });
  await using dir = await tempDir();
  const changed = pseudoRandomBytes(2_500_000, 5);
  using relay = udpRelay(
    server.port,
    afterDatagrams(60, () => Deno.writeFileSync(join(server.dir, "large.bin"), changed)),
  );
  const [end] = await fetchOverUdp({ port: relay.port, directory: dir.path }, ["large.bin"]);
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "large.bin")), changed);
  await server.told("changed");
});

Deno.test("the token opens the server, and a server without it is not trusted", async () => {
  await using server = await udpFileServer({ file: "1" }, { token: "right" });
  await using open = await udpFileServer({ file: "1" });
  await using dir = await tempDir();
  const setting = { port: server.port, directory: dir.path };
  assertEquals((await fetchOverUdp({ ...setting, token: "right" })).map(({ kind }) => kind), ["done"]);
  await assertRejects(() => fetchOverUdp({ ...setting, token: "wrong" }), Error, "token");
  await assertRejects(() => fetchOverUdp(setting), Error, "token");
  await assertRejects(() => fetchOverUdp({ ...setting, port: open.port, token: "right" }), Error, "token");
  // It is told so, and need not find out that nobody is there.
  assertEquals((await open.told("closed")).reason, "");
});

Deno.test("a hundred clients at once each get all", async () => {
  await using server = await udpFileServer({ "file.bin": LARGE.subarray(0, 1_500_000), "small": "small" });
  await using dir = await tempDir();
  const all = await Promise.all(Array.from({ length: 100 }, async (_, index) => {
    const directory = join(dir.path, String(index));
    const ends = await fetchOverUdp({ port: server.port, directory });
    assertEquals(
      sha256(await Deno.readFile(join(directory, "file.bin"))),
      sha256(LARGE.subarray(0, 1_500_000)),
    );
    return ends.length;
  }));
  assertEquals(all, new Array(100).fill(2));
});

Deno.test("a file that is another one than was listed is refused, and so is a range that it does not have", async () => {
  await using server = await udpFileServer({ file: "as listed" });
  using remote = remoteOf(server.port);
  const connection = await remote.connectXudp();
  const [entry] = await connection.list("file") ?? [];
  assert(entry !== undefined);
  const whole = { from: 0, to: entry.size };
  const ask = (ranges: readonly ByteRange[]) =>
    connection.get({ path: "file", version: entry, ranges, digest: whole }, () => {});
  await ask([whole]);
  const beyond = await assertRejects(() => ask([{ from: 0, to: 100 }]), RefusedError);
  await Deno.writeTextFile(join(server.dir, "file"), "now it is longer");
  const changed = await assertRejects(() => ask([whole]), RefusedError);
  assertEquals([beyond.code, changed.code], ["changed", "changed"]);
});

Deno.test("a name that can't be carried is not there, and holds up no other", async () => {
  const names = ["n".repeat(5000), "n".repeat(40_000), "\u0001".repeat(900), "a\nb", "file"];
  await using server = await udpFileServer({ file: "1" });
  using plain = plainUdpServer({ file: new Uint8Array(1) });
  for (const { port } of [server, plain]) {
    await using dir = await tempDir();
    const ends = await fetchOverUdp({ port, directory: dir.path }, names);
    assertEquals(ends.filter(({ kind }) => kind === "done").map(({ path }) => path), ["file"]);
    assert(ends.every((end) => end.kind !== "failed" || end.isMissing));
  }
});

function remoteOf(port: number, signal = new AbortController().signal): Remote {
  const endpoint = { hostname: "127.0.0.1", port };
  return new Remote({ endpoint, token: undefined, congestion: "rate", maxBytesPerSecond: undefined }, signal);
}

Deno.test("a connection that has no numbers left is closed, and another opened", async () => {
  await using server = await udpFileServer({});
  using remote = remoteOf(server.port);
  const connection = await remote.connectXudp();
  const whole = { from: 0, to: 1 };
  const request = { path: "x", version: { size: 1, mtimeMs: 1 }, ranges: [whole], digest: whole };
  for (let asked = 0; asked < MAX_REQUEST; asked += 257) {
    const all = Array.from({ length: 257 }, () => connection.get(request, () => {}).catch(() => {}));
    await Promise.all(all);
  }
  assert(!connection.isOpen);
  assert(await remote.connectXudp() !== connection);
  assertEquals((await server.told("closed")).reason, "");
});

Deno.test("a connection that is over leaves nothing with its signal", async () => {
  await using server = await udpFileServer({ file: "1" });
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  signal.addEventListener = (_type: string, listener: unknown) => void listeners.add(listener);
  signal.removeEventListener = (_type: string, listener: unknown) => void listeners.delete(listener);
  using remote = remoteOf(server.port, signal);
  for (let times = 0; times < 3; times++) {
    assertEquals((await remote.list("file"))?.length, 1);
    remote[Symbol.dispose]();
  }
  assertEquals(listeners.size, 0);
});
