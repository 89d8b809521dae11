import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { filesBelow, pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { claimed } from "../support/claimed.ts";
import { killedGet } from "../support/killed_get.ts";
import { finished, startTcpServer, startTransfer, startUdpServer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

const SIZE = 24 * 1024 * 1024 + 1;

/** A directory to serve, and one to fetch into. */
async function directories(root: string): Promise<{ readonly served: string; readonly dir: string }> {
  const [served, dir] = [join(root, "served"), join(root, "data")];
  await Deno.mkdir(served);
  await Deno.mkdir(dir);
  return { served, dir };
}

const COMMANDS = [
  { command: "tcp-get", start: startTcpServer },
  { command: "udp-get", start: startUdpServer },
] as const;

for (const { command, start } of COMMANDS) {
  Deno.test(`${command} killed at random moments goes on with what its journal claims, and ends byte-exact`, async () => {
    await using root = await tempDir();
    const { served, dir } = await directories(root.path);
    await Deno.writeFile(join(served, "data.bin"), pseudoRandomBytes(SIZE));
    await using server = await start(served, { flags: ["--max-rate", "8M"] });
    const shares = [0.1 + Math.random() * 0.3, 0.5 + Math.random() * 0.2];
    const killAt = shares.map((share) => Math.floor(share * SIZE));
    const { port } = server;
    const { path, transferredBytes, claimedAt } = await killedGet({
      command,
      port,
      name: "data.bin",
      dir,
      killAt,
    });
    assertEquals(sha256(await Deno.readFile(path)), sha256(pseudoRandomBytes(SIZE)));
    assertEquals(await filesBelow(dir), ["data.bin"]);
    assert(transferredBytes <= SIZE - (claimedAt.at(-1) ?? 0), String(transferredBytes));
  });

  Deno.test(`${command} outlives a server that is killed and comes back`, async () => {
    await using root = await tempDir();
    const { served, dir } = await directories(root.path);
    await Deno.mkdir(join(served, "many"));
    const bytes = pseudoRandomBytes(SIZE);
    await Deno.writeFile(join(served, "data.bin"), bytes);
    const small = Array.from({ length: 200 }, (_, index) => pseudoRandomBytes(30_000, index + 1));
    for (const [index, each] of small.entries()) {
      await Deno.writeFile(join(served, "many", `${index}`), each);
    }
    const first = await start(served, { flags: ["--max-rate", "6M"] });
    const child = startTransfer([command, `127.0.0.1:${first.port}`, "--all", "--out", dir, "--json"]);
    await claimed(dir, SIZE / 4);
    await first.end("SIGKILL");
    await using _second = await start(served, { port: first.port });
    const { code, stdout, stderr } = await finished(child);
    assertEquals(code, 0, stderr);
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.filter(({ event }) => event === "done").length, 201);
    assertEquals(await Deno.readFile(join(dir, "data.bin")), bytes);
    for (const [index, each] of small.entries()) {
      assertEquals(await Deno.readFile(join(dir, "many", `${index}`)), each);
    }
    assertEquals((await filesBelow(dir)).length, 201);
  });
}
