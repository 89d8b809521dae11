import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { type Disk, realDisk } from "../../../store/disk.ts";
import { filesBelow, pseudoRandomBytes } from "../../support/bytes.ts";
import { plainTcpServer, type PlainTweak } from "../../support/plain_tcp_server.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { fetchNames } from "../../support/tree_fetch.ts";

const FILE = pseudoRandomBytes(3_000_017);
const encoder = new TextEncoder();

/** Changes the answer to the first request for a range. */
function atFirstRange(lie: (honest: Uint8Array) => ReturnType<PlainTweak>): PlainTweak {
  let isFirst = true;
  return (answer, { text }) => {
    if (!text.includes("|") || !isFirst || !(answer instanceof Uint8Array)) return answer;
    isFirst = false;
    return lie(answer);
  };
}

Deno.test("files come from a plain server in four parts, one connection each", async () => {
  await using dir = await tempDir();
  const names = ["a film.mkv", 'it\'s "quoted".txt', "-rf", "naïve ☃.bin"];
  await using server = plainTcpServer({
    ...Object.fromEntries(names.map((name) => [name, FILE])),
    "empty": new Uint8Array(0),
  });
  const ends = await fetchNames({ port: server.port, directory: dir.path }, [...names, "empty"]);
  assertEquals(new Set(ends.map(({ kind }) => kind)), new Set(["done"]));
  for (const end of ends) {
    assert(end.kind === "done");
    assertEquals(await Deno.readFile(end.local), server.files.get(end.path));
  }
  const quarter = 750_004;
  const ranges = [[0, quarter], [quarter, 2 * quarter], [2 * quarter, 3 * quarter], [
    3 * quarter,
    FILE.length,
  ]];
  const asked = server.requests.filter((request) => request.startsWith("a film.mkv|")).sort();
  assertEquals(asked, ranges.map(([from, to]) => `a film.mkv|${from}-${to}`).sort());
});

Deno.test("a list longer than one receive is told from what follows it", async () => {
  await using dir = await tempDir();
  const many = Array.from({ length: 2000 }, (_, i) => [`file number ${i}`, new Uint8Array(1)] as const);
  await using server = plainTcpServer({ ...Object.fromEntries(many), "a": FILE });
  const [end] = await fetchNames({ port: server.port, directory: dir.path }, ["a"]);
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
});

Deno.test("a name that is not there, or that can't be asked for, fails alone", async () => {
  await using dir = await tempDir();
  await using server = plainTcpServer({ "a": FILE });
  const long = "a".repeat(4090);
  const ends = await fetchNames({ port: server.port, directory: dir.path }, ["none", "a|b", long, "a"]);
  assertEquals(ends.map((end) => [end.path, end.kind, end.kind === "failed" && end.isMissing]), [
    ["none", "failed", true],
    ["a|b", "failed", false],
    [long, "failed", false],
    ["a", "done", false],
  ]);
  assertEquals(server.requests.some((request) => request.startsWith("a|b")), false);
});

Deno.test("a connection that is cut off is replaced, and only what is missing is asked for", async () => {
  await using dir = await tempDir();
  await using server = plainTcpServer({ "a": FILE }, atFirstRange(() => "hang up"));
  const [end] = await fetchNames({ port: server.port, directory: dir.path }, ["a"]);
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
});

Deno.test("a server that sends too little and waits is asked for the rest over another connection", async () => {
  await using dir = await tempDir();
  let silences = 0;
  await using server = plainTcpServer({ "a": FILE }, (answer, { text }) => {
    if (!text.includes("|") || silences++ > 0 || !(answer instanceof Uint8Array)) return answer;
    return answer.subarray(0, 1000);
  });
  const [end] = await fetchNames({ port: server.port, directory: dir.path, silenceMs: 300 }, ["a"]);
  assertEquals(end?.kind, "done");
  assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
});

Deno.test("a server that sends more than it was asked for is not believed", async () => {
  await using dir = await tempDir();
  await using server = plainTcpServer(
    { "a": FILE },
    atFirstRange((honest) => new Uint8Array([...honest, 1])),
  );
  const [end] = await fetchNames({ port: server.port, directory: dir.path }, ["a"]);
  assert(end?.kind === "failed" && end.isCorrupt);
  assertMatch(end.reason, /more than the 75000[45] bytes/);
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("a file that has another size in the end is not kept", async () => {
  await using dir = await tempDir();
  await using server = plainTcpServer(
    { "a": FILE },
    atFirstRange((honest) => {
      server.files.set("a", new Uint8Array(FILE.length + 1));
      return honest;
    }),
  );
  const [end] = await fetchNames({ port: server.port, directory: dir.path }, ["a"]);
  assert(end?.kind === "failed" && end.isCorrupt);
  assertMatch(end.reason, /had 3000017 bytes on the server, and has 3000018 now/);
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("an answer that is no size is no file", async () => {
  await using dir = await tempDir();
  for (const text of ["-5", "1e3", "12 bytes", "99999999999999999999", "\0"]) {
    await using server = plainTcpServer({ "a": FILE }, (answer, request) => {
      return request.text === "a" ? encoder.encode(text) : answer;
    });
    const [end] = await fetchNames({ port: server.port, directory: dir.path }, ["a"]);
    assert(end?.kind === "failed");
    assertMatch(end.reason, /does not answer with a size/);
  }
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("a server that sends the whole file for each range is not believed, and nothing of it is kept", async () => {
  await using dir = await tempDir();
  await using server = plainTcpServer(
    { "a": FILE },
    (answer, { text }) => text.includes("|") ? FILE : answer,
  );
  const [end] = await fetchNames({ port: server.port, directory: dir.path }, ["a"]);
  assert(end?.kind === "failed" && end.isCorrupt);
  assertEquals(await filesBelow(dir.path), []);
});

Deno.test("the words that a file is not there are no bytes of it", async () => {
  await using dir = await tempDir();
  for (const isBack of [true, false]) {
    let vanished = 0;
    await using server = plainTcpServer({ "a": FILE }, (answer, { text }) => {
      if (!text.includes("|") || (isBack && vanished > 0)) return answer;
      vanished++;
      if (!isBack) server.files.delete("a");
      return encoder.encode("File a not found.");
    });
    const setting = { port: server.port, directory: dir.path, silenceMs: 300 };
    const [end] = await fetchNames(setting, ["a"]);
    if (isBack) {
      assertEquals(end?.kind, "done");
      assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
      await Deno.remove(join(dir.path, "a"));
    } else {
      assert(end?.kind === "failed" && end.isMissing);
      assertEquals(await filesBelow(dir.path), []);
    }
  }
});

Deno.test("a name that a server answers in words of its own fails alone", async () => {
  await using dir = await tempDir();
  await using server = plainTcpServer({ "a": FILE }, (answer, { text }) => {
    return text === "b " ? encoder.encode("File b not found.") : answer;
  });
  const ends = await fetchNames({ port: server.port, directory: dir.path }, ["b ", "a"]);
  assertEquals(ends.map(({ kind }) => kind), ["failed", "done"]);
});

Deno.test("what a run left of a file of this size is gone on with", async () => {
  await using dir = await tempDir();
  const stop = new AbortController();
  let isStopping = true;
  await using server = plainTcpServer({ "a": FILE }, (answer, { text }) => {
    if (!isStopping || !text.startsWith("a|2250012-")) return answer;
    // The other three parts are there, or on their way.
    return "silence";
  });
  const setting = { port: server.port, directory: dir.path };
  const first = fetchNames({
    ...setting,
    signal: stop.signal,
    disk: tellingDisk(2_000_000, () => stop.abort("SIGINT")),
  }, ["a"]);
  assertEquals(await first.catch((reason) => reason), "SIGINT");
  assertEquals(await filesBelow(dir.path), ["a.part", "a.part.journal"]);
  isStopping = false;
  const [end] = await fetchNames(setting, ["a"]);
  assert(end?.kind === "done");
  assert(end.fetchedBytes <= FILE.length - 2_000_000, String(end.fetchedBytes));
  assertEquals(await Deno.readFile(join(dir.path, "a")), FILE);
  const [again] = await fetchNames(setting, ["a"]);
  assertEquals(again?.kind, "there");
});

/** A disk that tells once so much of parts has been written. */
function tellingDisk(bytes: number, tell: () => void): Disk {
  const disk = realDisk();
  let left = bytes;
  return {
    ...disk,
    async open(path) {
      const file = await disk.open(path);
      if (!path.endsWith(".part")) return file;
      return {
        ...file,
        async writeAt(piece, offset) {
          await file.writeAt(piece, offset);
          left -= piece.length;
          if (left <= 0) tell();
        },
      };
    },
  };
}
