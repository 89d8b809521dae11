import { assertEquals } from "@std/assert";
import { get, rawClient } from "../../support/raw_client.ts";
import { type RawConnection, rawHttpServer } from "../../support/raw_http_server.ts";
import { testProxy } from "../../support/test_proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Deno.test("an idempotent request is sent again to another upstream, one that is not idempotent is not", async () => {
  await using broken = await rawHttpServer((_, connection) => connection.reset());
  await using good = await rawHttpServer((_, connection) => connection.write(OK));
  await using proxy = await testProxy([broken.origin, good.origin], { health: { faultsMost: 1000 } });
  const ask = async (request: string) => {
    using client = await rawClient(proxy.port);
    await client.send(request);
    return (await client.readResponse()).status;
  };
  const put = "PUT / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi";
  assertEquals([await ask(get()), await ask(put)], [200, 200]);
  assertEquals(good.requests.map(({ method }) => method), ["GET", "PUT"]);
  const before = broken.requests.length;
  const statuses = [await ask(put.replace("PUT", "POST")), await ask(put.replace("PUT", "POST"))];
  assertEquals(statuses.sort(), [200, 502]);
  assertEquals(broken.requests.length, before + 1);
});

Deno.test("a request that breaks every upstream is sent to three of them only", async () => {
  await using resources = new AsyncDisposableStack();
  const servers = await Promise.all(
    Array.from({ length: 5 }, () => rawHttpServer((_, connection) => connection.reset())),
  );
  for (const server of servers) resources.use(server);
  await using proxy = await testProxy(servers.map(({ origin }) => origin));
  using client = await rawClient(proxy.port);
  await client.send(get());
  assertEquals((await client.readResponse()).status, 502);
  assertEquals(servers.reduce((sum, { requests }) => sum + requests.length, 0), 3);
});

Deno.test("a connection that the upstream closed while it waited costs no request, whatever its method", async () => {
  let last: RawConnection | undefined;
  await using upstream = await rawHttpServer((_, connection) => {
    last = connection;
    return connection.write(OK);
  });
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  for (const method of ["GET", "POST", "GET", "POST"]) {
    await client.send(`${method} / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 0\r\n\r\n`);
    assertEquals((await client.readResponse()).status, 200);
    last?.end();
    await last?.closed;
  }
  assertEquals(upstream.connections.all, 4);
});

Deno.test("a connection that ends with its second request has an idempotent one asked again, of the same upstream", async () => {
  await using upstream = await rawHttpServer(({ indexOnConnection }, connection) =>
    indexOnConnection === 0 ? connection.write(OK) : connection.reset()
  );
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  const statuses: number[] = [];
  for (const method of ["GET", "GET", "PUT", "POST", "GET"]) {
    await client.send(`${method} / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi`);
    statuses.push((await client.readResponse()).status);
  }
  assertEquals(statuses, [200, 200, 200, 502, 200]);
  // That says nothing of the upstream.
  assertEquals(proxy.events.filter(({ type }) => type === "down" || type === "failed"), []);
});
