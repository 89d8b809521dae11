import { assert, assertEquals, assertLess, assertLessOrEqual, assertRejects } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { StreamSource } from "../../../protocols/ws_upload/stream_source.ts";
import { pseudoRandomBytes, sha256 } from "../../support/bytes.ts";

const BYTES = pseudoRandomBytes(100_000);

/** A stream that gives bytes in pieces of these lengths, over and over; `pulled` counts those asked for. */
function streamOf(
  bytes: Uint8Array,
  pieces: readonly number[],
): { readonly stream: ReadableStream<Uint8Array>; readonly pulled: () => number } {
  let at = 0;
  let count = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const end = at + (pieces[count++ % pieces.length] ?? 1);
      controller.enqueue(bytes.slice(at, end));
      at = end;
    },
  }, { highWaterMark: 0 });
  return { stream, pulled: () => count };
}

function room(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Reads a source in chunks from its start to its end. */
async function readAll(source: StreamSource, chunkBytes: number): Promise<Uint8Array> {
  const all: number[] = [];
  while (source.size === undefined || all.length < source.size) {
    all.push(...await source.read(all.length, room(chunkBytes)));
  }
  return new Uint8Array(all);
}

for (
  const [pieces, chunkBytes] of [[[1, 7, 3], 1000], [[65_536], 1000], [[1000], 1000], [
    [100_000],
    70_000,
  ]] as const
) {
  Deno.test(`pieces of ${pieces} read in chunks of ${chunkBytes} are the stream, and its digest`, async () => {
    using source = new StreamSource(streamOf(BYTES, pieces).stream);
    assertEquals(source.size, undefined);
    assertEquals(await readAll(source, chunkBytes), BYTES);
    assertEquals(source.size, BYTES.length);
    assertEquals(await source.sha256(), sha256(BYTES));
    assertEquals(await source.digest(BYTES.length), sha256(BYTES));
  });
}

Deno.test("an empty stream ends at once", async () => {
  using source = new StreamSource(streamOf(new Uint8Array(0), [1]).stream);
  assertEquals(await source.read(0, room(10)), new Uint8Array(0));
  assertEquals(source.size, 0);
  assertEquals(await source.sha256(), sha256(new Uint8Array(0)));
});

Deno.test("a chunk that ends where the stream does is whole; the next one tells the end", async () => {
  using source = new StreamSource(streamOf(BYTES, [500]).stream);
  assertEquals((await source.read(0, room(BYTES.length))).length, BYTES.length);
  assertEquals(source.size, undefined);
  assertEquals((await source.read(BYTES.length, room(10))).length, 0);
  assertEquals(source.size, BYTES.length);
});

Deno.test("a slow producer is waited for, and nothing is asked of it before its time", async () => {
  const writes = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writes.writable.getWriter();
  using source = new StreamSource(writes.readable);
  let answer: Uint8Array | undefined;
  const read = source.read(0, room(6)).then((bytes) => answer = bytes);
  await writer.write(BYTES.slice(0, 2));
  assertEquals(answer, undefined);
  await writer.write(BYTES.slice(2, 5));
  assertEquals(answer, undefined);
  await writer.write(BYTES.slice(5, 9));
  assertEquals(await read, BYTES.slice(0, 6));
  // The three bytes over are there without the producer.
  assertEquals(await source.read(6, room(3)), BYTES.slice(6, 9));
  await Promise.all([writer.close(), source.read(9, room(1))]);
  assertEquals(source.size, 9);

  const { stream, pulled } = streamOf(BYTES, [1000]);
  using other = new StreamSource(stream);
  await other.read(0, room(2500));
  assertEquals(pulled(), 3);
});

Deno.test("what is kept can be read again, and goes on into what was not read yet", async () => {
  using source = new StreamSource(streamOf(BYTES, [777]).stream, { keptBytes: 10_000 });
  await source.read(0, room(30_000));
  assertEquals(await source.read(20_000, room(4)), BYTES.slice(20_000, 20_004));
  assertEquals(await source.read(25_000, room(10_000)), BYTES.slice(25_000, 35_000));
  assertEquals(await source.read(25_000, room(10_000)), BYTES.slice(25_000, 35_000));
  const gone = await assertRejects(() => source.read(24_999, room(1)), RangeError);
  assertEquals(
    gone.message,
    "The stream can't be sent again from byte 24999 on: only bytes from 25000 on are kept",
  );
  await assertRejects(() => source.read(35_001, room(1)), RangeError, "it is at byte 35000");
  await assertRejects(() => source.digest(100), RangeError);
  assertEquals(await source.sha256(), sha256(BYTES));
  assertEquals(source.size, BYTES.length);
});

Deno.test("what was kept first is still there when more is", async () => {
  const bytes = pseudoRandomBytes(5_000_000);
  using source = new StreamSource(streamOf(bytes, [65_536]).stream, { keptBytes: 4 * 2 ** 20 });
  for (let at = 0; at < 4_000_000; at += 500_000) await source.read(at, room(500_000));
  assertEquals(sha256(await source.read(0, room(5_000_000))), sha256(bytes));
  await assertRejects(() => source.read(0, room(1)), RangeError);
});

Deno.test("whatever is read again, in whatever pieces, it is what the stream had there", async () => {
  const step = fc.record({ back: fc.nat(3000), length: fc.nat(5000) });
  const pieces = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(2500), fc.array(step), async (lengths, keptBytes, steps) => {
      using source = new StreamSource(streamOf(BYTES, lengths).stream, { keptBytes });
      let taken = 0;
      for (const { back, length } of steps) {
        const offset = Math.max(0, taken - back);
        if (taken - offset > keptBytes) {
          await assertRejects(() => source.read(offset, room(length)), RangeError);
          continue;
        }
        const bytes = await source.read(offset, room(length));
        assertEquals(bytes, BYTES.slice(offset, offset + length));
        taken = Math.max(taken, offset + bytes.length);
      }
      assertEquals(await source.sha256(), sha256(BYTES));
    }),
  );
});

Deno.test("a gigabyte takes no more memory than what is kept", async () => {
  const piece = BYTES.slice(0, 65_536);
  const total = 2 ** 30;
  let given = 0;
  let most = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (given >= total) return controller.close();
      given += piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  using source = new StreamSource(stream);
  const before = Deno.memoryUsage().rss;
  const chunkBytes = 2 ** 20;
  for (let at = 0; source.size === undefined; at += chunkBytes) {
    const { length } = await source.read(at, room(chunkBytes));
    assertLessOrEqual(given, at + length + piece.length);
    if (at % (64 * chunkBytes) === 0) most = Math.max(most, Deno.memoryUsage().rss - before);
  }
  assertEquals(source.size, total);
  assertLess(most, 200e6);
  const expected = createHash("sha256");
  for (let at = 0; at < total; at += piece.length) expected.update(piece);
  assertEquals(await source.digest(total), expected.digest("hex"));
});

Deno.test("a stream that fails fails the read", async () => {
  const stream = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new Error("cut off")) });
  using source = new StreamSource(stream);
  await assertRejects(() => source.read(0, room(1)), Error, "cut off");
  assertEquals(source.size, undefined);
});

Deno.test("a read that waits is ended by a stop, which is no end of the data", async () => {
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(BYTES.slice(0, 10)),
    cancel: () => void (isCancelled = true),
  });
  const source = new StreamSource(stream);
  const read = assertRejects(() => source.read(0, room(20)), Error, "let go of before its end");
  source.stop();
  await read;
  assert(isCancelled);
  assertEquals(source.size, undefined);
});
