import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { EarlyFile } from "../../../protocols/udp_file/early_file.ts";
import { Receiver } from "../../../protocols/udp_file/receiver.ts";
import { Remote } from "../../../protocols/udp_file/remote.ts";
import { Violation } from "../../../protocols/udp_file/violation.ts";
import type { ByteRange } from "../../../store/byte_ranges.ts";
import { pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchOverUdp } from "../../support/udp_fetch.ts";
import { udpFileServer } from "../../support/udp_file_server.ts";
import { udpRelay } from "../../support/udp_relay.ts";

/** More than the 4 MiB that a client within the machine has memory for. */
const LARGE = pseudoRandomBytes(6_000_001);

function remoteOf(port: number): Remote {
  return new Remote({
    endpoint: { hostname: "127.0.0.1", port },
    token: undefined,
    congestion: "rate",
    maxBytesPerSecond: undefined,
  }, new AbortController().signal);
}

for (const size of [LARGE.length, 100, 0]) {
  Deno.test(`a wanted file of ${size} bytes comes with its entry, and only an empty one is asked for`, async () => {
    const bytes = LARGE.subarray(0, size);
    await using server = await udpFileServer({ "a/file": bytes, "a/other": "1" });
    await using dir = await tempDir();
    let gets = 0;
    const text = new TextDecoder();
    using relay = udpRelay(server.port, (datagram, _index, direction) => {
      if (direction === "to server" && text.decode(datagram).includes('{"get":')) gets++;
      return 1;
    });
    const setting = { port: relay.port, directory: dir.path, isEarly: true };
    const ends = await fetchOverUdp(setting, ["a/file"]);
    assertEquals(ends.map(({ kind, path }) => [kind, path]), [["done", "a/file"]]);
    assertEquals(sha256(await Deno.readFile(join(dir.path, "a/file"))), sha256(bytes));
    assertEquals(gets > 0, size === 0);
    assertEquals((await server.told("closed")).bytes, size);
  });
}

Deno.test("a wanted file comes exact whatever gets lost, repeated or damaged at its beginning", async () => {
  const bytes = LARGE.subarray(0, 1_200_000);
  const digest = sha256(bytes);
  await using server = await udpFileServer({ file: bytes });
  for (let seed = 1; seed <= 12; seed++) {
    await using dir = await tempDir();
    const random = pseudoRandomBytes(4096, seed);
    using relay = udpRelay(server.port, (datagram, index, direction) => {
      const dice = random[(2 * index + (direction === "to client" ? 1 : 0)) % random.length] ?? 0;
      // What comes before is no matter of files.
      if ((datagram[0] !== 0xd7) || (datagram[1] ?? 0) < 3) return 1;
      if (index < 12 ? dice < 80 : dice < 4) return 0;
      if (dice > 245) datagram[dice % datagram.length] = 0;
      return dice % 16 === 7 ? 2 : 1;
    });
    const setting = { port: relay.port, directory: dir.path, isEarly: true };
    const ends = await fetchOverUdp(setting, ["file"]);
    assertEquals(ends.map(({ kind }) => kind), ["done"], `seed ${seed}`);
    assertEquals(sha256(await Deno.readFile(join(dir.path, "file"))), digest, `seed ${seed}`);
  }
});

Deno.test("what came early and is not wanted is cancelled, and gives its credit back", async () => {
  await using server = await udpFileServer({ file: LARGE, other: "other" });
  let passedBytes = 0;
  const { promise: isStalled, resolve } = Promise.withResolvers<void>();
  using relay = udpRelay(server.port, (datagram, _index, direction) => {
    if (direction === "to client") passedBytes += datagram.length;
    if (passedBytes > 4 * 1024 * 1024) resolve();
    return 1;
  });
  using remote = remoteOf(relay.port);
  const connection = await remote.connect({ list: "file", isWanted: true });
  assert(connection.kind === "xudp");
  const [entry] = await connection.list("file") ?? [];
  await isStalled;
  assert(entry !== undefined);
  const got = new Uint8Array(LARGE.length);
  const get = async (ranges: readonly ByteRange[]) => {
    const digest = { from: 0, to: 0 };
    await connection.get({ path: "file", version: entry, ranges, digest }, (offset, bytes) => {
      got.set(bytes, offset);
      connection.consumed(bytes.length);
    });
  };
  // As of a file whose beginning is here already.
  await get([{ from: 1000, to: LARGE.length }]);
  await get([{ from: 0, to: 1000 }]);
  assertEquals(sha256(got), sha256(LARGE));
  assert(passedBytes < 1.9 * LARGE.length, `${passedBytes} bytes`);
  assertEquals((await connection.list("other"))?.length, 1);
});

Deno.test("of what is no file only the list comes, and what is not there is not there", async () => {
  await using server = await udpFileServer({ "a/file": "file" });
  for (const list of ["a", "b"]) {
    using remote = remoteOf(server.port);
    const connection = await remote.connect({ list, isWanted: true });
    assert(connection.kind === "xudp");
    assertEquals((await connection.list(list))?.length, list === "a" ? 2 : undefined);
    const [entry] = await connection.list("a/file") ?? [];
    assert(entry !== undefined);
    const whole = { from: 0, to: entry.size };
    let text = "";
    await connection.get({ path: "a/file", version: entry, ranges: [whole], digest: whole }, (_, bytes) => {
      text += new TextDecoder().decode(bytes);
    });
    assertEquals(text, "file");
  }
});

Deno.test("what is kept of a file is bounded in pieces, not in bytes alone", () => {
  const { getting } = new EarlyFile();
  const byte = new Uint8Array(1);
  // As many as 16 MiB take in datagrams of 1200 bytes.
  for (let offset = 0; offset < 15_000; offset++) getting.sink(offset, byte);
  assertThrows(() => {
    for (let offset = 15_000; offset < 40_000; offset++) getting.sink(offset, byte);
  }, Violation);
});

Deno.test("a file of unknown size ends where it is told, and has nothing behind that", () => {
  let bytes = 0;
  const receiver = new Receiver({
    control: () => {},
    content: (_file, _offset, content) => bytes += content.length,
    delivered: () => {},
  }, 1_000_000);
  receiver.expectUnbounded(2);
  receiver.data(2, 5, new Uint8Array(5));
  assertThrows(() => receiver.bound(2, 9), Violation);
  receiver.bound(2, 10);
  receiver.data(2, 0, new Uint8Array(7));
  receiver.data(2, 0, new Uint8Array(10));
  assertEquals(bytes, 10);
  receiver.expectUnbounded(3);
  receiver.bound(3, 10);
  assertThrows(() => receiver.data(3, 8, new Uint8Array(3)), Violation);
  receiver.expectUnbounded(4);
  receiver.bound(4, 0);
  assertEquals(bytes, 10);
});
