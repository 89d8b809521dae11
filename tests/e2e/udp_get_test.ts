import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { plainUdpClient } from "../support/plain_udp_client.ts";
import { plainUdpServer } from "../support/plain_udp_server.ts";
import { startUdpServer, transfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

/** A directory to serve, and one to fetch into. */
async function directories(root: string): Promise<{ readonly served: string; readonly dir: string }> {
  const [served, dir] = [join(root, "served"), join(root, "data")];
  await Deno.mkdir(served);
  await Deno.mkdir(dir);
  return { served, dir };
}

Deno.test("udp-get lists, fetches and tells what it did; udp-serve keeps its list", async () => {
  await using root = await tempDir();
  const { served, dir } = await directories(root.path);
  const bytes = pseudoRandomBytes(3_000_000);
  await Deno.writeFile(join(served, "large.bin"), bytes);
  await Deno.writeTextFile(join(served, "two words"), "1");
  await using server = await startUdpServer(served);
  assertEquals(await Deno.readTextFile(`${served}.txt`), "large.bin 3000000B\ntwo words 1B\n");
  const address = `127.0.0.1:${server.port}`;
  assertStringIncludes((await transfer(["udp-get", address, "--list"])).stdout, "two words");
  const { code, stdout } = await transfer(["udp-get", address, "--all", "--out", dir, "--json"]);
  assertEquals(code, 0);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const done = events.find(({ file }) => file === "large.bin");
  assertEquals([done.event, done.sha256], ["done", sha256(bytes)]);
  assertEquals(events.at(-1).files, 2);
  const part = await transfer([
    "udp-get",
    address,
    "large.bin",
    "--offset",
    "5",
    "--length",
    "1K",
    "--congestion",
    "cubic",
    "--out",
    dir,
  ]);
  assertEquals(part.code, 0, part.stderr);
  assertEquals(await Deno.readFile(join(dir, "large.bin.5-1029")), bytes.slice(5, 1029));
  const missing = await transfer(["udp-get", address, "nothing", "--out", dir]);
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /nothing: It is not on the server/);
});

Deno.test("the commands and plain peers understand each other", async () => {
  await using root = await tempDir();
  const { served, dir } = await directories(root.path);
  const bytes = pseudoRandomBytes(100_001);
  await Deno.writeFile(join(served, "file.bin"), bytes);
  await using server = await startUdpServer(served);
  using client = plainUdpClient(server);
  assertEquals(await client.list(), "file.bin 100001B\n");
  assertEquals(await client.download("file.bin"), bytes);
  using plain = plainUdpServer({ "file.bin": bytes });
  const { code, stderr } = await transfer(["udp-get", `127.0.0.1:${plain.port}`, "file.bin", "--out", dir]);
  assertEquals(code, 0, stderr);
  assertEquals(await Deno.readFile(join(dir, "file.bin")), bytes);
});
