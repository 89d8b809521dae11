import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "./bytes.ts";
import { startChat } from "./chat_process.ts";
import {
  finished,
  startServer,
  startServing,
  startTcpServer,
  startTracker,
  startTransfer,
  startUdpServer,
  transfer,
} from "./program.ts";
import { rangeServer } from "./range_server.ts";
import { rawHttpServer } from "./raw_http_server.ts";

// Long enough to be hashed in a Worker.
const BYTES = pseudoRandomBytes(9_000_001);
const DIGEST = sha256(BYTES);

/** A directory with `name` in it. */
async function served(root: string, name: string): Promise<string> {
  const dir = join(root, "served");
  await Deno.mkdir(dir);
  await Deno.writeFile(join(dir, name), BYTES);
  return dir;
}

/** Asserts that `dir` holds one file that is `BYTES`. */
async function assertArrived(dir: string, name: string): Promise<void> {
  assertEquals(await filesBelow(dir), [name]);
  assertEquals(sha256(await Deno.readFile(join(dir, name))), DIGEST);
}

async function post(port: number, path: string, body: unknown): Promise<void> {
  const url = `http://127.0.0.1:${port}${path}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  await response.body?.cancel();
  assertEquals(response.status, 200);
}

/** What says that a command works, by its name: each does its work once, in a directory of its own. */
export const EXERCISES: Readonly<Record<string, (dir: string) => Promise<void>>> = {
  async "ws-serve"(dir) {
    await using server = await startServer(join(dir, "uploads"));
    const origin = `http://127.0.0.1:${server.port}`;
    const page = await (await fetch(origin)).text();
    const scripts = [...page.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)].map(([, path = ""]) => path);
    assert(scripts.length > 2, page);
    // What the page shares with the command line comes without types, and the worker's script is there.
    for (const path of [...scripts, "/hash_worker.js", "/modules/protocols/ws_upload/sender.ts"]) {
      const response = await fetch(origin + path);
      assertEquals(response.status, 200, path);
      const body = await response.text();
      assert(body.length > 0 && !/^(?:export )?interface /m.test(body), path);
    }
    await uploaded(dir, server.ws);
  },
  async "upload"(dir) {
    await using server = await startServer(join(dir, "uploads"));
    await uploaded(dir, server.ws);
  },
  async "fetch-ranges"(dir) {
    await using server = await rangeServer(BYTES);
    const out = join(dir, "data");
    const args = [
      "fetch-ranges",
      `${server.origin}/film.mkv`,
      "--block",
      "256K",
      "--retries",
      "0",
      "--out",
      `${out}/`,
    ];
    const { code, stdout, stderr } = await transfer(args, { cwd: dir });
    assertEquals([code, stderr], [0, ""]);
    // A Worker computes it.
    assertStringIncludes(stdout, DIGEST);
    await assertArrived(out, "film.mkv");
  },
  "tcp-serve": (dir) => fetchedFrom(dir, startTcpServer, "tcp-get"),
  "tcp-get": (dir) => fetchedFrom(dir, startTcpServer, "tcp-get", "--connections", "1"),
  "udp-serve": (dir) => fetchedFrom(dir, startUdpServer, "udp-get"),
  "udp-get": (dir) => fetchedFrom(dir, startUdpServer, "udp-get", "--congestion", "cubic"),
  async "tracker"(dir) {
    await using tracker = await startTracker(join(dir, "chat.db"));
    await post(tracker.port, "/submit-info", { peer_id: "ann", ip: "192.0.2.1", port: 1 });
    const page = await (await fetch(`http://127.0.0.1:${tracker.port}/`)).text();
    assertStringIncludes(page, "</html>");
    const api = await (await fetch(`http://127.0.0.1:${tracker.port}/openapi.json`)).json();
    assert("/submit-info" in api.paths);
  },
  async "tracker serve"(dir) {
    const db = join(dir, "chat.db");
    {
      await using tracker = await startTracker(db, { words: ["tracker", "serve"] });
      await post(tracker.port, "/submit-info", { peer_id: "ann", ip: "192.0.2.1", port: 1 });
      const { code } = await tracker.end("SIGTERM");
      // Windows knows no signals: there it is a kill.
      if (Deno.build.os !== "windows") assertEquals(code, 0);
    }
    assertStringIncludes((await transfer(["tracker", "export", "--db", db])).stdout, '"ann"');
  },
  async "tracker user add"(dir) {
    const child = startTransfer(["tracker", "user", "add", "ann"], { hasInput: true, cwd: dir });
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode("correct horse\n"));
    await writer.close();
    const { code, stderr } = await finished(child);
    assertEquals(code, 0, stderr);
    assertMatch(await Deno.readTextFile(join(dir, "users.txt")), /^ann:/);
  },
  async "tracker chat"(dir) {
    await using tracker = await startTracker(join(dir, "chat.db"));
    const flags = (name: string) => [
      ...["--tracker", `http://127.0.0.1:${tracker.port}`, "--name", name],
      ...["--key", join(dir, `${name}.pem`)],
    ];
    await using bob = startChat(flags("bob"));
    await bob.until("ready");
    await using ann = startChat(flags("ann"));
    await ann.until("ready");
    await ann.type("/msg bob hello");
    assertEquals((await ann.until("sent")).direct, ["bob"]);
    assertEquals((await bob.until("message")).text, "hello");
  },
  "tracker backup": backedUp,
  "tracker export": backedUp,
  async "tracker proxy"(dir) {
    const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    await using upstream = await rawHttpServer((_, connection) => connection.write(answer));
    const host = "127.0.0.1";
    await Deno.writeTextFile(join(dir, "proxy.conf"), `host ${host} { proxy_pass ${upstream.origin} }`);
    const { code } = await transfer(["tracker", "proxy", "--check"], { cwd: dir });
    assertEquals(code, 0);
    await using proxy = await startServing(["tracker", "proxy", "--server-port", "0"], { cwd: dir });
    assertEquals(await (await fetch(`http://${host}:${proxy.port}/`)).text(), "ok");
  },
  async "completions"() {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout } = await transfer(["completions", shell]);
      assertEquals(code, 0);
      for (const word of ["udp-get", "congestion", "cubic", "backup"]) assertStringIncludes(stdout, word);
    }
  },
  async "config"(dir) {
    await Deno.writeTextFile(join(dir, "transfer.json"), '{ "upload": { "parallel": 8 } }');
    const { code, stdout } = await transfer(["config", "upload"], { cwd: dir });
    assertEquals(code, 0);
    assertMatch(stdout, /^ {2}--parallel +8 +transfer\.json:1:27$/m);
  },
};

/** A file is sent to a server over `uploads` in a directory. */
async function uploaded(dir: string, ws: string): Promise<void> {
  await Deno.writeFile(join(dir, "film.mkv"), BYTES);
  const { code, stdout, stderr } = await transfer(["upload", "film.mkv", "--ws", ws], { cwd: dir });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, DIGEST);
  await assertArrived(join(dir, "uploads"), "film.mkv");
}

async function fetchedFrom(
  dir: string,
  start: typeof startTcpServer,
  ...[command, ...flags]: readonly [string, ...string[]]
): Promise<void> {
  await using server = await start(await served(dir, "film.mkv"));
  const cwd = join(dir, "empty");
  await Deno.mkdir(cwd);
  const run = await transfer([command, `127.0.0.1:${server.port}`, "film.mkv", ...flags], { cwd });
  assertEquals(run.code, 0, run.stderr);
  await assertArrived(join(cwd, "data"), "film.mkv");
}

/** A message is in the copy of a tracker's database. */
async function backedUp(dir: string): Promise<void> {
  const db = join(dir, "chat.db");
  await using tracker = await startTracker(db);
  await post(tracker.port, "/submit-info", { peer_id: "ann", ip: "192.0.2.1", port: 1 });
  await post(tracker.port, "/broadcast-peer", { peer_id: "ann", channel: "general", message: "hello" });
  const copy = join(dir, "copy.db");
  assertEquals((await transfer(["tracker", "backup", copy, "--db", db])).code, 0);
  const { code, stdout } = await transfer(["tracker", "export", "--db", copy]);
  assertEquals(code, 0);
  assertEquals(stdout.trim().split("\n").map((line) => JSON.parse(line).message).at(-1), "hello");
}
