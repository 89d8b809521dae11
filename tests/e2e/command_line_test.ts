import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { finished, startServer, startTransfer, transfer } from "../support/program.ts";

async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "transfer-test-" });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("help, version and wrong usage", async () => {
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["--help"], 0, /ws-serve.*\n.*upload/],
    [["--version"], 0, /^transfer \d+\.\d+\.\d+\n$/],
    [["upload", "--help"], 0, /Usage: transfer upload FILE\.\.\. \[flags\]/],
    [["ws-serve", "--help"], 0, /--max-sessions N/],
    [[], 2, /A command is missing/],
    [
      ["help", "tracker", "proxy"],
      0,
      /Usage: transfer tracker proxy \[flags\][^]*\nExamples:\n {2}transfer tracker proxy/,
    ],
    [["fly"], 2, /Unknown command: fly; there are ws-serve, upload/],
    [["uplaod"], 2, /Unknown command: uplaod; did you mean "transfer upload"\?\n$/],
    [["tracker", "bakup"], 2, /did you mean "transfer tracker backup"\?\n$/],
    [["tracker", "usr", "add", "ann"], 2, /did you mean "transfer tracker user add"\?\n$/],
    [["tcp", "get", "here"], 2, /did you mean "transfer tcp-get"\?\n$/],
    [["chat"], 2, /did you mean "transfer tracker chat"\?\n$/],
    [["--versoin"], 2, /Unknown flag: --versoin; did you mean --version\?\n$/],
    [["fetch-ranges", "--tread", "5"], 2, /Unknown flag: --tread; did you mean --threads\?\n/],
    [["tracker", "user"], 2, /did you mean "transfer tracker user add"\?\n$/],
    [
      ["upload", "a", "--paralel=2"],
      2,
      /--paralel=2; did you mean --parallel\?\nSee: transfer upload --help/,
    ],
    [["completions", "csh"], 2, /Expected one shell: bash, zsh, fish\nSee: transfer completions --help/],
    [["upload"], 2, /Name a file to upload/],
    [["upload", "-"], 2, /with --name/],
    [["upload", "-", "a", "--name", "x"], 2, /uploaded alone/],
    [["upload", "a", "b", "--name", "x"], 2, /--name is for one file/],
    [["upload", "/tmp", "--name", "x"], 2, /--name is for one file/],
    [["upload", "a", "b", "--id", "x"], 2, /--id is for one file/],
    [["upload", "--chunk", "5M", "a"], 2, /expected a size from 1 to 4M/],
    [["ws-serve", "extra"], 2, /Unexpected argument: extra/],
    [["upload", "--parallel", "257", "a"], 2, /expected a whole number from 1 to 256/],
    [["upload", "/tmp", "--id", "x"], 2, /--id is for one file/],
  ];
  const runs = await Promise.all(cases.map(([args]) => transfer(args)));
  for (const [i, { code, stdout, stderr }] of runs.entries()) {
    const [args = [], expectedCode, text = /never/] = cases[i] ?? [];
    assertEquals(code, expectedCode, `${args.join(" ")}: ${stderr}`);
    assertMatch(code === 0 ? stdout : stderr, text);
    assertEquals(code === 0 ? stderr : stdout, "");
  }
});

Deno.test("a program whose results nobody reads ends quietly, and one whose notes nobody reads goes on", async () => {
  for (const args of [["config", "--json"], ["completions", "bash"], ["upload", "--help"]]) {
    const child = startTransfer(args);
    await child.stdout.cancel();
    const stderr = await new Response(child.stderr).text();
    assertEquals({ stderr, code: (await child.status).code }, { stderr: "", code: 141 });
  }
  const child = startTransfer(["upload", "no-such-file"]);
  await child.stderr.cancel();
  assertMatch(await new Response(child.stdout).text(), /1 failed\n$/);
  assertEquals((await child.status).code, 1);
});

Deno.test("a file that can't be read is told with its reason, and in the summary", async () => {
  const cases = [["no-such-file", "There is no such file"], ["/dev/null", "It is no regular file"]] as const;
  for (const [file, error] of cases) {
    const { code, stdout, stderr } = await transfer(["upload", file]);
    assertEquals([code, stderr], [1, `${file}: ${error}\n`]);
    assertMatch(stdout, /^0 files; 1 failed\n$/);
  }
});

Deno.test("several files one after another, and what is told of each", async () => {
  await inTempDir(async (dir) => {
    const uploads = join(dir, "uploads");
    await using server = await startServer(uploads);
    const bytes = pseudoRandomBytes(300_000);
    await Deno.writeFile(join(dir, "one.bin"), bytes);
    await Deno.writeFile(join(dir, "two\n.bin"), bytes.subarray(1));
    const { code, stdout, stderr } = await transfer(
      ["upload", "one.bin", "missing", "two\n.bin", "--parallel", "1", "--ws", server.ws],
      { cwd: dir },
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, "missing: There is no such file");
    const lines = stdout.split("\n");
    assertEquals(lines[0], `one.bin -> ${join(uploads, "one.bin")}`);
    assertEquals(lines[1], `  SHA-256 ${sha256(bytes)}`);
    assertEquals(lines[2], `two\\n.bin -> ${join(uploads, "two_.bin")}`);
    assertMatch(lines[4] ?? "", /^2 files, 600 KB in \d+\.\d\d s, [\d.]+ [KMG]B\/s; 1 failed$/);
    assertEquals(await filesBelow(uploads), ["one.bin", "two_.bin"]);
    assertEquals((await server.end("SIGTERM")).code, 0);
  });
});

Deno.test("Ctrl+C keeps the part and says how to go on; SIGTERM stops the server in order", async () => {
  await inTempDir(async (dir) => {
    const uploads = join(dir, "uploads");
    await using server = await startServer(uploads);
    await Deno.writeFile(join(dir, "data.bin"), pseudoRandomBytes(64_000_000));
    const args = ["upload", "data.bin", "--ws", server.ws, "--chunk", "16K"];
    using watcher = Deno.watchFs(uploads);
    const client = startTransfer(args, { cwd: dir });
    for await (const event of watcher) {
      if (event.kind === "modify" && event.paths.some((path) => path.endsWith("data.bin.part"))) break;
    }
    client.kill("SIGINT");
    const { code, stderr } = await finished(client);
    assertEquals(code, 130, stderr);
    assertStringIncludes(stderr, "run the same command again to continue");
    assertEquals((await server.end("SIGTERM")).code, 0);
    assertEquals(await filesBelow(uploads), ["data.bin.part", "data.bin.part.journal"]);
  });
});

Deno.test("a port that is taken is said in one line", async () => {
  await inTempDir(async (dir) => {
    await using server = await startServer(join(dir, "one"));
    const { code, stderr } = await transfer([
      "ws-serve",
      "--dir",
      join(dir, "two"),
      "--port",
      `${server.port}`,
    ]);
    assertEquals(code, 1);
    assertMatch(stderr, /^transfer: Port \d+ of 127\.0\.0\.1 is in use: .*--port.*\n$/);
  });
});
