import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../commands/command.ts";
import { serverAddress } from "../../commands/server_address.ts";
import { entriesOn, matching } from "../../commands/file_get_names.ts";
import { fileGetView } from "../../commands/file_get_progress.ts";
import { FileTally } from "../../commands/file_get_tally.ts";
import { Remote } from "../../protocols/tcp_file/remote.ts";
import { ByteRanges } from "../../store/byte_ranges.ts";
import { textWidth } from "../../terminal/text_width.ts";
import { tcpFileServer } from "../support/tcp_file_server.ts";

Deno.test("a server is a name or an address, with a port or without", () => {
  const addresses: readonly (readonly [string, string, number])[] = [
    ["files.lan", "files.lan", 9876],
    ["files.lan:1", "files.lan", 1],
    ["10.0.0.7:65535", "10.0.0.7", 65_535],
    ["::1", "::1", 9876],
    ["[fe80::1]:99", "fe80::1", 99],
  ];
  for (const [text, hostname, port] of addresses) assertEquals(serverAddress(text, 9876), { hostname, port });
  for (const text of ["", ":1", "a:", "a:0", "a:65536", "a:b", "tcp://a", "a/b", "[a]:1", "u@a", "a b"]) {
    assertThrows(() => serverAddress(text, 9876), UsageError);
  }
});

Deno.test("a pattern stands for what it matches, with all that is below it", () => {
  const entries = [
    "a.jpg",
    "b.txt",
    "photos/",
    "photos/one.jpg",
    "photos/raw/",
    "photos/raw/one.cr2",
    "q[1].txt",
  ]
    .map((path) => ({
      path: path.replace(/\/$/, ""),
      type: path.endsWith("/") ? "directory" : "file",
      size: 0,
      mtimeMs: 0,
    } as const));
  const found = (pattern: string) => matching(entries, pattern).map(({ path }) => path);
  assertEquals(found("*.jpg"), ["a.jpg"]);
  assertEquals(found("**/*.jpg"), ["a.jpg", "photos/one.jpg"]);
  assertEquals(found("ph*"), ["photos", "photos/one.jpg", "photos/raw", "photos/raw/one.cr2"]);
  assertEquals(found("photos/r?w"), ["photos/raw", "photos/raw/one.cr2"]);
  assertEquals(found("*.{txt,cr2}"), ["b.txt", "q[1].txt"]);
  assertEquals(found("x*"), []);
  assertEquals(found("[z-a].jpg"), []);
});

Deno.test("a name that no server can have is not there, and the next is", async () => {
  await using server = await tcpFileServer({ "a.txt": "x" });
  const endpoint = { hostname: "127.0.0.1", port: server.port };
  using remote = new Remote({ endpoint, tls: undefined, token: undefined }, new AbortController().signal);
  const entriesOf = entriesOn(remote);
  for (
    const name of ["/a.txt", "../a.txt", "b//a.txt", "b/../a.txt", "[z-a].txt", "x\0", "x".repeat(40_000)]
  ) {
    assertEquals(await entriesOf(name), [], name.slice(0, 20));
  }
  assertEquals((await entriesOf("./a.txt")).map(({ path }) => path), ["a.txt"]);
});

Deno.test("progress shows each part and the file, on any terminal", () => {
  const tally = new FileTally();
  tally.expect({ files: 1, bytes: 4000 });
  const written = new ByteRanges([{ from: 0, to: 1000 }, { from: 1500, to: 1750 }, { from: 2500, to: 3500 }]);
  tally.begin({ path: "two words\n.mkv", size: 4000, written, note: undefined });
  const view = fileGetView(tally, { parts: 4, server: "files.lan:9876" });
  const lines = view.lines({ columns: 100, rows: 24 });
  const shares = lines.map((line) => /([\d.]+) %/.exec(line)?.[1]);
  assertEquals(shares, ["100.0", "25.0", "50.0", "50.0", "56.2"]);
  assertEquals(lines.map((line) => line.split(/ *\[/)[0]), [
    "  part 1",
    "  part 2",
    "  part 3",
    "  part 4",
    "two words\\n.mkv",
  ]);
  for (const columns of [1, 10, 20, 40, 60, 200]) {
    for (const rows of [1, 2, 3, 5, 50]) {
      const drawn = view.lines({ columns, rows });
      assertEquals(drawn.every((line) => textWidth(line) <= columns), true);
      assertEquals(
        drawn.length >= 1 && drawn.length <= Math.max(1, rows - 1),
        true,
        `${rows}: ${drawn.length}`,
      );
    }
  }
  assertEquals(view.plain(), "two words\\n.mkv: 56.2 %  2.25 KB of 4.00 KB");
  tally.expect({ files: 9, bytes: 10_000 });
  assertEquals(view.lines({ columns: 100, rows: 24 }).length, 6);
  assertEquals(view.plain(), "0 of 10 files: 16.0 %  2.25 KB of 14.0 KB");
});
