import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { ReadAhead } from "../../../protocols/udp_file/read_ahead.ts";
import { OneByOne } from "../../../store/one_by_one.ts";
import { Catalogue } from "../../../store/catalogue.ts";
import { type FoundFile, FoundFiles } from "../../../store/found_files.ts";
import { pseudoRandomBytes, sha256 } from "../../support/bytes.ts";
import { tempDir } from "../../support/temp_dir.ts";

const MEMORY_BYTES = 1024 * 1024;
const FILE = pseudoRandomBytes(300_000);

/** Files of a directory, and reading ahead in them with memory for eight pieces. */
async function setting(count: number) {
  await using opening = new AsyncDisposableStack();
  const dir = opening.use(await tempDir());
  for (let i = 0; i < count; i++) await Deno.writeFile(join(dir.path, `${i}`), FILE);
  const catalogue = opening.use(await Catalogue.open(dir.path, { isWatching: false }));
  const files = opening.use(new FoundFiles(catalogue, { maxOpen: 64 }));
  const running = opening.move();
  const found = (name: string): FoundFile => {
    const file = files.find(name);
    if (file === undefined) throw new Error(`There is no ${name}`);
    return file;
  };
  return {
    found,
    readAhead: new ReadAhead(files, { memoryBytes: MEMORY_BYTES }),
    dir: dir.path,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

Deno.test("readers of more files than there is memory for all get their bytes", async () => {
  await using at = await setting(40);
  const target = new Uint8Array(1000);
  const wholes = Array.from({ length: 40 }, async (_, i) => {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const got = new Uint8Array(FILE.length);
    let offset = 0;
    const go = () => {
      for (let length = 1; length > 0 && offset < FILE.length; offset += length) {
        length = reader.fill(offset, target.subarray(0, Math.min(target.length, FILE.length - offset)));
        got.set(target.subarray(0, length), offset);
      }
      if (offset === FILE.length) resolve(got);
    };
    using reader = at.readAhead.open(at.found(`${i}`), {
      hashing: new OneByOne(),
      onReady: go,
      onFailure: reject,
    });
    go();
    return await promise;
  });
  for (const whole of await Promise.all(wholes)) assertEquals(whole, FILE);
});

Deno.test("a digest that nobody wants any more is not computed on", async () => {
  await using at = await setting(1);
  const size = 2 ** 40;
  await Deno.truncate(join(at.dir, "0"), size);
  const reader = at.readAhead.open(at.found("0"), {
    hashing: new OneByOne(),
    onReady: () => {},
    onFailure: () => {},
  });
  const digests = [reader.digest({ from: 0, to: size }), reader.digest({ from: 1, to: size })];
  reader[Symbol.dispose]();
  // To read all of it would take minutes.
  for (const digest of digests) await assertRejects(() => digest, Error, "Nobody wants");
});

Deno.test("digests of one client are computed one by one, those of ranges as well", async () => {
  await using at = await setting(1);
  const hashing = new OneByOne();
  using reader = at.readAhead.open(at.found("0"), { hashing, onReady: () => {}, onFailure: () => {} });
  const ends: number[] = [];
  const digests = [0, 1, 2].map(async (from) => {
    const hex = await reader.digest({ from, to: FILE.length });
    ends.push(from);
    return hex;
  });
  const wanted = [0, 1, 2].map((from) => sha256(FILE.subarray(from)));
  assertEquals(await Promise.all(digests), wanted);
  assertEquals(ends, [0, 1, 2]);
});
