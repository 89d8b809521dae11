import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import * as fault from "../support/faults.ts";
import { finished, startTransfer, transfer } from "../support/program.ts";
import { rangeServer } from "../support/range_server.ts";
import { tempDir } from "../support/temp_dir.ts";

const SIZE = 2_000_000;
const FILE = pseudoRandomBytes(SIZE);
const SHA256 = sha256(FILE);
const SMALL = ["--block", "256K"];

Deno.test("a file is fetched, and its last lines tell where it is, how fast it came and its digest", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const run = await transfer(["fetch-ranges", `${server.origin}/a%20film.bin`, ...SMALL], { cwd: dir.path });
  assertEquals([run.code, run.stderr], [0, ""]);
  const [file = "", digest = "", summary = ""] = run.stdout.trimEnd().split("\n");
  assertEquals(file, `${server.origin}/a%20film.bin -> ${await Deno.realPath(dir.path)}/a film.bin`);
  assertEquals(digest, `  SHA-256 ${SHA256}`);
  assertMatch(summary, /^1 file, 2\.00 MB in \d+\.\d\d s, [\d.]+ MB\/s$/);
  assertEquals(await Deno.readFile(join(dir.path, "a film.bin")), FILE);
});

Deno.test("a file that is not what its checksum says is exit code 3, one that is not there 1", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE, {
    tweak: (answer, request, connection) =>
      request.target === "/gone" ? fault.refusal(404)(answer, request, connection) : answer,
  });
  const out = ["--out", `${dir.path}/`];
  const url = `${server.origin}/data.bin`;
  const wrong = await transfer(["fetch-ranges", url, "--checksum", `sha-256=${"0".repeat(64)}`, ...out]);
  assertEquals(wrong.code, 3);
  assertMatch(wrong.stdout, /^0 files; 1 failed\n$/);
  assertStringIncludes(wrong.stderr, `its SHA-256 is ${SHA256}`);
  const gone = await transfer(["fetch-ranges", `${server.origin}/gone`, ...out]);
  assertEquals(gone.code, 1);
  assertMatch(gone.stdout, /^0 files; 1 failed\n$/);
  assertStringIncludes(gone.stderr, "404 Not Found");
  assertEquals(await filesBelow(dir.path), []);
  const right = await transfer(["fetch-ranges", url, "--checksum", `sha-256=${SHA256}`, ...out]);
  assertEquals(right.code, 0, right.stderr);
});

Deno.test("several URLs, of arguments and of a file, end with a summary", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE, {
    tweak: (answer, request, connection) =>
      request.target === "/gone" ? fault.refusal(404)(answer, request, connection) : answer,
  });
  const list = join(dir.path, "urls.txt");
  await Deno.writeTextFile(list, `# two\n${server.origin}/gone\n\n${server.origin}/two.bin\n`);
  const files = join(dir.path, "files");
  const args = ["fetch-ranges", `${server.origin}/one.bin`, "--input", list, "--out", files];
  const { code, stdout } = await transfer([...args, "--json"]);
  assertEquals(code, 1);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ event }) => event), ["done", "failed", "done", "summary"]);
  assertEquals(events[0].path, join(await Deno.realPath(files), "one.bin"));
  assertEquals([events[0].bytes, events[0].transferredBytes, events[0].sha256], [SIZE, SIZE, SHA256]);
  assertEquals([events[3].files, events[3].bytes, events[3].failed], [2, 2 * SIZE, 1]);
  assertEquals(await filesBelow(files), ["one.bin", "two.bin"]);
});

Deno.test("an interrupted download is exit code 130, and the same command goes on", async () => {
  await using dir = await tempDir();
  // The third answer and all behind it stall, until the second run asks.
  const late = fault.from(2, fault.cutOff(1000, "silence"));
  let isSecond = false;
  const { promise: hasStalled, resolve: noteStall } = Promise.withResolvers<void>();
  await using server = await rangeServer(FILE, {
    tweak: (answer, request, connection) => {
      if (request.index === 2) noteStall();
      return isSecond ? answer : late(answer, request, connection);
    },
  });
  const args = [
    "fetch-ranges",
    `${server.origin}/data.bin`,
    "--out",
    `${dir.path}/`,
    "--threads",
    "2",
    ...SMALL,
  ];
  const child = startTransfer(args);
  await hasStalled;
  child.kill("SIGINT");
  const first = await finished(child);
  assertEquals(first.code, 130);
  assertMatch(first.stdout, /^0 files; interrupted\n$/);
  assertMatch(first.stderr, /interrupted at .*; run the same command again to continue/);
  assertEquals(await filesBelow(dir.path), ["data.bin.part", "data.bin.part.journal"]);
  isSecond = true;
  const second = await transfer(args);
  assertEquals(second.code, 0, second.stderr);
  assertMatch(second.stdout, /were there already/);
  assertEquals(await Deno.readFile(join(dir.path, "data.bin")), FILE);
});

Deno.test("user and password are sent, and never shown", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE, {
    tweak: (answer, request, connection) =>
      request.headers.get("authorization") === `Basic ${btoa("me:hush")}`
        ? answer
        : fault.refusal(401)(answer, request, connection),
  });
  const { port } = server;
  const out = ["--out", `${dir.path}/`];
  const denied = await transfer(["fetch-ranges", `http://me:wrong@127.0.0.1:${port}/data.bin`, ...out]);
  assertEquals(denied.code, 1);
  assert(!denied.stderr.includes("wrong"), denied.stderr);
  const url = `${server.origin}/data.bin`;
  const { code, stdout, stderr } = await transfer(["fetch-ranges", url, ...out], {
    env: { TRANSFER_USER: "me:hush" },
  });
  assertEquals(code, 0, stderr);
  assert(!(stdout + stderr).includes("hush"), stdout);
});

Deno.test("wrong usage is exit code 2, and tells what was expected", async () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "Name a URL"],
    [["film.mkv"], "expected a URL such as"],
    [
      ["http://127.0.0.1/a", "http://127.0.0.1/b", "--mirror", "http://127.0.0.1/c"],
      "--mirror is for one URL",
    ],
    [["http://127.0.0.1/a", "--threads", "0"], "--threads: expected a whole number from 1 to 64"],
    [["http://127.0.0.1/a", "--user", ":hush"], "--user: expected NAME:PASSWORD"],
    [["http://127.0.0.1/a", "--header", "Range: bytes=0-1"], "--header: expected a header"],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await transfer(["fetch-ranges", ...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, message);
    assert(!stderr.includes("hush"), stderr);
  }
});

Deno.test("maxThreads and maxBlockBytes of the settings file hold", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  const config = join(dir.path, "transfer.json");
  await Deno.writeTextFile(config, JSON.stringify({ maxThreads: 2, maxBlockBytes: "128K" }));
  const args = ["fetch-ranges", `${server.origin}/data.bin`, "--out", `${dir.path}/`];
  for (const flags of [["--threads", "3"], ["--block", "256K"]]) {
    const { code, stderr } = await transfer([...args, ...flags, "--config", config]);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /is more than "max(Threads|BlockBytes)" of the settings file allows/);
  }
  // What nobody asked for becomes what is allowed.
  const { code, stderr } = await transfer([...args, "--config", config]);
  assertEquals(code, 0, stderr);
  assert(server.connections.most <= 2, `${server.connections.most}`);
  assertEquals(server.requests[0]?.range, { from: 0, to: 128 * 1024 });
});

Deno.test("mirrors are named when they are of no use", async () => {
  await using dir = await tempDir();
  await using server = await rangeServer(FILE);
  await using other = await rangeServer(FILE.subarray(1));
  const mirror = `http://me:hush@127.0.0.1:${other.port}/data.bin`;
  const args = ["fetch-ranges", `${server.origin}/data.bin`, "--mirror", mirror, "--out", `${dir.path}/`];
  const { code, stderr } = await transfer([...args, ...SMALL]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /data\.bin: not used: It has another file/);
  assert(!stderr.includes("hush"), stderr);
});
