import { assert, assertEquals } from "@std/assert";
import { fetchSmall } from "../../../protocols/tcp_file/fetch_small.ts";
import { plainSize } from "../../../protocols/tcp_file/fetch_plain.ts";
import { Remote } from "../../../protocols/tcp_file/remote.ts";
import { SmallFiles } from "../../../store/small_files.ts";
import { realDisk } from "../../../store/disk.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { plainTcpServer } from "../../support/plain_tcp_server.ts";
import { xferTestServer } from "../../support/xfer_test_server.ts";

/** Has a client keep connections whose server has gone meanwhile, and starts another at its port. */
async function withStale<S extends AsyncDisposable & { readonly port: number }>(
  start: (port: number) => S,
  use: (remote: Remote) => Promise<void>,
): Promise<void> {
  const before = start(0);
  const endpoint = { hostname: "127.0.0.1", port: before.port };
  using remote = new Remote({ endpoint, tls: undefined, token: undefined }, new AbortController().signal);
  const idle = await Promise.all(Array.from({ length: 16 }, () => remote.connect()));
  for (const connection of idle) remote.release(connection);
  await before[Symbol.asyncDispose]();
  await using _after = start(before.port);
  const startedMs = performance.now();
  await use(remote);
  const tookMs = performance.now() - startedMs;
  // Ten in a row would take half a minute, and then be too many.
  assert(tookMs < 3_000, `${tookMs} ms`);
}

Deno.test("connections that were lost while they lay idle count as one, for a list", async () => {
  await withStale((port) => xferTestServer({ a: new Uint8Array(1) }, { port }), async (remote) => {
    assertEquals((await remote.list(""))?.length, 1);
  });
});

Deno.test("connections that were lost while they lay idle count as one, for small files", async () => {
  await using dir = await tempDir();
  await withStale((port) => xferTestServer({ a: new Uint8Array(1) }, { port }), async (remote) => {
    await using files = await SmallFiles.open(realDisk(), dir.path);
    const ends: string[] = [];
    const order = { path: "a", size: 1, local: `${dir.path}/a` };
    await fetchSmall(ReadableStream.from([[order]]), {
      remote,
      files: () => Promise.resolve(files),
      overwrite: false,
      onEnd: ({ kind }) => ends.push(kind),
    });
    assertEquals(ends, ["stored"]);
  });
});

Deno.test("connections that were lost while they lay idle count as one, for a plain server", async () => {
  await withStale((port) => plainTcpServer({ a: new Uint8Array(7) }, undefined, port), async (remote) => {
    assertEquals(await plainSize(remote, "a"), 7);
  });
});
