import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { BLOCK_BYTES } from "../../../protocols/tcp_file/blocks.ts";
import { digestOf } from "../../../protocols/tcp_file/digests.ts";
import { filesBelow, pseudoRandomBytes } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchNames } from "../../support/tree_fetch.ts";
import { type Misbehaviour, xferTestServer } from "../../support/xfer_test_server.ts";

const BLOCKS = 6;
const FILE = pseudoRandomBytes(BLOCKS * BLOCK_BYTES - 1000);
const OTHER = pseudoRandomBytes(FILE.length, 9);

Deno.test("a file that changes while it is fetched is the new one in the end, and never a mixture", async () => {
  await using dir = await tempDir();
  let changes = 0;
  await using server = xferTestServer({ "a": FILE }, {
    misbehaviour: {
      data: (honest, { count }) => {
        if (count === 3 && changes++ === 0) {
          server.files.set("a", {
            bytes: OTHER.subarray(0, 4 * BLOCK_BYTES + 5),
            mtimeMs: 1_800_000_000_000,
          });
          return ["refuse"];
        }
        return honest;
      },
    },
  });
  const [end] = await fetchNames({ port: server.port, directory: dir.path });
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "a")), OTHER.subarray(0, 4 * BLOCK_BYTES + 5));
  assertEquals((await Deno.stat(join(dir.path, "a"))).mtime?.getTime(), 1_800_000_000_000);
});

Deno.test("a file that changes after its last block is noticed by its root, and fetched anew", async () => {
  await using dir = await tempDir();
  await using server = xferTestServer({ "a": FILE }, {
    misbehaviour: {
      data: (honest, { count }) => {
        if (count === BLOCKS - 1) server.files.set("a", { bytes: OTHER, mtimeMs: 1_800_000_000_000 });
        return honest;
      },
    },
  });
  const [end] = await fetchNames({ port: server.port, directory: dir.path, connections: 1 });
  assertEquals(end?.kind, "done");
  assertEquals(digestOf(await Deno.readFile(join(dir.path, "a"))), digestOf(OTHER));
});

Deno.test("a file that never stays the same is given up", async () => {
  await using dir = await tempDir();
  let mtimeMs = 0;
  await using server = xferTestServer({ "a": FILE }, {
    misbehaviour: {
      data: (honest) => honest.map((data) => ({ ...data, version: { ...data.version, mtimeMs: ++mtimeMs } })),
    },
  });
  const [end] = await fetchNames({ port: server.port, directory: dir.path, connections: 1 });
  assert(end?.kind === "failed" && !end.isCorrupt);
  assertMatch(end.reason, /changed/);
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("what a run left is gone on with, block by block, if the file is still the same", async () => {
  await using dir = await tempDir();
  const stop = new AbortController();
  let isStopped = false;
  const misbehaviour: Misbehaviour = {
    // One connection, so that three blocks are there and the fourth never comes.
    data: (honest) => {
      if (server.gets.length <= 3 || isStopped) return honest;
      stop.abort("SIGINT");
      return ["hang up"];
    },
  };
  await using server = xferTestServer({ "a": FILE }, { misbehaviour });
  const setting = { port: server.port, directory: dir.path, connections: 1 };
  await fetchNames({ ...setting, signal: stop.signal }).catch((reason) => assertEquals(reason, "SIGINT"));
  assertEquals(await filesBelow(dir.path), ["a.part", "a.part.journal"]);
  isStopped = true;
  const before = server.gets.length;
  const [end] = await fetchNames(setting);
  assert(end?.kind === "done");
  const kept = FILE.length - end.fetchedBytes;
  assert(kept > 0 && kept % BLOCK_BYTES === 0, String(kept));
  assertEquals(server.gets.length - before, BLOCKS - kept / BLOCK_BYTES);
  assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
  assertEquals(await filesBelow(dir.path), ["a"]);
});

/** What a run over one connection has left of "a", which was ended at this request for a block. */
async function stoppedRun(request: number) {
  const resources = new AsyncDisposableStack();
  const dir = resources.use(await tempDir());
  const stop = new AbortController();
  const server = resources.use(xferTestServer({ "a": FILE }, {
    misbehaviour: {
      data: (honest) => {
        if (server.gets.length !== request) return honest;
        stop.abort("SIGINT");
        return ["hang up"];
      },
    },
  }));
  const setting = { port: server.port, directory: dir.path, connections: 1 };
  await fetchNames({ ...setting, signal: stop.signal }).catch((reason) => assertEquals(reason, "SIGINT"));
  return { dir, server, setting, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

Deno.test("what a run left of a file that is there by now goes", async () => {
  await using run = await stoppedRun(4);
  const { dir, setting } = run;
  await Deno.writeFile(join(dir.path, "a"), FILE);
  await Deno.utime(join(dir.path, "a"), 0, new Date(1_700_000_000_123));
  const [end] = await fetchNames(setting);
  assertEquals(end?.kind, "there");
  assertEquals(await filesBelow(dir.path), ["a"]);
});

Deno.test("what a run left of another version is thrown away", async () => {
  await using run = await stoppedRun(4);
  const { dir, server, setting } = run;
  server.files.set("a", { bytes: OTHER, mtimeMs: 1_700_000_000_124 });
  const before = server.gets.length;
  const [end] = await fetchNames(setting);
  assert(end?.kind === "done");
  // At once, not after the root has told.
  assertEquals(server.gets.length - before, BLOCKS);
  assertEquals(end.fetchedBytes, OTHER.length);
  assertEquals(await Deno.readFile(join(dir.path, "a")), OTHER);
});

Deno.test("a part that the disk has changed meanwhile is found out by the root, and fetched anew", async () => {
  await using run = await stoppedRun(5);
  const { dir, server, setting } = run;
  // Same size and time, other bytes: only the root can tell.
  server.files.set("a", { bytes: OTHER, mtimeMs: 1_700_000_000_123 });
  const [end] = await fetchNames(setting);
  assertEquals(end?.kind, "done");
  assertEquals(digestOf(await Deno.readFile(join(dir.path, "a"))), digestOf(OTHER));
});
