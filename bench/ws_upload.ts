/**
 * Speed and peak memory of uploads over loopback, with the real programs: `deno task bench`.
 *
 *   deno run -A bench/ws_upload.ts [--size 1G] [--files 1] [--parallel 4] [--dir /dev/shm] [--rounds 3]
 *
 * Another `--dir` measures its disk too.
 */

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { byteSize } from "../commands/flag_values.ts";
import { printResult } from "../terminal/output.ts";
import { makeFile, transferRound } from "./measure.ts";

const args = parseArgs(Deno.args, { string: ["size", "files", "parallel", "dir", "rounds"] });
const size = byteSize(String(args.size ?? "1G"));
const files = Number(args.files ?? 1);
const dir = String(args.dir ?? "/dev/shm");
const source = await Deno.makeTempDir({ dir, prefix: "transfer-bench-source-" });
try {
  const paths = Array.from({ length: files }, (_, i) => join(source, `file-${i}.bin`));
  for (const path of paths) await makeFile(path, size);
  printResult(`${files} × ${size} bytes, below ${dir}`);
  for (let i = 0; i < Number(args.rounds ?? 3); i++) {
    const flags = ["--parallel", String(args.parallel ?? 4)];
    const { seconds, clientMb, serverMb } = await transferRound(paths, { dir, flags });
    printResult(
      `${seconds.toFixed(2)} s  ${(files * size / 1e6 / seconds).toFixed(0)} MB/s  ` +
        `peak memory: client ${clientMb.toFixed(0)} MB, server ${serverMb.toFixed(0)} MB`,
    );
  }
} finally {
  await Deno.remove(source, { recursive: true });
}
