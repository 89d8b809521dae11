import { assertEquals, assertRejects } from "@std/assert";
import { ConnectionProblem } from "../../../net/connection_problem.ts";
import { HttpClient, type HttpResponse } from "../../../protocols/http_ranges/http_client.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";

const TIMEOUT_MS = 60_000;

/** Reads a body to its end and closes the response. */
async function bodyOf(response: HttpResponse, bufferBytes = 1000): Promise<Uint8Array> {
  const read: Uint8Array[] = [];
  const buffer = new Uint8Array(bufferBytes);
  try {
    for (let count = await response.read(buffer); count !== null; count = await response.read(buffer)) {
      read.push(buffer.slice(0, count));
    }
    return Uint8Array.from(read.flatMap((each) => [...each]));
  } finally {
    response.close();
  }
}

const textOf = async (response: HttpResponse) => new TextDecoder().decode(await bodyOf(response));

Deno.test("a range is asked for, and its body read in pieces of any size, over one connection", async () => {
  const file = pseudoRandomBytes(200_000);
  await using server = await rawHttpServer(async ({ range }, connection) => {
    const body = file.subarray(range?.from, range?.to);
    await connection.write(
      `HTTP/1.1 206 Partial Content\r\nContent-Length: ${body.length}\r\nETag: "e"\r\n\r\n`,
    );
    await connection.write(body);
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  for (const [from, to] of [[0, 100_000], [100_000, 200_000], [5, 6]] as const) {
    const response = await client.open({ url: new URL(`${server.origin}/f`), range: { from, to } });
    assertEquals([response.status, response.headers.get("etag")], [206, '"e"']);
    assertEquals(await bodyOf(response, 777), file.slice(from, to));
  }
  assertEquals(server.connections.all, 1);
});

Deno.test("bodies end where their framing says, whether chunked, empty or until the connection is closed", async () => {
  await using server = await rawHttpServer(async ({ target }, connection) => {
    if (target === "/chunked") {
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6;x\r\nhello \r\n5");
      await connection.write("\r\nworld\r\n0\r\n\r\n");
    } else if (target === "/empty") await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    else if (target === "/interim") {
      await connection.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n");
      await connection.write("Content-Length: 2\r\n\r\nok");
    } else {
      await connection.write("HTTP/1.0 200 OK\r\n\r\nto the end");
      connection.end();
    }
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  const get = async (path: string) => await textOf(await client.open({ url: new URL(path, server.origin) }));
  assertEquals(await get("/chunked"), "hello world");
  assertEquals(await get("/empty"), "");
  assertEquals(await get("/interim"), "ok");
  assertEquals(server.connections.all, 1);
  assertEquals(await get("/rest"), "to the end");
  assertEquals(await get("/empty"), "");
  assertEquals(server.connections.all, 2);
});

Deno.test("a connection that was closed while idle costs nothing; one that breaks off an answer does", async () => {
  await using server = await rawHttpServer(async ({ index }, connection) => {
    if (index === 0) await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (index === 1) connection.reset();
    if (index === 2) await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (index === 3) {
      await connection.write("HTTP/1.1 200 OK\r\nConte");
      connection.end();
    }
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  const get = async () => await textOf(await client.open({ url: new URL(server.origin) }));
  assertEquals(await get(), "ok");
  assertEquals(await get(), "ok");
  assertEquals(server.connections.all, 2);
  await assertRejects(get, ConnectionProblem, "closed the connection in the middle of its headers");
  assertEquals(server.connections.all, 2);
});

Deno.test("while a far server answers for the first time, connections are opened for the next requests", async () => {
  const hasAll = Promise.withResolvers<void>();
  await using server = await rawHttpServer(async ({ index }, connection) => {
    // The first answer waits for the connections beside it: they don't wait for the answer.
    if (index === 0) await hasAll.promise;
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }, { onConnection: ({ all }) => void (all === 4 && hasAll.resolve()) });
  const client = new HttpClient({ timeoutMs: TIMEOUT_MS, spares: 3, farMs: 0 });
  const get = () => client.open({ url: new URL(server.origin) });
  const first = await get();
  const others = await Promise.all([get(), get()]);
  for (const response of [first, ...others]) assertEquals(await textOf(response), "ok");
  assertEquals(server.connections.all, 4);
  client[Symbol.dispose]();
  await server.allClosed();
});

Deno.test("a connection that was opened ahead and is closed meanwhile costs nothing", async () => {
  const isOver = Promise.withResolvers<void>();
  await using server = await rawHttpServer(async ({ index }, connection) => {
    if (index === 0) await isOver.promise;
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }, {
    onConnection: ({ all }, connection) => {
      if (all !== 2) return;
      connection.end();
      isOver.resolve();
    },
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS, spares: 1, farMs: 0 });
  const get = () => client.open({ url: new URL(server.origin) });
  const first = await get();
  assertEquals(await textOf(await get()), "ok");
  assertEquals(await textOf(first), "ok");
  assertEquals(server.connections.all, 3);
});

Deno.test("nothing is asked over a connection with bytes on it that nobody announced", async () => {
  await using server = await rawHttpServer(async ({ target }, connection) => {
    await connection.write(
      target === "/length"
        ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
        : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 evil\r\n\r\n",
    );
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  for (const path of ["/length", "/chunked", "/length", "/chunked"]) {
    assertEquals(await textOf(await client.open({ url: new URL(path, server.origin) })), "ok");
  }
  assertEquals(server.connections.all, 4);
});

Deno.test("a body that is cut short is told from one that has ended", async () => {
  await using server = await rawHttpServer(async ({ target }, connection) => {
    if (target === "/chunked") {
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    } else await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    if (target === "/reset") connection.reset();
    else connection.end();
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  const get = async (path: string) => await textOf(await client.open({ url: new URL(path, server.origin) }));
  await assertRejects(() => get("/length"), ConnectionProblem, "closed the connection after 5 of 10 bytes");
  await assertRejects(() => get("/chunked"), ConnectionProblem, "in the middle of its answer");
  await assertRejects(() => get("/reset"), ConnectionProblem);
});

Deno.test("a body that nobody reads to its end takes its connection along", async () => {
  await using server = await rawHttpServer(async (_, connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  const response = await client.open({ url: new URL(server.origin) });
  assertEquals(await response.read(new Uint8Array(3)), 3);
  const reading = (async () => {
    while (await response.read(new Uint8Array(10)) !== null);
  })();
  response.close();
  await assertRejects(() => reading, ConnectionProblem);
});

Deno.test("a server that does not answer is waited for no longer than was said", async () => {
  await using server = await rawHttpServer(async (_, { closed }) => await closed);
  using client = new HttpClient({ timeoutMs: 50 });
  await assertRejects(
    () => client.open({ url: new URL(server.origin) }),
    ConnectionProblem,
    `No answer from 127.0.0.1:${server.port} within 0.05 s`,
  );
});

Deno.test("a signal ends the wait for an answer, and the reading of a body, with its reason", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = await rawHttpServer(async ({ target }, connection) => {
    if (target === "/body") await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    else asked.resolve();
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  const stop = new AbortController();
  const opening = client.open({ url: new URL(server.origin), signal: stop.signal });
  await asked.promise;
  stop.abort(new RangeError("enough"));
  await assertRejects(() => opening, RangeError, "enough");
  await assertRejects(
    () => client.open({ url: new URL(server.origin), signal: stop.signal }),
    RangeError,
    "enough",
  );

  const later = new AbortController();
  const response = await client.open({ url: new URL("/body", server.origin), signal: later.signal });
  assertEquals(await response.read(new Uint8Array(10)), 5);
  const reading = response.read(new Uint8Array(10));
  later.abort(new RangeError("enough of the body"));
  await assertRejects(() => reading, RangeError, "enough of the body");
  response.close();
});

Deno.test("only what speaks HTTP/1 is spoken to", async () => {
  await using server = await rawHttpServer(async (_, connection) => {
    await connection.write("SSH-2.0-test\r\n");
  });
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
  const problem = await assertRejects(
    () => client.open({ url: new URL(server.origin) }),
    ConnectionProblem,
    'What listens there does not speak HTTP/1: "SSH-2.0-test\\r"',
  );
  assertEquals(problem.isFinal, true);
  await assertRejects(() => client.open({ url: new URL("ftp://127.0.0.1/") }), TypeError, "not ftp:");
});

Deno.test("of many servers that were asked only the last ones keep their connection", async () => {
  const listeners = Array.from({ length: 70 }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  let closedOnes = 0;
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const serving = listeners.map(async (listener) => {
    const connection = await listener.accept();
    const buffer = new Uint8Array(1000);
    while (await connection.read(buffer) !== null) {
      await connection.write(new TextEncoder().encode("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"));
    }
    connection.close();
    if (++closedOnes === 70 - 64) resolve();
  });
  {
    using client = new HttpClient({ timeoutMs: TIMEOUT_MS });
    for (const { addr } of listeners) {
      (await client.open({ url: new URL(`http://127.0.0.1:${addr.port}/`) })).close();
    }
    await closed;
    assertEquals(closedOnes, 70 - 64);
  }
  await Promise.all(serving);
  for (const listener of listeners) listener.close();
});
