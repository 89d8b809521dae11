import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { ArrivingBytes } from "../../../protocols/udp_file/arriving_bytes.ts";
import { collectOldGarbage } from "../../../net/old_garbage.ts";
import { ReadAhead } from "../../../protocols/udp_file/read_ahead.ts";
import { Receiver } from "../../../protocols/udp_file/receiver.ts";
import { UdpSocket } from "../../../protocols/udp_file/udp_socket.ts";
import { Violation } from "../../../protocols/udp_file/violation.ts";
import { Catalogue } from "../../../store/catalogue.ts";
import { FoundFiles } from "../../../store/found_files.ts";
import { OneByOne } from "../../../store/one_by_one.ts";
import { tempDir } from "../../support/temp_dir.ts";

const MEBIBYTE = 1024 * 1024;

Deno.test("single bytes all over a file take little memory while they wait to be written", async () => {
  const { promise: disk, resolve: goOn } = Promise.withResolvers<void>();
  const written: { readonly at: number; readonly heldBytes: number }[] = [];
  let consumed = 0;
  const arriving = new ArrivingBytes({
    writer: {
      write: async (bytes, at) => {
        await disk;
        written.push({ at, heldBytes: bytes.buffer.byteLength });
      },
      close: () => {},
    },
    ranges: [{ from: 0, to: 1024 * MEBIBYTE }],
    onWritten: (bytes) => consumed += bytes,
    onFailure: (problem) => {
      throw problem;
    },
  });
  for (let at = 0; at < 1024 * MEBIBYTE; at += MEBIBYTE) arriving.add(at, new Uint8Array(1));
  goOn();
  await arriving.flush();
  assertEquals(written.map(({ at }) => at), Array.from({ length: 1024 }, (_, i) => i * MEBIBYTE));
  assertEquals(Math.max(...written.map(({ heldBytes }) => heldBytes)), 1);
  assertEquals(consumed, 1024);
});

Deno.test("a peer that leaves a gap behind each byte is cut off", () => {
  const events = { control: () => {}, content: () => {}, delivered: () => {} };
  const receiver = new Receiver(events, 16 * MEBIBYTE);
  receiver.expect(1, [{ from: 0, to: MEBIBYTE }]);
  const byte = new Uint8Array(1);
  const send = (count: number) => {
    for (let i = 0; i < count; i++) receiver.data(1, 2 * i + 1, byte);
  };
  send(20_000);
  assertThrows(() => send(40_000), Violation, "gaps");
});

Deno.test("files that are read once take little memory, and more when they are read again", async () => {
  await using dir = await tempDir();
  const pieces = 40;
  const pieceBytes = 128 * 1024;
  await Deno.writeFile(join(dir.path, "file"), new Uint8Array(0));
  await Deno.truncate(join(dir.path, "file"), pieces * pieceBytes);
  await using catalogue = await Catalogue.open(dir.path, { isWatching: false });
  await using files = new FoundFiles(catalogue, { maxOpen: 4 });
  const found = files.find("file");
  assert(found !== undefined);
  let ready = () => {};
  const readAhead = new ReadAhead(files, { memoryBytes: 64 * pieceBytes });
  using reader = readAhead.open(found, {
    hashing: new OneByOne(),
    onReady: () => ready(),
    onFailure: (problem) => {
      throw problem;
    },
  });
  const target = new Uint8Array(1);
  /** @returns How many pieces had to be waited for. */
  const readAll = async () => {
    let waits = 0;
    for (let piece = 0; piece < pieces; piece++) {
      while (reader.fill(piece * pieceBytes, target) === 0) {
        waits++;
        await new Promise<void>((resolve) => ready = resolve);
      }
    }
    return waits;
  };
  await readAll();
  assertEquals(reader.fill(0, target), 0, "All of what was read once is kept");
  for (let round = 0; round < 4; round++) await readAll();
  assertEquals(await readAll(), 0);
});

Deno.test("garbage that V8 has promoted can be collected", async () => {
  await collectOldGarbage();
  let garbage: object | undefined = { bytes: new Uint8Array(1000) };
  const seen = new WeakRef(garbage);
  garbage = undefined;
  // A reference that was looked at is kept to the end of the turn.
  await new Promise(setImmediate);
  await collectOldGarbage();
  assertEquals(seen.deref(), undefined);
});

Deno.test("a socket that can't be received from is asked now and then, not all the time", async () => {
  const { listenDatagram } = Deno;
  let asked = 0;
  const broken = {
    addr: { transport: "udp", hostname: "127.0.0.1", port: 1 },
    receive: async () => {
      asked++;
      await new Promise(setImmediate);
      throw new Error("no buffer space");
    },
    close: () => {},
  };
  Object.assign(Deno, { listenDatagram: () => broken });
  try {
    using socket = new UdpSocket({ hostname: "127.0.0.1", port: 0, onDatagram: () => {} });
    for (let turn = 0; turn < 2000; turn++) await new Promise(setImmediate);
    assertEquals(socket.problem, "no buffer space");
  } finally {
    Object.assign(Deno, { listenDatagram });
  }
  assert(asked > 0 && asked < 100, `It was asked ${asked} times`);
});
