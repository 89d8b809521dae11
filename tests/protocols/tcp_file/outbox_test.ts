import { assert, assertEquals } from "@std/assert";
import { Outbox } from "../../../protocols/tcp_file/outbox.ts";
import { SendMemory, SMALL_BYTES } from "../../../protocols/tcp_file/send_memory.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { concat } from "../../support/client_frames.ts";

/** Takes at most so many bytes at a time. */
function recorder(mostAtOnce = Infinity) {
  const writes: Uint8Array[] = [];
  return {
    writes,
    write(bytes: Uint8Array) {
      const taken = bytes.slice(0, mostAtOnce);
      writes.push(taken);
      return Promise.resolve(taken.length);
    },
  };
}

Deno.test("short answers are gathered into few writes, and arrive in order", async () => {
  const stream = recorder();
  const out = new Outbox(stream, { memory: new SendMemory(1) });
  const bytes = pseudoRandomBytes(1_000_000);
  for (let at = 0; at < bytes.length; at += 5_000) await out.append(bytes.subarray(at, at + 5_000));
  await out.flush();
  out.release();
  assertEquals(concat(stream.writes), bytes);
  assertEquals(stream.writes.length, 4);
  assertEquals(out.sentBytes, bytes.length);
});

Deno.test("what a client takes in parts arrives whole, from large and from small memory", async () => {
  for (const maxLarge of [0, 1]) {
    const stream = recorder(777);
    const out = new Outbox(stream, { memory: new SendMemory(maxLarge) });
    const bytes = pseudoRandomBytes(300_000);
    await out.append(bytes);
    await out.append(bytes);
    await out.flush();
    assertEquals(concat(stream.writes), concat([bytes, bytes]));
  }
});

Deno.test("memory is bounded by the number of large buffers and of connections, and given back", async () => {
  const memory = new SendMemory(3);
  const outs = Array.from({ length: 100 }, () => new Outbox(recorder(), { memory }));
  const rooms = await Promise.all(outs.map((out) => out.room(2 ** 20)));
  assertEquals(rooms.filter(({ length }) => length === 2 ** 20).length, 3);
  assertEquals(rooms.filter(({ length }) => length === SMALL_BYTES).length, 97);
  assert(memory.bytes < 3 * 1.1 * 2 ** 20 + 97 * SMALL_BYTES);
  for (const out of outs) out.release();
  assertEquals(memory.bytes, 0);
  assertEquals((await outs[50]?.room(2 ** 20))?.length, 2 ** 20);
});

Deno.test("a client that reads next to nothing is told from one that reads slowly", async () => {
  let nowMs = 0;
  let take: (count: number) => void = () => {};
  let writing = Promise.withResolvers<void>();
  const write = () => {
    writing.resolve();
    return new Promise<number>((resolve) => take = resolve);
  };
  const out = new Outbox({ write }, { memory: new SendMemory(1), nowMs: () => nowMs });
  assertEquals(out.blockedMs(nowMs + 99_000), 0);
  await out.append(new Uint8Array(100_000));
  const sending = out.flush();
  /** Whether it counts as blocked since before it takes so many bytes. */
  const isBlockedDespite = async (count: number) => {
    nowMs += 5;
    writing = Promise.withResolvers();
    take(count);
    await writing.promise;
    return out.blockedMs(nowMs) > 0;
  };
  assertEquals(await isBlockedDespite(1000), true);
  assertEquals(await isBlockedDespite(1000), true);
  assertEquals(await isBlockedDespite(20_000), false);
  assertEquals(await isBlockedDespite(1000), true);
  take(77_000);
  await sending;
  assertEquals(out.blockedMs(nowMs + 99_000), 0);
});
