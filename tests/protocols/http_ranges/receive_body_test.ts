import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ConnectionProblem } from "../../../net/connection_problem.ts";
import type { HttpResponse } from "../../../protocols/http_ranges/http_client.ts";
import { receiveBody, type ReceiveOptions } from "../../../protocols/http_ranges/receive_body.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";

/** A response whose body comes in pieces of given lengths, and then ends as told. */
interface ScriptedResponse extends HttpResponse {
  readonly isClosed: boolean;
  /** Resolves when a read waits for bytes that do not come. */
  readonly waiting: Promise<void>;
}

type Ending = "end" | "lost" | "silence";

function scripted(bytes: Uint8Array, pieces: readonly number[], ending: Ending): ScriptedResponse {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const { promise: waiting, resolve: noteWaiting } = Promise.withResolvers<void>();
  let isClosed = false;
  let at = 0;
  let index = 0;
  return {
    status: 206,
    headers: new Headers(),
    waiting,
    get isClosed() {
      return isClosed;
    },
    async read(buffer) {
      await Promise.resolve();
      if (isClosed) throw new ConnectionProblem("closed");
      if (at < bytes.length) {
        const count = Math.min(buffer.length, pieces[index++ % pieces.length] ?? 1, bytes.length - at);
        buffer.set(bytes.subarray(at, at + count));
        at += count;
        return count;
      }
      if (ending === "end") return null;
      if (ending === "lost") throw new ConnectionProblem("reset");
      noteWaiting();
      await closed;
      throw new ConnectionProblem("closed");
    },
    close() {
      isClosed = true;
      close();
    },
  };
}

/** A file in memory that notes what was done to it. */
function file(length: number) {
  const bytes = new Uint8Array(length);
  let isWriting = false;
  let isReady = Promise.resolve();
  return {
    bytes,
    written: 0,
    writes: 0,
    /** Lets writes wait for a promise from now on. */
    hold(until: Promise<void>) {
      isReady = until;
    },
    async write(piece: Uint8Array, at: number) {
      if (isWriting) throw new Error("Two writes at once");
      isWriting = true;
      await isReady;
      // The buffer must still hold what was passed.
      bytes.set(piece, at);
      this.written += piece.length;
      this.writes++;
      isWriting = false;
    },
  };
}

function options(
  target: ReturnType<typeof file>,
  more: Partial<ReceiveOptions> = {},
): ReceiveOptions {
  const write = (piece: Uint8Array, at: number) => target.write(piece, at);
  return { buffer: new Uint8Array(100), from: 0, to: undefined, write, ...more };
}

Deno.test("every byte gets to its place, in whatever pieces it comes, and no further than asked", async () => {
  const sizes = {
    bytes: fc.nat(2000),
    from: fc.nat(500),
    cut: fc.nat(2500),
    buffer: fc.integer({ min: 1, max: 300 }),
  };
  const pieces = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.record(sizes), pieces, async ({ bytes: length, from, cut, buffer }, pieces) => {
      const body = pseudoRandomBytes(length, length + 1);
      const target = file(3000);
      const counted = { arrived: 0, written: 0 };
      const to = from + cut;
      const receiving = receiveBody(
        scripted(body, pieces, "end"),
        options(target, {
          buffer: new Uint8Array(buffer),
          from,
          to,
          onArrived: (count) => counted.arrived += count,
          onWritten: (count) => counted.written += count,
        }),
      );
      assertEquals(await receiving.ended, { kind: "end" });
      const end = Math.min(from + length, to);
      const expected = new Uint8Array(3000);
      expected.set(body.subarray(0, end - from), from);
      assertEquals(target.bytes, expected);
      assertEquals([receiving.at, counted.arrived, counted.written], [end, end - from, end - from]);
    }),
  );
});

Deno.test("small reads are gathered into few writes", async () => {
  const target = file(1000);
  await receiveBody(scripted(pseudoRandomBytes(1000), [10], "end"), options(target)).ended;
  // Ten of a full buffer, more only if this machine stands still.
  assertEquals(target.writes < 50, true);
});

Deno.test("what came before a connection was lost is kept", async () => {
  const body = pseudoRandomBytes(250);
  const target = file(1000);
  const receiving = receiveBody(scripted(body, [70], "lost"), options(target, { to: 900 }));
  const { kind } = await receiving.ended;
  assertEquals([kind, receiving.at], ["lost", 250]);
  assertEquals(target.bytes.subarray(0, 250), body);
});

Deno.test("a shortened body ends where it was told to, also one that stands still behind that", async () => {
  const body = pseudoRandomBytes(250);
  const target = file(1000);
  const response = scripted(body, [70], "silence");
  const receiving = receiveBody(response, options(target, { to: 900 }));
  await response.waiting;
  receiving.shorten(950);
  assertEquals(response.isClosed, false);
  receiving.shorten(230);
  assertEquals(await receiving.ended, { kind: "end" });
  assertEquals([receiving.at, target.written], [230, 230]);
});

Deno.test("a cut begins no write any more", async () => {
  const target = file(1000);
  const response = scripted(pseudoRandomBytes(250), [70], "silence");
  const receiving = receiveBody(response, options(target, { to: 900 }));
  await response.waiting;
  const before = target.written;
  receiving.cut();
  assertEquals((await receiving.ended).kind, "lost");
  assertEquals([receiving.at, target.written, response.isClosed], [before, before, true]);

  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const slow = file(1000);
  slow.hold(held);
  const other = receiveBody(scripted(pseudoRandomBytes(1000), [100], "end"), options(slow));
  other.cut();
  release();
  await other.ended;
  assertEquals(slow.writes <= 1, true);
  assertEquals(other.at, slow.written);
});

Deno.test("a file that can't be written is told from a connection that was lost", async () => {
  const full = new Error("no space");
  for (const ending of ["end", "lost"] as const) {
    const response = scripted(pseudoRandomBytes(50), [10], ending);
    const receiving = receiveBody(response, options(file(0), { write: () => Promise.reject(full) }));
    assertEquals(await receiving.ended, { kind: "unwritable", problem: full });
    assertEquals([receiving.at, response.isClosed], [0, true]);
  }
});

Deno.test("a rate limit is asked before each read, and read no more than it allows", async () => {
  const body = pseudoRandomBytes(100);
  const target = file(100);
  const wanted: number[] = [];
  let arrived = 0;
  const receiving = receiveBody(
    scripted(body, [1000], "end"),
    options(target, {
      buffer: new Uint8Array(60),
      to: 100,
      allow: (count) => {
        wanted.push(count);
        return Promise.resolve(25);
      },
      onArrived: (count) => {
        assertEquals(count <= 25, true);
        arrived += count;
      },
    }),
  );
  assertEquals(await receiving.ended, { kind: "end" });
  assertEquals([arrived, wanted[0]], [100, 60]);
  assertEquals(target.bytes, body);
});
