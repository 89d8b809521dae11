import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { transfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("transfer config tells each value and its source, and no secret", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "transfer.json");
  const secret = "geheim-1234";
  await Deno.writeTextFile(
    file,
    JSON.stringify({ maxThreads: 3, token: secret, allowOrigin: ["http://a"], "ws-serve": { expire: "1d" } }),
  );
  const run = await transfer(["config", "ws-serve", "--json", "--", "--dir", "d", "--threads", "2"], {
    cwd: dir.path,
    env: { WS_PORT: "1", TRANSFER_TLS_KEY: "k" },
  });
  assertEquals(run.code, 0, run.stderr);
  const events = new Map(
    run.stdout.trim().split("\n").map((line) => [JSON.parse(line).key, JSON.parse(line)]),
  );
  const base = { event: "setting", command: "ws-serve" };
  const expected = [
    { key: "dir", value: "d", source: "flag", from: "--dir" },
    { key: "port", value: "1", source: "environment", from: "WS_PORT" },
    { key: "expire", value: "1d", source: "file", from: "transfer.json:1:87", path: file },
    { key: "allowOrigin", value: ["http://a"], source: "file", from: "transfer.json:1:53", path: file },
    { key: "threads", value: "2", source: "flag", from: "--threads" },
    { key: "host", value: "127.0.0.1", source: "default" },
    { key: "maxFile", source: "none" },
    { key: "token", secret: true, source: "file", from: "transfer.json:1:25", path: file },
  ];
  for (const event of expected) assertEquals(events.get(event.key), { ...base, ...event });
  for (const args of [[], ["ws-serve"], ["ws-serve", "--", "--token", secret], ["fetch-ranges"]]) {
    const { code, stdout, stderr } = await transfer(["config", ...args], {
      cwd: dir.path,
      env: {
        TRANSFER_USER: `me:${secret}`,
        TRANSFER_HEADER: `X-Key: ${secret}`,
        TRANSFER_PROXY: `http://a:${secret}@b`,
      },
    });
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, `Settings file: ${file}\n`);
    assertEquals(stdout.includes(secret), false);
  }
});

Deno.test("transfer config shows what a bound makes of a default, and what would be refused", async () => {
  await using dir = await tempDir();
  const cwd = dir.path;
  await Deno.writeTextFile(join(cwd, "transfer.json"), '{"maxThreads": 3}');
  const bounded = await transfer(["config", "fetch-ranges"], { cwd });
  assertMatch(bounded.stdout, /^ {2}--threads +3 +transfer\.json:1:16$/m);
  const { code, stdout } = await transfer(["config", "fetch-ranges", "--", "--threads", "4"], { cwd });
  assertEquals(code, 2);
  assertMatch(
    stdout,
    /^ {2}--threads +\(refused\) +--threads: 4 is more than "maxThreads" of the settings file/m,
  );
  await Deno.writeTextFile(join(cwd, "transfer.json"), '{"maxThread": 3}');
  for (const args of [["config"], ["upload", "x"]]) {
    const run = await transfer(args, { cwd });
    assertEquals([run.code, run.stdout], [2, ""]);
    assertMatch(
      run.stderr,
      /^transfer: transfer\.json:1:2: unknown key "maxThread"; did you mean "maxThreads"\?\nSee/,
    );
  }
});

Deno.test("a settings file that can't be read is told with its reason, and no default is a secret", async () => {
  await using dir = await tempDir();
  for (const [path, why] of [["none.json", "there is no such file"], [".", "it is a directory"]]) {
    const { code, stderr } = await transfer(["config", "--config", path ?? ""], { cwd: dir.path });
    assertEquals([code, stderr.split("\n")[0]], [2, `transfer: Settings file ${path} can't be read: ${why}`]);
  }
  const { stdout } = await transfer(["config", "fetch-ranges"], { cwd: dir.path });
  assertMatch(stdout, /^ {2}--header +- +default$/m);
});

Deno.test("the name of a subcommand is taken after config, a wrong one is not", async () => {
  await using dir = await tempDir();
  const cwd = dir.path;
  const proxy = await transfer(["config", "tracker", "proxy", "--", "--port", "80"], { cwd });
  assertEquals(proxy.code, 0);
  assertMatch(proxy.stdout, /^No settings file: .*\n\ntracker proxy\n/);
  assertMatch(proxy.stdout, /^ {2}--port +80 +--port$/m);
  const wrong = await transfer(["config", "uplaod"], { cwd });
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, 'did you mean "transfer upload"?');
});
