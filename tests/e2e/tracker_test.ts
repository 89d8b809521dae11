import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { finished, startTracker, startTransfer, transfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

async function post(port: number, path: string, body: unknown): Promise<Response> {
  return await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body: JSON.stringify(body) });
}

async function say(port: number, message: string): Promise<void> {
  const response = await post(port, "/broadcast-peer", { peer_id: "alice", channel: "general", message });
  await response.body?.cancel();
  assertEquals(response.status, 200);
}

/** Adds a user, the password on standard input. */
async function addUser(file: string, name: string, password: string) {
  const child = startTransfer(["tracker", "user", "add", name, "--users", file], { hasInput: true });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${password}\n`));
  await writer.close();
  return await finished(child);
}

Deno.test("a tracker is backed up and exported while it runs", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  await using tracker = await startTracker(db);
  const registered = await post(tracker.port, "/submit-info", { peer_id: "alice", ip: "192.0.2.1", port: 1 });
  await registered.body?.cancel();
  await say(tracker.port, "one\u001b[31m\u009b32m");
  const copy = `${dir.path}/copy.db`;
  assertEquals((await transfer(["tracker", "backup", copy, "--db", db])).code, 0);
  await say(tracker.port, "two");
  const again = await transfer(["tracker", "backup", copy, "--db", db]);
  assertEquals(again.code, 1);
  assertStringIncludes(again.stderr, "is there already");
  const lines = async (path: string) => {
    const { stdout } = await transfer(["tracker", "export", "--db", path]);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u0009\u007f-\u009f]/.test(stdout), false);
    assertEquals(stdout.includes("\u001b"), false);
    return stdout.trim().split("\n").map((line) => JSON.parse(line));
  };
  const exported = await lines(db);
  assertEquals(exported.map(({ type, message }) => message ?? type), [
    "peer",
    "one\u001b[31m\u009b32m",
    "two",
  ]);
  assertEquals((await lines(copy)).map(({ type, message }) => message ?? type), [
    "peer",
    "one\u001b[31m\u009b32m",
  ]);
  assertEquals([...Deno.readDirSync(dir.path)].some(({ name }) => name.endsWith(".part")), false);
  await using _restored = await startTracker(copy);
});

Deno.test("users are added to a file that only its owner reads, and can log in", async () => {
  await using dir = await tempDir();
  const file = `${dir.path}/users.txt`;
  assertEquals((await addUser(file, "ann", "short")).code, 2);
  assertEquals((await addUser(file, "an:n", "correct horse")).code, 2);
  assertStringIncludes((await addUser(file, "ann", "correct horse")).stdout, "Added ann");
  assertStringIncludes((await addUser(file, "ann", "battery staple")).stdout, "Changed ann");
  const text = await Deno.readTextFile(file);
  assertEquals(text.includes("battery"), false);
  assertEquals((Deno.statSync(file).mode ?? 0) & 0o777, 0o600);
  await using tracker = await startTracker(`${dir.path}/chat.db`, { flags: ["--users", file] });
  for (const [password, status] of [["correct horse", 401], ["battery staple", 200]] as const) {
    const response = await post(tracker.port, "/login", { username: "ann", password });
    await response.body?.cancel();
    assertEquals(response.status, status);
  }
});

Deno.test("what is wrong on the command line is told", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(`${dir.path}/users.txt`, "ann:plain text\n");
  await Deno.writeTextFile(`${dir.path}/no.db`, "this is no database, but long enough for one".repeat(100));
  const cases: [number, string, ...string[]][] = [
    [2, "Unknown command: tracker nothing", "nothing"],
    [2, "line 1 is not NAME:HASH", "--users", `${dir.path}/users.txt`],
    [2, "--user: expected NAME:PASSWORD", "--user", "ann"],
    [2, "a count, an age or both", "--history", "many"],
    [2, "a count, an age or both", "--history", "0s"],
    [2, "--peer-ttl: expected at least 1s", "--peer-ttl", "0s"],
    [1, "can't be opened", "--db", `${dir.path}/no.db`],
    [
      1,
      `The database ${dir.path}/no/chat.db can't be opened: there is no directory ${dir.path}/no`,
      "--db",
      `${dir.path}/no/chat.db`,
    ],
    [1, "can't be opened: there is no such file", "export", "--db", `${dir.path}/missing.db`],
    [2, "Expected one FILE", "backup"],
  ];
  for (const [code, message, ...args] of cases) {
    const result = await transfer(["tracker", ...args], { cwd: dir.path });
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, message);
  }
  const help = await transfer(["tracker", "--help"]);
  assertStringIncludes(help.stdout, "--peer-ttl");
  assertStringIncludes(help.stdout, "user add");
  assertStringIncludes((await transfer(["tracker", "export", "--help"])).stdout, "tracker export");
});

Deno.test("an open tracker that others reach says so", async () => {
  await using dir = await tempDir();
  const child = startTransfer(["tracker", "--host", "0.0.0.0", "--port", "0", "--db", `${dir.path}/chat.db`]);
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  child.kill("SIGTERM");
  const { code, stderr } = await finished(child);
  assertEquals(code, 0);
  assertStringIncludes(stderr, "OPEN: anyone");
  assert(stderr.includes("stopped"));
});

Deno.test("what fails all the time is logged now and then", async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/chat.db`;
  const child = startTransfer(["tracker", "--port", "0", "--db", db]);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const port = Number(/:(\d+)/.exec(new TextDecoder().decode(value))?.[1]);
  const database = new DatabaseSync(db);
  database.exec("CREATE TRIGGER broken BEFORE INSERT ON messages BEGIN SELECT RAISE(FAIL, 'broken'); END");
  database.close();
  for (let i = 0; i < 25; i++) {
    const response = await post(port, "/broadcast-peer", { peer_id: "alice", message: "hi" });
    await response.body?.cancel();
    assertEquals(response.status, 503);
  }
  child.kill("SIGTERM");
  const { stderr } = await finished(child);
  assertEquals(stderr.match(/error +failed reason/g)?.length, 10);
  assertStringIncludes(stderr, 'failed again reason="Error: broken" count=15');
});
