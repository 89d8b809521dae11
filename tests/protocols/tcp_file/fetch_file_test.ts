import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { filesBelow, pseudoRandomBytes } from "../../support/bytes.ts";
import { CAN_MOUNT } from "../../support/machine.ts";
import { smallDisk } from "../../support/small_disk.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchNames } from "../../support/tree_fetch.ts";
import { type Data, encodeData, type Misbehaviour, xferTestServer } from "../../support/xfer_test_server.ts";

const BLOCKS = 6;
const FILE = pseudoRandomBytes(BLOCKS * BLOCK_BYTES - 1000);
const SMALL = pseudoRandomBytes(4000, 3);

/** Does something at some GETs of a block, counted for each block from 0, and is honest at the others. */
function atBlock(
  block: number,
  counts: readonly number[],
  lie: (honest: Data) => readonly (Data | Uint8Array | "hang up")[],
): Misbehaviour {
  let seen = 0;
  return {
    data: (honest, { offset }) => {
      const [first] = honest;
      const isIt = first !== undefined && offset === block * BLOCK_BYTES && counts.includes(seen++);
      return isIt ? lie(first) : honest;
    },
  };
}

const flipped = (honest: Data): Data => {
  const bytes = honest.bytes.slice();
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  return { ...honest, bytes };
};

const LIES: readonly (readonly [name: string, misbehaviour: () => Misbehaviour, gets: number])[] = [
  [
    "a block with the wrong digest",
    () => atBlock(2, [0, 1], (honest) => [flipped(honest)]),
    8,
  ],
  [
    "too little of a block",
    () => atBlock(3, [0], (honest) => [{ ...honest, bytes: honest.bytes.subarray(1) }]),
    7,
  ],
  ["another block", () => atBlock(1, [0], (honest) => [{ ...honest, offset: 4 * BLOCK_BYTES }]), 7],
  ["too much", () => atBlock(1, [0], (honest) => [honest, honest]), 7],
  [
    "a connection that breaks within a block",
    () => atBlock(4, [0, 1], () => [new Uint8Array(20_000), "hang up"]),
    8,
  ],
  ["frames of no known type", () => atBlock(0, [0], () => [pseudoRandomBytes(100)]), 7],
];

for (const [name, misbehaviour, gets] of LIES) {
  Deno.test(`the file comes right in spite of ${name}`, async () => {
    await using dir = await tempDir();
    await using server = xferTestServer({ "a": FILE }, { misbehaviour: misbehaviour() });
    const [end] = await fetchNames({ port: server.port, directory: dir.path });
    assertEquals(end?.kind, "done");
    assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
    assertEquals(await filesBelow(dir.path), ["a"]);
    assert(server.gets.length >= gets, String(server.gets.length));
  });
}

Deno.test("a block that is always wrong ends the file as corrupt, and leaves nothing", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": FILE, "b": SMALL }, {
    misbehaviour: { data: (honest, { offset }) => offset === 2 * BLOCK_BYTES ? honest.map(flipped) : honest },
  });
  const ends = await fetchNames({ port: server.port, directory: dir.path });
  const failed = ends.find(({ path }) => path === "a");
  assert(failed?.kind === "failed" && failed.isCorrupt);
  assertMatch(failed.reason, /Block 2 of 6 came 4 times/);
  assertEquals(await filesBelow(dir.path), ["b"]);
});

Deno.test("a small file that is always wrong is corrupt, and holds up no other", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": SMALL, "b": SMALL, "c": SMALL }, {
    misbehaviour: { data: (honest, { path }) => path === "b" ? honest.map(flipped) : honest },
  });
  const ends = await fetchNames({ port: server.port, directory: dir.path });
  assertEquals(ends.map(({ path, kind }) => [path, kind]), [["a", "done"], ["c", "done"], ["b", "failed"]]);
  const failed = ends[2];
  assert(failed?.kind === "failed" && failed.isCorrupt);
  assertEquals(await filesBelow(dir.path), ["a", "c"]);
  assertEquals(server.gets.filter(({ path }) => path === "b").length, 4);
});

Deno.test("blocks that are right and a root that is not make no file", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": FILE }, { misbehaviour: { root: () => "0".repeat(64) } });
  const [end] = await fetchNames({ port: server.port, directory: dir.path });
  assert(end?.kind === "failed" && end.isCorrupt);
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("a connection that is lost over small files costs none, and stores none twice", async () => {
  await using dir = await tempDir();
  const names = Array.from({ length: 300 }, (_, index) => `f${String(index).padStart(3, "0")}`);
  const files = Object.fromEntries(
    names.map((name, index) => [name, pseudoRandomBytes(900 + index, index + 1)]),
  );
  await using server = xferTestServer(files, {
    misbehaviour: { data: (honest, { count }) => count === 40 || count === 170 ? ["hang up"] : honest },
  });
  const ends = await fetchNames({ port: server.port, directory: dir.path });
  assertEquals(ends.map(({ path, kind }) => `${path} ${kind}`).sort(), names.map((name) => `${name} done`));
  assertEquals(await filesBelow(dir.path), names);
  for (const name of names) assertEquals(await Deno.readFile(join(dir.path, name)), files[name]);
});

Deno.test("answers in another order are not taken for each other", async () => {
  await using dir = await tempDir();
  let held: Uint8Array | undefined;
  const files = { "a": SMALL, "b": pseudoRandomBytes(4000, 4) };
  await using server = xferTestServer(files, {
    misbehaviour: {
      data: ([honest], { count, request }) => {
        if (honest === undefined || count > 1) return honest === undefined ? [] : [honest];
        const answer = encodeData(request, honest);
        if (count === 1 && held !== undefined) return [answer, held];
        held = answer;
        return [];
      },
    },
  });
  const ends = await fetchNames({ port: server.port, directory: dir.path });
  assertEquals(ends.map(({ kind }) => kind), ["done", "done"]);
  assertEquals(await Deno.readFile(join(dir.path, "a")), files.a);
  assertEquals(await Deno.readFile(join(dir.path, "b")), files.b);
});

Deno.test("a file that has vanished fails alone", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": FILE, "b": SMALL, "c": SMALL }, {
    misbehaviour: { list: (honest) => [{ path: "0", type: "file", size: 9, mtimeMs: 9 }, ...honest] },
  });
  server.files.set("a", { bytes: FILE, mtimeMs: 5 });
  const ends = await fetchNames({ port: server.port, directory: dir.path });
  const told = ends.map((end) => [end.path, end.kind === "failed" && end.isMissing ? "missing" : end.kind]);
  assertEquals(told.toSorted(), [["0", "missing"], ["a", "done"], ["b", "done"], ["c", "done"]]);
});

Deno.test("what came of a file that goes from the server is kept, and gone on with when it is back", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": FILE }, {
    misbehaviour: {
      data: (honest, { count }) => {
        if (count === BLOCKS - 3) server.files.delete("a");
        return honest;
      },
    },
  });
  const setting = { port: server.port, directory: dir.path, connections: 1 };
  const [missing] = await fetchNames(setting);
  assert(missing?.kind === "failed" && missing.isMissing);
  server.files.set("a", { bytes: FILE, mtimeMs: 1_700_000_000_123 });
  const [end] = await fetchNames(setting);
  assert(end?.kind === "done" && end.fetchedBytes < FILE.length);
  assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
  assertEquals(await filesBelow(dir.path), ["a"]);
});

Deno.test("a small file that has become large since it was listed comes whole", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": FILE }, {
    misbehaviour: { list: (honest) => honest.map((entry) => ({ ...entry, size: 10 })) },
  });
  const [end] = await fetchNames({ port: server.port, directory: dir.path });
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
});

Deno.test({
  name: "a disk without room is told of, keeps nothing half, and serves again when there is room",
  ignore: !CAN_MOUNT,
}, async () => {
  await using disk = await smallDisk("4m");
  await using server = xferTestServer({ "a": FILE, "b": SMALL });
  const setting = { port: server.port, directory: join(disk.path, "data") };
  const [small, large] = await fetchNames(setting);
  assertEquals([small?.path, small?.kind], ["b", "done"]);
  assert(large?.kind === "failed");
  assertMatch(large.reason, /disk is too full: \d+ bytes are missing/);
  assertEquals(await filesBelow(setting.directory), ["b"]);
  await disk.fill();
  server.files.set("c", { bytes: SMALL, mtimeMs: 1 });
  let reason = "";
  await fetchNames(setting).catch((problem) => reason = String(problem));
  assertMatch(reason, /No space left/);
  assertEquals((await filesBelow(setting.directory)).filter((name) => name === "c"), []);
  await disk.free();
  const again = await fetchNames({ ...setting }, ["c"]);
  assertEquals(again.map(({ kind }) => kind), ["done"]);
  assertEquals(await filesBelow(setting.directory), ["b", "c"]);
});

Deno.test(
  { name: "a directory that is another file system takes small files too", ignore: !CAN_MOUNT },
  async () => {
    await using dir = await tempDir();
    await Deno.mkdir(join(dir.path, "mounted"));
    await using _disk = await smallDisk("4m", join(dir.path, "mounted"));
    await using server = xferTestServer({
      "here": SMALL,
      "mounted/there": SMALL,
      "mounted/empty": new Uint8Array(0),
    });
    const ends = await fetchNames({ port: server.port, directory: dir.path });
    assertEquals(ends.map(({ kind }) => kind), ["done", "done", "done"]);
    assertEquals(await filesBelow(dir.path), ["here", "mounted/empty", "mounted/there"]);
    assertEquals(await Deno.readFile(join(dir.path, "mounted", "there")), SMALL);
  },
);

Deno.test("a file of size 2^52 that a server invents costs neither memory nor disk", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": FILE }, {
    misbehaviour: { list: (honest) => honest.map((entry) => ({ ...entry, size: 2 ** 52 })) },
  });
  const [end] = await fetchNames({ port: server.port, directory: dir.path });
  assert(end?.kind === "failed");
  assertMatch(end.reason, /too full/);
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("the token is proven by both sides", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "b": SMALL }, { token: "secret" });
  await using open = xferTestServer({ "b": SMALL });
  const fetch = async (port: number, token?: string): Promise<string> => {
    const setting = { port, directory: dir.path, ...token === undefined ? {} : { token } };
    return await fetchNames(setting).then(([end]) => end?.kind ?? "", (problem) => String(problem));
  };
  assertEquals(await fetch(server.port, "secret"), "done");
  assertMatch(await fetch(server.port), /wants a token: --token/);
  assertMatch(await fetch(server.port, "wrong"), /refuses the token/);
  assertMatch(await fetch(open.port, "secret"), /asks for no token/);
});
