import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { TextLineStream } from "@std/streams";
import { filesBelow, pseudoRandomBytes } from "../support/bytes.ts";
import { certificates } from "../support/certificates.ts";
import { onTerminal } from "../support/on_terminal.ts";
import { plainTcpServer } from "../support/plain_tcp_server.ts";
import { finished, startTcpServer, startTransfer, transfer } from "../support/program.ts";
import { tcpFileServer } from "../support/tcp_file_server.ts";
import { tempDir } from "../support/temp_dir.ts";

const SMALL = pseudoRandomBytes(5000);
const LARGE = pseudoRandomBytes(3_500_000, 2);

function eventsOf(stdout: string): Record<string, unknown>[] {
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("files, directories and patterns are fetched with their times, and known again", async () => {
  await using dir = await tempDir();
  await using server = await tcpFileServer({
    "film.mkv": LARGE,
    "notes.txt": SMALL,
    "photos/one.jpg": SMALL,
    "photos/raw/two.cr2": LARGE,
    "other/three": SMALL,
  });
  await Deno.utime(join(server.dir, "film.mkv"), 0, new Date(1_600_000_000_456));
  const address = `127.0.0.1:${server.port}`;
  const get = (...args: string[]) => transfer(["tcp-get", address, ...args], { cwd: dir.path });

  const list = await get("--list");
  assertMatch(list.stdout, /^film\.mkv +3\.50 MB +2020-09-13 \d\d:\d\d$/m);
  assertMatch(list.stdout, /^photos\/ /m);

  const first = await get("film.mkv", "photos/", "*.txt", "--json");
  assertEquals(first.code, 0, first.stderr);
  const events = eventsOf(first.stdout);
  assertEquals(events.map(({ event, file }) => [event, file]), [
    ["done", "film.mkv"],
    ["done", "photos/one.jpg"],
    ["done", "photos/raw/two.cr2"],
    ["done", "notes.txt"],
    ["summary", undefined],
  ]);
  assertMatch(String(events[0]?.root), /^[0-9a-f]{64}$/);
  const data = join(dir.path, "data");
  assertEquals(await filesBelow(data), ["film.mkv", "notes.txt", "photos/one.jpg", "photos/raw/two.cr2"]);
  assertEquals(await Deno.readFile(join(data, "film.mkv")), LARGE);
  assertEquals((await Deno.stat(join(data, "film.mkv"))).mtime?.getTime(), 1_600_000_000_456);

  const again = await get("--all");
  assertEquals(again.code, 0, again.stderr);
  assertMatch(again.stdout, /1 file, 5\.00 KB in .*; 4 files were there already\n$/);
  assertEquals(await Deno.readFile(join(data, "other", "three")), SMALL);

  const missing = await get("none.txt", "film.mkv");
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "none.txt: It is not on the server");
});

Deno.test("exit codes tell usage, a server that is away, and what is corrupt", async () => {
  await using dir = await tempDir();
  const run = (...args: string[]) => transfer(["tcp-get", ...args], { cwd: dir.path });
  for (const args of [[], ["host:none"], ["host", "a", "--all"], ["host", "a", "--connections", "0"]]) {
    assertEquals((await run(...args)).code, 2, args.join(" "));
  }
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  closed.close();
  const away = await run(`127.0.0.1:${closed.addr.port}`, "a");
  assertEquals(away.code, 1);
  assertMatch(away.stderr, /Can't connect to 127\.0\.0\.1:\d+: nothing listens there/);
  await using liar = plainTcpServer({ "a": LARGE }, (answer, { text }) => {
    return text.startsWith("a|") && answer instanceof Uint8Array ? new Uint8Array(answer.length + 1) : answer;
  });
  const corrupt = await run(`127.0.0.1:${liar.port}`, "a");
  assertEquals(corrupt.code, 3, corrupt.stderr);
});

Deno.test("without names the list is shown, the input file followed, and Ctrl+C ends it", async () => {
  await using dir = await tempDir();
  await using server = plainTcpServer({ "film one.mkv": LARGE, "two.txt": SMALL });
  const input = join(dir.path, "input.txt");
  await Deno.writeTextFile(input, "two.txt\nnone\ntwo.txt\nfilm one.mkv\n");
  const child = startTransfer(["tcp-get", `127.0.0.1:${server.port}`], { cwd: dir.path });
  const errors = new Response(child.stderr).text();
  const shown: string[] = [];
  for await (
    const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
  ) {
    shown.push(line);
    if (line.endsWith("film one.mkv")) child.kill("SIGINT");
  }
  assertEquals((await child.status).code, 0);
  assertEquals(shown.slice(0, 2), ["film one.mkv  3.338MB", "two.txt       4.883KB"]);
  assertEquals(shown.slice(2).map((path) => path.split("/").at(-1)), ["two.txt", "film one.mkv"]);
  assertEquals(await errors, "none: It is not on the server\n");
  assertEquals(await Deno.readFile(join(dir.path, "data", "film one.mkv")), LARGE);
});

Deno.test("Ctrl+C in a transfer keeps what is there, says how to go on, and is told by the exit code", async () => {
  await using root = await tempDir();
  const served = join(root.path, "served");
  await Deno.mkdir(served);
  await Deno.writeFile(join(served, "film.mkv"), LARGE);
  await using server = await startTcpServer(served, { flags: ["--max-rate", "1M"] });
  const args = [
    "tcp-get",
    `127.0.0.1:${server.port}`,
    "film.mkv",
    "--out",
    join(root.path, "data"),
    "--json",
  ];
  await Deno.mkdir(join(root.path, "data"));
  const child = startTransfer(args);
  using watcher = Deno.watchFs(join(root.path, "data"));
  for await (const { paths } of watcher) if (paths.some((path) => path.endsWith(".part"))) break;
  child.kill("SIGINT");
  const { code, stdout, stderr } = await finished(child);
  assertEquals(code, 130, stderr);
  assertStringIncludes(stderr, "run the same command again to continue");
  assertEquals(eventsOf(stdout).at(-1)?.interrupted, true);
});

Deno.test("on a terminal each part has a bar, and the file one", async () => {
  await using root = await tempDir();
  const served = join(root.path, "served");
  await Deno.mkdir(served);
  await Deno.writeFile(join(served, "film.mkv"), LARGE);
  await using server = await startTcpServer(served, { flags: ["--max-rate", "2M"] });
  let most = "";
  const { code, screen } = await onTerminal(["tcp-get", `127.0.0.1:${server.port}`, "film.mkv"], {
    cwd: root.path,
    type: (text) => {
      if (text.split("%").length > most.split("%").length) most = text;
    },
  });
  assertEquals(code, 0, screen);
  for (const name of ["part 1", "part 2", "part 3", "part 4", "film.mkv"]) assertStringIncludes(most, name);
  // What was shown has gone; the result stays.
  assert(!screen.includes("part 1"), screen);
  assertStringIncludes(screen, "data/film.mkv");
});

Deno.test("on a narrow terminal no line is cut off or wrapped, and a dumb one gets results alone", async () => {
  await using root = await tempDir();
  const served = join(root.path, "served");
  await Deno.mkdir(served);
  await Deno.writeFile(join(served, "a film with a long name.mkv"), LARGE);
  await Deno.writeFile(join(served, "b.mkv"), SMALL);
  await using server = await startTcpServer(served, { flags: ["--max-rate", "2M"] });
  const args = ["tcp-get", `127.0.0.1:${server.port}`, "--all"];
  const frames = new Set<string>();
  const { code, screen } = await onTerminal(args, {
    cwd: root.path,
    columns: 40,
    type: (text) => frames.add(text),
  });
  assertEquals(code, 0, screen);
  assertMatch(screen, /\n2 files, 3\.50 MB in [^\n]*\n$/);
  const lines = [...frames].flatMap((frame) => frame.split("\n")).filter((line) => / left?$|%/.test(line));
  assert(lines.some((line) => line.endsWith("s left")), [...frames].join("\n\n"));
  for (const line of lines) {
    assertMatch(
      line,
      /^(?:.{1,17}) {2,}\d+\.\d %(?: +[\d.]+ [KM]?B\/s)?(?: +(?:(?:\d+m)?\d+s left|[a-z ]+))?$/,
    );
  }
  const dumb = await onTerminal(args, {
    cwd: served,
    env: { TERM: "dumb" },
    type: () => {},
  });
  assertEquals([dumb.code, dumb.output.includes("\x1b")], [0, false], dumb.output);
});

Deno.test("over TLS, with a token, files come from a server whose certificate is trusted", async () => {
  await using root = await tempDir();
  const served = join(root.path, "served");
  await Deno.mkdir(served);
  await Deno.writeFile(join(served, "film.mkv"), LARGE);
  const issued = await certificates(root.path);
  const { cert, key } = await issued.issue("DNS:localhost");
  await Deno.writeTextFile(join(root.path, "cert.pem"), cert);
  await Deno.writeTextFile(join(root.path, "key.pem"), key);
  const tls = ["--tls-cert", join(root.path, "cert.pem"), "--tls-key", join(root.path, "key.pem")];
  await using server = await startTcpServer(served, { flags: [...tls, "--token", "secret"] });
  const get = (...flags: string[]) => {
    return transfer(["tcp-get", `localhost:${server.port}`, "film.mkv", ...flags], { cwd: root.path });
  };
  const good = await get("--ca", issued.ca, "--token", "secret");
  assertEquals(good.code, 0, good.stderr);
  assertEquals(await Deno.readFile(join(root.path, "data", "film.mkv")), LARGE);
  assertMatch(
    (await get("--tls", "--token", "secret")).stderr,
    /issued by nobody who is trusted here.*--ca FILE/,
  );
  assertMatch((await get("--ca", issued.ca)).stderr, /wants a token: --token/);
  assertMatch((await get("--ca", issued.ca, "--token", "wrong")).stderr, /refuses the token/);
  await using plain = plainTcpServer({ "film.mkv": LARGE });
  const none = await transfer(["tcp-get", `localhost:${plain.port}`, "a", "--tls"], { cwd: root.path });
  assertMatch(none.stderr, /does not speak TLS there: leave --tls away/);
});

/** What can't be a directory, or have one, and what is said of it. The system's own file systems refuse root, too. */
const UNFIT_PLACES: readonly (readonly [string, string])[] = [
  ["file/", "is no directory"],
  ["file/a/", "something above it is no"],
  ...Deno.build.os === "linux" ? [["/proc/none/", "no directory can be made there"] as const] : [],
];

Deno.test("a place that can't be a directory is told as such", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(join(dir.path, "file"), "1");
  await using files = await tcpFileServer({ "a": SMALL });
  const run = (...args: string[]) => transfer(args, { cwd: dir.path });
  const tcp = ["tcp-get", `127.0.0.1:${files.port}`, "a", "--out"];
  const http = ["fetch-ranges", "http://127.0.0.1:1/a", "--out"];
  const serve = ["ws-serve", "--port", "0", "--dir"];
  for (const command of [tcp, http, serve]) {
    for (const [out, why] of UNFIT_PLACES) {
      const { code, stderr } = await run(...command, out);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, why);
      assert(!stderr.includes("os error"), stderr);
    }
  }
});
