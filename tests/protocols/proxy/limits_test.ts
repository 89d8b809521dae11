import { assert, assertEquals } from "@std/assert";
import { get, rawClient } from "../../support/raw_client.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";
import { testProxy } from "../../support/test_proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Deno.test("a head that drips is answered 408, a connection that says nothing is closed", async () => {
  await using hasty = await testProxy(["http://127.0.0.1:1"], { limits: { idleMs: 100 } });
  using silent = await rawClient(hasty.port);
  assertEquals(await silent.readAll(), "");
  await using proxy = await testProxy(["http://127.0.0.1:1"], { limits: { headMs: 100 } });
  using dripping = await rawClient(proxy.port);
  await dripping.send("GET / HTTP/1.1\r\nHost: ");
  const answer = await dripping.readResponse();
  assertEquals([answer.status, answer.headers.get("connection")], [408, "close"]);
  assertEquals(await dripping.readAll(), "");
});

Deno.test("a body that stops coming is answered 408, a small one before an upstream is asked", async () => {
  await using upstream = await rawHttpServer((_, connection) => connection.closed);
  await using proxy = await testProxy([upstream.origin], { limits: { bodyMs: 100 } });
  for (const length of [10, 100_000]) {
    using client = await rawClient(proxy.port);
    await client.send(`POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${length}\r\n\r\nhalf`);
    const answer = await client.readResponse();
    assertEquals([answer.status, answer.headers.get("connection")], [408, "close"]);
  }
  const requests = await proxy.requests(2);
  assertEquals(requests.map(({ status, attempts }) => [status, attempts]), [[408, 0], [408, 1]]);
  assertEquals(upstream.requests.length, 1);
  // It is the client's fault.
  assertEquals(proxy.events.filter(({ type }) => type === "failed" || type === "down"), []);
  await upstream.allClosed();
});

Deno.test("a client that does not read its answer is ended, and holds the upstream back meanwhile", async () => {
  let sent = 0;
  await using upstream = await rawHttpServer(async (_, connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    let isOpen = true;
    void connection.closed.then(() => isOpen = false);
    for (const block = new Uint8Array(1_000_000); isOpen; sent += block.length) {
      await connection.write(block);
      // The end of the connection is an event like others, and has to have its turn.
      await new Promise(setImmediate);
    }
  });
  await using proxy = await testProxy([upstream.origin], { limits: { writeMs: 300 } });
  using client = await rawClient(proxy.port);
  await client.send(get());
  const [request] = await proxy.requests(1);
  assertEquals([request?.status, request?.isCut], [200, true]);
  await upstream.allClosed();
  // What the buffers of the kernel hold, and no more.
  assert(sent < 50_000_000, `${sent} bytes`);
});

Deno.test("an upstream that does not read is waited for, and holds the client back meanwhile", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using proxy = await testProxy([`http://127.0.0.1:${listener.addr.port}`], {
    limits: { upstreamMs: 300 },
  });
  using client = await rawClient(proxy.port);
  await client.send("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1000000000\r\n\r\n");
  using _upstream = await listener.accept();
  let sent = 0;
  const sending = (async () => {
    try {
      for (const block = new Uint8Array(1_000_000); sent < 1_000_000_000; sent += block.length) {
        await client.send(block);
      }
    } catch {
      // The proxy has ended it.
    }
  })();
  const answer = await client.readResponse().catch(() => undefined);
  assertEquals(answer?.status ?? 504, 504);
  const [request] = await proxy.requests(1);
  assertEquals(request?.status, 504);
  await sending;
  assert(sent < 50_000_000, `${sent} bytes`);
});

Deno.test("a client that goes away while it waits frees the upstream", async () => {
  const asked = Promise.withResolvers<void>();
  await using upstream = await rawHttpServer((_, connection) => {
    asked.resolve();
    return connection.closed;
  });
  await using proxy = await testProxy([upstream.origin]);
  {
    using client = await rawClient(proxy.port);
    await client.send(get());
    await asked.promise;
  }
  const [request] = await proxy.requests(1);
  assertEquals([request?.status, request?.bytes], [499, 0]);
  await upstream.allClosed();
  assertEquals(proxy.events.filter(({ type }) => type === "failed"), []);
});

Deno.test("connections beyond the limits are not taken; others are, when some have gone", async () => {
  await using upstream = await rawHttpServer((_, connection) => connection.write(OK));
  await using proxy = await testProxy([upstream.origin], { maxConnectionsPerAddress: 2 });
  using first = await rawClient(proxy.port);
  {
    using second = await rawClient(proxy.port);
    for (const client of [first, second]) {
      await client.send(get());
      assertEquals((await client.readResponse()).status, 200);
    }
    using third = await rawClient(proxy.port);
    assertEquals(await third.readAll(), "");
    await proxy.told((event) => event.type === "refused" && event.reason === "address_limit");
    await second.send(get("/", "Connection: close\r\n"));
    await second.readAll();
  }
  // The proxy sees the end of a connection a moment after the client.
  for (let answer = ""; answer === "";) {
    using fourth = await rawClient(proxy.port);
    await fourth.send(get("/", "Connection: close\r\n"));
    answer = await fourth.readAll();
  }
});

Deno.test("the metrics tell of it all", async () => {
  await using upstream = await rawHttpServer((_, connection) => connection.write(OK));
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  await client.send(get() + get() + "GET / HTTP/1.1\r\nHost: other\r\n\r\n");
  for (let round = 0; round < 3; round++) await client.readResponse();
  await client.send("nonsense\r\n\r\n");
  await client.readResponse();
  await proxy.requests(3);
  const metrics = proxy.proxy.metrics();
  for (
    const line of [
      'transfer_proxy_requests_total{status="2xx"} 2',
      'transfer_proxy_requests_total{status="4xx"} 1',
      'transfer_proxy_refused_total{reason="malformed"} 1',
      "transfer_proxy_connections 1",
      "transfer_proxy_answer_seconds_count 2",
      `transfer_proxy_upstream_up{upstream="${upstream.origin}"} 1`,
      `transfer_proxy_upstream_idle_connections{upstream="${upstream.origin}"} 1`,
    ]
  ) assert(metrics.split("\n").includes(line), `${line} in\n${metrics}`);
});
