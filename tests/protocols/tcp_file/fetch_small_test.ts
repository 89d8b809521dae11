import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { fetchSmall, type SmallOrder } from "../../../protocols/tcp_file/fetch_small.ts";
import { Remote } from "../../../protocols/tcp_file/remote.ts";
import { realDisk } from "../../../store/disk.ts";
import { SmallFiles } from "../../../store/small_files.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { type Misbehaviour, xferTestServer } from "../../support/xfer_test_server.ts";

const NAMES = ["a", "b", "c", "d", "e"];

/** Fetches batches of orders from a server that has all of {@linkcode NAMES}. @returns What was stored, in order. */
async function fetched(
  batches: (order: (name: string) => SmallOrder) => AsyncIterable<readonly SmallOrder[]>,
  data: Misbehaviour["data"] = (honest) => honest,
): Promise<{ readonly stored: readonly string[]; readonly asked: readonly string[] }> {
  await using dir = await tempDir();
  const bytes = (name: string) => new TextEncoder().encode(name);
  await using server = xferTestServer(Object.fromEntries(NAMES.map((name) => [name, bytes(name)])), {
    misbehaviour: { data },
  });
  const endpoint = { hostname: "127.0.0.1", port: server.port };
  using remote = new Remote({ endpoint, tls: undefined, token: undefined }, new AbortController().signal);
  await using files = await SmallFiles.open(realDisk(), dir.path);
  const stored: string[] = [];
  await fetchSmall(batches((name) => ({ path: name, size: 1, local: join(dir.path, name) })), {
    remote,
    files: () => Promise.resolve(files),
    overwrite: false,
    onEnd: ({ kind, order }) => stored.push(`${order.path} ${kind}`),
  });
  return { stored, asked: server.gets.map(({ path }) => path) };
}

Deno.test("files are asked for before those that follow are known", async () => {
  const asked = Promise.withResolvers<void>();
  // Only a client that is broken needs so long.
  const limit = setTimeout(() => asked.reject(new Error("nothing was asked for")), 10_000);
  const { stored } = await fetched(async function* (order) {
    yield [order("a")];
    await asked.promise;
    yield [];
    yield [order("b"), order("c")];
  }, (honest) => {
    asked.resolve();
    return honest;
  }).finally(() => clearTimeout(limit));
  assertEquals(stored, ["a stored", "b stored", "c stored"]);
});

Deno.test("what was asked for when a connection is lost is asked for again, and what follows once", async () => {
  const { stored, asked } = await fetched(async function* (order) {
    yield [order("a"), order("b")];
    yield [order("c")];
    yield [order("d"), order("e")];
  }, (honest, { count }) => count === 1 ? ["hang up"] : honest);
  assertEquals(stored.toSorted(), NAMES.map((name) => `${name} stored`));
  assertEquals(asked.filter((name) => name === "b").length, 2);
});

Deno.test("without orders nothing is asked for, and what fails to find them is told", async () => {
  assertEquals(await fetched(async function* () {}), { stored: [], asked: [] });
  assertEquals(
    await fetched(async function* () {
      yield [];
    }),
    { stored: [], asked: [] },
  );
  await assertRejects(
    () =>
      fetched(async function* (order) {
        yield [order("a")];
        throw new TypeError("no place");
      }),
    TypeError,
    "no place",
  );
});
