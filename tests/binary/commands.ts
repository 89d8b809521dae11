/**
 * Every command once, through the compiled binary that `TRANSFER_BINARY` names: from directories that are
 * empty, and, for root on Linux, where the source tree can't be seen. Not found by `deno test` by itself.
 */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { EXERCISES } from "../support/exercises.ts";
import { apart, BINARY, CAN_HIDE_TREE, ROOT, startUdpServer, transfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

if (BINARY === undefined) throw new Error("Set TRANSFER_BINARY to the binary that is to be tested");

for (const [name, exercise] of Object.entries(EXERCISES)) {
  Deno.test(`${name}, through the binary`, async () => {
    await using dir = await tempDir();
    await exercise(dir.path);
  });
}

Deno.test("so many datagrams that their garbage is collected, through the binary", async () => {
  await using dir = await tempDir();
  const [served, out] = [join(dir.path, "served"), join(dir.path, "out")];
  await Deno.mkdir(served);
  await Deno.writeFile(join(served, "large"), new Uint8Array(0));
  // 65,536 of them carry less.
  await Deno.truncate(join(served, "large"), 100_000_000);
  await using server = await startUdpServer(served, { flags: ["--max-datagram", "1472"] });
  const args = ["udp-get", `127.0.0.1:${server.port}`, "large", "--out", out, "--quiet"];
  const { code, stderr } = await transfer(args);
  assertEquals([code, stderr], [0, ""]);
  assertEquals((await Deno.stat(join(out, "large"))).size, 100_000_000);
});

Deno.test("no command was forgotten", async () => {
  const listed = async (...args: string[]) => {
    const { stdout } = await transfer([...args, "--help"]);
    const table = stdout.slice(stdout.search(/ommands[^\n]*:\n/)).split("\n\n")[0] ?? "";
    return [...table.matchAll(/^ {2}(\S+(?: \S+)*) {2}/gm)].map(([, name]) => [...args, name].join(" "));
  };
  const names = [...await listed(), ...await listed("tracker")];
  assertEquals(names.toSorted(), Object.keys(EXERCISES).toSorted());
});

Deno.test({ name: "the source tree can't be seen by what is tested", ignore: !CAN_HIDE_TREE }, async () => {
  const [program, ...args] = apart(["ls", "-A", ROOT]);
  const { code, stdout } = await new Deno.Command(program, { args }).output();
  assertEquals([code, stdout.length], [0, 0]);
});
