import { assert, assertEquals } from "@std/assert";
import { parseConf } from "../../../protocols/proxy/conf.ts";
import { get, rawClient } from "../../support/raw_client.ts";
import { type RawConnection, rawHttpServer } from "../../support/raw_http_server.ts";
import { testProxy } from "../../support/test_proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A listener of a port, which may have been another's before. */
function answering(port: number, text: string): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, () => new Response(text));
}

Deno.test("an upstream that is killed under load costs no idempotent request, and gets them again when it is back", async () => {
  const servers = [answering(0, "one"), answering(0, "two")];
  const ports = servers.map(({ addr }) => addr.port);
  await using proxy = await testProxy(ports.map((port) => `http://127.0.0.1:${port}`), {
    health: { probeMs: 20, probeMostMs: 100 },
  });
  let isOver = false;
  const seen = new Map<string, number>();
  const client = async () => {
    using connection = await rawClient(proxy.port);
    while (!isOver) {
      await connection.send(get());
      const { status, body } = await connection.readResponse();
      const what = status === 200 ? body : String(status);
      seen.set(what, (seen.get(what) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 16 }, client);
  await proxy.requests(200);
  await servers[0]?.shutdown();
  await proxy.told(({ type }) => type === "down");
  const count = proxy.events.length;
  await proxy.requests(count + 500);
  servers[0] = answering(ports[0] ?? 0, "again");
  await proxy.told(({ type }) => type === "up");
  const after = proxy.events.length;
  await proxy.requests(after + 500);
  isOver = true;
  await Promise.all(clients);
  assertEquals([...seen.keys()].sort(), ["again", "one", "two"]);
  for (const server of servers) await server.shutdown();
});

Deno.test("one address that hangs does not take its upstream down; an upstream that only hangs is down", async () => {
  let isHanging = false;
  await using upstream = await rawHttpServer(({ target }, connection) =>
    target === "/hang" || isHanging ? connection.closed : connection.write(OK)
  );
  await using proxy = await testProxy([upstream.origin], {
    limits: { upstreamMs: 50, connectMs: 100 },
    health: { probeMs: 20, probeMostMs: 20 },
  });
  using client = await rawClient(proxy.port);
  const ask = async (target: string) => {
    await client.send(get(target));
    return (await client.readResponse()).status;
  };
  for (let round = 0; round < 4; round++) assertEquals([await ask("/hang"), await ask("/")], [504, 200]);
  assert(!proxy.events.some(({ type }) => type === "down"));
  isHanging = true;
  for (let round = 0; round < 3; round++) assertEquals(await ask("/"), 504);
  await proxy.told(({ type }) => type === "down");
  isHanging = false;
  await proxy.told(({ type }) => type === "up");
  assertEquals(await ask("/"), 200);
});

Deno.test("with a path to ask for, an upstream that says it is not well gets nothing", async () => {
  let status = "200 OK";
  await using ill = await rawHttpServer(({ target }, connection) =>
    target === "/healthz"
      ? connection.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`)
      : connection.write(OK)
  );
  await using well = await rawHttpServer((_, connection) => connection.write(OK));
  await using proxy = await testProxy([ill.origin, well.origin], {
    healthPath: "/healthz",
    health: { probeUpMs: 10, probeMs: 10, probeMostMs: 10, faultsMost: 2 },
  });
  status = "503 Service Unavailable";
  await proxy.told((event) => event.type === "down" && event.upstream === ill.origin);
  using client = await rawClient(proxy.port);
  const requestsOf = (server: typeof ill) => server.requests.filter(({ target }) => target === "/").length;
  for (let round = 0; round < 4; round++) {
    await client.send(get());
    await client.readResponse();
  }
  assertEquals([requestsOf(ill), requestsOf(well)], [0, 4]);
  status = "200 OK";
  await proxy.told((event) => event.type === "up");
});

Deno.test("a reload under load loses no request, and those under way end where they began", async () => {
  const held: RawConnection[] = [];
  await using old = await rawHttpServer(({ target }, connection) =>
    target === "/hold" ? void held.push(connection) : connection.write(OK)
  );
  await using fresh = await rawHttpServer((_, connection) =>
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew")
  );
  await using proxy = await testProxy([old.origin]);
  using holding = await rawClient(proxy.port);
  await holding.send(get("/hold"));
  let isOver = false;
  const bodies: string[] = [];
  const clients = Array.from({ length: 8 }, async () => {
    using client = await rawClient(proxy.port);
    while (!isOver) {
      await client.send(get());
      bodies.push((await client.readResponse()).body);
    }
  });
  await proxy.requests(100);
  proxy.proxy.reload(parseConf(`host site.test { proxy_pass ${fresh.origin} }`));
  const soFar = bodies.length;
  await proxy.requests(soFar + 200);
  isOver = true;
  await Promise.all(clients);
  assertEquals([...new Set(bodies)], ["ok", "new"]);
  assertEquals(new Set(bodies.slice(soFar + 8)), new Set(["new"]));
  await held[0]?.write(OK);
  assertEquals((await holding.readResponse()).body, "ok");
  // Nobody will ask the old one any more.
  await old.allClosed();
  await holding.send(get());
  assertEquals((await holding.readResponse()).body, "new");
});

Deno.test("least-conn passes by the upstream that is busy", async () => {
  const held = Promise.withResolvers<RawConnection>();
  const answer = ({ target }: { readonly target: string }, connection: RawConnection) =>
    target === "/hold" ? held.resolve(connection) : connection.write(OK);
  await using one = await rawHttpServer(answer);
  await using two = await rawHttpServer(answer);
  await using proxy = await testProxy([], {
    conf: `host site.test { proxy_pass ${one.origin}; proxy_pass ${two.origin}; dist_policy least-conn }`,
  });
  using holding = await rawClient(proxy.port);
  await holding.send(get("/hold"));
  const connection = await held.promise;
  using client = await rawClient(proxy.port);
  for (let round = 0; round < 6; round++) {
    await client.send(get());
    await client.readResponse();
  }
  assertEquals([one.requests.length, two.requests.length].sort(), [1, 6]);
  await connection.write(OK);
  await holding.readResponse();
});

Deno.test("when it stops, requests under way are answered, and those who wait for nothing are let go", async () => {
  const held = Promise.withResolvers<RawConnection>();
  await using upstream = await rawHttpServer((_, connection) => held.resolve(connection));
  const proxy = await testProxy([upstream.origin]);
  using idle = await rawClient(proxy.port);
  using busy = await rawClient(proxy.port);
  await busy.send(get());
  const connection = await held.promise;
  const closing = proxy.proxy.close();
  assertEquals(await idle.readAll(), "");
  await connection.write(OK);
  const answer = await busy.readResponse();
  assertEquals([answer.body, answer.headers.get("connection")], ["ok", "close"]);
  await closing;
});
