import { assert, assertEquals } from "@std/assert";
import { parseConf } from "../../../protocols/proxy/conf.ts";
import { testCertificate } from "../../support/certificate.ts";
import { get, rawClient } from "../../support/raw_client.ts";
import { type RawAnswer, type RawConnection, rawHttpServer } from "../../support/raw_http_server.ts";
import { testProxy } from "../../support/test_proxy.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A port of loopback that nothing listens on. */
function closedPort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

Deno.test("a request that could be read in two ways gets 400 and reaches no upstream, nor does what follows it", async () => {
  await using upstream = await rawHttpServer((_, connection) => connection.write(OK));
  await using proxy = await testProxy([upstream.origin]);
  const smuggled = "GET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n";
  const cases = [
    [
      `POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      400,
    ],
    [`POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`, 400],
    [`POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`, 400],
    [
      `POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      501,
    ],
    [`GET / HTTP/1.1\nHost: site.test\n\n${smuggled}`, 400],
    [`GET / HTTP/2.0\r\nHost: site.test\r\n\r\n${smuggled}`, 505],
    [`GET / HTTP/1.1\r\nHost: site.test\r\nX: ${"x".repeat(40_000)}\r\n\r\n${smuggled}`, 431],
    [`GET / HTTP/1.1\r\nHost: site.test\r\n${"X: y\r\n".repeat(5_000)}\r\n${smuggled}`, 431],
    [`CONNECT site.test:80 HTTP/1.1\r\nHost: site.test\r\n\r\n${smuggled}`, 501],
  ] as const;
  for (const [request, status] of cases) {
    using client = await rawClient(proxy.port);
    await client.send(request);
    const answer = await client.readResponse();
    assertEquals([answer.status, answer.headers.get("connection")], [status, "close"], request.slice(0, 90));
    assertEquals(await client.readAll(), "");
  }
  assertEquals(upstream.requests.length, 0);
});

Deno.test("chunks that are broken end the request with 400, and its upstream's connection with it", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using proxy = await testProxy([`http://127.0.0.1:${listener.addr.port}`]);
  using client = await rawClient(proxy.port);
  await client.send("POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n");
  using upstream = await listener.accept();
  let got = "";
  const buffer = new Uint8Array(4096);
  const more = async () => {
    const count = await upstream.read(buffer);
    got += new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    return count !== null;
  };
  while (!got.endsWith("5\r\nabcde\r\n")) await more();
  await client.send("3\nabc\n0\n\nGET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n");
  const answer = await client.readResponse();
  assertEquals([answer.status, answer.headers.get("connection")], [400, "close"]);
  while (await more());
  assert(got.endsWith("\r\n\r\n5\r\nabcde\r\n"), got);
});

const BROKEN: readonly (readonly [what: string, answer: RawAnswer, status: number])[] = [
  [
    "begins with broken chunks",
    (_, connection) => connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"),
    502,
  ],
  ["resets", (_, connection) => connection.reset(), 502],
  ["closes", (_, connection) => connection.end(), 502],
  ["ends within its head", async (_, connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nContent-");
    connection.end();
  }, 502],
  ["speaks no HTTP", (_, connection) => connection.write("SSH-2.0-OpenSSH\r\n\r\n"), 502],
  [
    "frames its answer in two ways",
    (_, connection) =>
      connection.write(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
      ),
    502,
  ],
  [
    "tells two lengths",
    (_, connection) =>
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
    502,
  ],
  [
    "sends an endless head",
    (_, connection) => connection.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`),
    502,
  ],
  [
    "switches to a protocol unasked",
    (_, connection) =>
      connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      ),
    502,
  ],
  [
    "sends interim answers only",
    (_, connection) => connection.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(30)),
    502,
  ],
  ["hangs", (_, connection) => connection.closed, 504],
];

for (const [what, answer, status] of BROKEN) {
  Deno.test(`an upstream that ${what} is answered for with ${status}, and the client's connection goes on`, async () => {
    await using upstream = await rawHttpServer(answer);
    await using proxy = await testProxy([upstream.origin], { limits: { upstreamMs: 200 } });
    using client = await rawClient(proxy.port);
    for (let round = 0; round < 2; round++) {
      await client.send("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi");
      let response = await client.readResponse();
      while (response.status === 102) response = await client.readResponse();
      assertEquals(response.status, status);
    }
    // What is not idempotent is sent once.
    assertEquals(upstream.requests.length, 2);
    await upstream.allClosed();
  });
}

Deno.test("without an upstream that can be reached it is 502, also for HEAD", async () => {
  await using proxy = await testProxy([
    `http://127.0.0.1:${closedPort()}`,
    `http://127.0.0.1:${closedPort()}`,
  ]);
  using client = await rawClient(proxy.port);
  await client.send(get());
  assertEquals((await client.readResponse()).body, "502 Bad Gateway\n");
  await client.send("HEAD / HTTP/1.1\r\nHost: site.test\r\n\r\n");
  assertEquals((await client.readHead()).headers.get("content-length"), "16");
  assertEquals(proxy.events.filter(({ type }) => type === "down").length, 2);
});

const CUT: readonly (readonly [what: string, send: (connection: RawConnection) => Promise<void> | void])[] = [
  ["ends before its length", async (connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    connection.end();
  }],
  ["ends within its chunks", async (connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    connection.end();
  }],
  [
    "breaks its chunks",
    (connection) =>
      connection.write(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n${"half".repeat(5000)}\r\nnonsense\r\n`,
      ),
  ],
  [
    "stops within its answer",
    (connection) => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
  ],
];

for (const [what, send] of CUT) {
  Deno.test(`the answer of an upstream that ${what} does not look whole, and is not asked for again`, async () => {
    await using upstream = await rawHttpServer((_, connection) => send(connection));
    await using proxy = await testProxy([upstream.origin], { limits: { upstreamMs: 200 } });
    using client = await rawClient(proxy.port);
    await client.send(get());
    const text = await client.readAll();
    assert(text.includes("half") && !text.includes("\r\n0\r\n"), text);
    const [request] = await proxy.requests(1);
    assertEquals([request?.status, request?.isCut, upstream.requests.length], [200, true, 1]);
  });
}

Deno.test("what an upstream sends beyond its length reaches nobody", async () => {
  await using upstream = await rawHttpServer(async ({ index }, connection) => {
    await connection.write(index === 0 ? `${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged` : OK);
  });
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  for (let round = 0; round < 3; round++) {
    await client.send(get());
    assertEquals((await client.readResponse()).body, "ok");
  }
  assertEquals(upstream.connections.all, 2);
});

Deno.test("an upstream that hangs with the whole of a long request is answered for with 504", async () => {
  await using upstream = await rawHttpServer((_, connection) => connection.closed);
  await using proxy = await testProxy([upstream.origin], { limits: { upstreamMs: 200 } });
  using client = await rawClient(proxy.port);
  await client.send("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 50000\r\n\r\n");
  await client.send(new Uint8Array(50_000));
  assertEquals((await client.readResponse()).status, 504);
});

Deno.test("an https upstream is asked if its certificate is trusted", async () => {
  const certificate = testCertificate();
  await using upstream = Deno.serve(
    { ...certificate, hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => new Response(request.headers.get("x-forwarded-proto")),
  );
  const origin = `https://localhost:${upstream.addr.port}`;
  for (
    const [caCerts, status, body] of [[[certificate.cert], 200, "http"], [
      [],
      502,
      "502 Bad Gateway\n",
    ]] as const
  ) {
    await using proxy = await testProxy([origin], { caCerts });
    using client = await rawClient(proxy.port);
    for (let round = 0; round < 2; round++) {
      await client.send(get());
      const answer = await client.readResponse();
      assertEquals([answer.status, answer.body], [status, body]);
    }
  }
});

Deno.test("an answer before the body is over reaches the client, which is not read for ever", async () => {
  await using upstream = await rawHttpServer((_, connection) =>
    connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch")
  );
  await using proxy = await testProxy([upstream.origin], { limits: { lingerMs: 200 } });
  using client = await rawClient(proxy.port);
  await client.send("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100000000\r\n\r\n");
  await client.send(new Uint8Array(100_000));
  const answer = await client.readResponse();
  assertEquals([answer.status, answer.body, answer.headers.get("connection")], [413, "much", "close"]);
  assertEquals(await client.readAll(), "");
  await upstream.allClosed();
});

Deno.test("a proxy that is its own upstream says so", async () => {
  await using front = await testProxy(["http://127.0.0.1:1"]);
  const self =
    `host site.test { proxy_pass http://127.0.0.1:${front.port}; proxy_set_header Host site.test }`;
  front.proxy.reload(parseConf(self));
  using client = await rawClient(front.port);
  await client.send(get());
  assertEquals((await client.readResponse()).status, 508);
});

Deno.test("TRACE is refused", async () => {
  await using proxy = await testProxy(["http://127.0.0.1:1"]);
  using client = await rawClient(proxy.port);
  await client.send("TRACE / HTTP/1.1\r\nHost: site.test\r\n\r\n");
  assertEquals((await client.readResponse()).status, 405);
});
