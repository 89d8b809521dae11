import { assert, assertEquals } from "@std/assert";
import { createServer } from "node:http";
import { EventStreams, type EventStreamsOptions } from "../../../protocols/ws_upload/event_streams.ts";
import { readEvents } from "../../support/event_reader.ts";

interface Served extends AsyncDisposable {
  readonly streams: EventStreams;
  readonly url: string;
  readonly port: number;
}

async function serve(options: Partial<EventStreamsOptions> = {}): Promise<Served> {
  const streams = new EventStreams({
    greet: () => [{ id: "0", type: "hello", data: {} }],
    maxReaders: 3,
    heartbeatMs: 60_000,
    ...options,
  });
  const server = createServer((request, response) => {
    if (!streams.add({ request, response })) response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    streams,
    port,
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      streams.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

Deno.test("a reader that does not read is dropped, one that does gets everything", async () => {
  await using served = await serve();
  const { streams } = served;
  await using reader = await readEvents(served.url);
  await reader.until("hello");
  using silent = await Deno.connect({ hostname: "127.0.0.1", port: served.port });
  await silent.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  // One byte of the answer: from here on it is a reader.
  await silent.read(new Uint8Array(1));
  assertEquals(streams.readers, 2);
  const data = "x".repeat(256 * 1024);
  let sent = 0;
  while (streams.readers === 2 && sent < 200) {
    streams.send([{ id: String(++sent), type: "big", data }]);
    assertEquals((await reader.next())?.id, String(sent));
  }
  assertEquals(streams.readers, 1);
  streams.send([{ id: "last", type: "last", data: {} }]);
  assertEquals((await reader.until("last")).length, 1);
});

Deno.test("readers are counted, and one too many is refused until another leaves", async () => {
  await using served = await serve({ maxReaders: 1 });
  {
    await using first = await readEvents(served.url);
    await first.until("hello");
    await using second = await readEvents(served.url);
    assertEquals([first.response.status, second.response.status], [200, 503]);
  }
  // That the reader has left is known when its connection's end has arrived.
  for (let tries = 0; served.streams.readers > 0 && tries < 1000; tries++) {
    await (await fetch(served.url, { method: "HEAD" })).body?.cancel();
  }
  await using third = await readEvents(served.url);
  assertEquals(third.response.status, 200);
});

Deno.test("a quiet stream beats, and ends in order", async () => {
  await using served = await serve({ heartbeatMs: 5 });
  await using reader = await readEvents(served.url);
  await reader.until("hello");
  const rest = reader.next();
  // The comments come before the event that follows them.
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (reader.comments >= 3) resolve();
  }, 1);
  await promise;
  clearInterval(timer);
  served.streams.send([{ id: "1", type: "last", data: "two\nlines" }]);
  served.streams.close();
  assertEquals(await rest, { id: "1", type: "last", data: "two\nlines" });
  assertEquals(await reader.next(), undefined);
  assert(served.streams.readers === 0);
});
