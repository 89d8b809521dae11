import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import { get, rawClient } from "../../support/raw_client.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";
import { testProxy } from "../../support/test_proxy.ts";

Deno.test("a request and its answer pass; what is of one connection only stays on it", async () => {
  await using upstream = await rawHttpServer((_, connection) =>
    connection.write(
      "HTTP/1.1 203 Fine \xe9\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nConnection: X-Hop\r\n" +
        "X-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nServer: u\r\n\r\nok",
    )
  );
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  await client.send(get(
    "/a%20b?c=1",
    "Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nTE: trailers\r\nProxy: http://evil\r\nProxy-Authorization: x\r\n" +
      "X-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n" +
      "X-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /admin\r\nX_FORWARDED_USER: root\r\nX-Note: \xff\r\nVia: 1.0 front\r\n",
  ));
  const { head, body } = await client.readResponse();
  assertEquals(head.split("\r\n"), [
    "HTTP/1.1 203 Fine \xc3\xa9",
    "Set-Cookie: a=1",
    "set-cookie: b=2",
    "Server: u",
    "Content-Length: 2",
  ]);
  assertEquals(body, "ok");
  const [request] = upstream.requests;
  assertEquals([request?.method, request?.target], ["GET", "/a%20b?c=1"]);
  const { via, ...headers } = Object.fromEntries(request?.headers ?? []);
  assertEquals(headers, {
    host: upstream.origin.slice("http://".length),
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "site.test",
    "x-note": "\xff",
  });
  assertMatch(via ?? "", /^1\.0 front, 1\.1 transfer-[0-9a-f]{8}$/);
});

Deno.test("hosts are told apart by name and port; what is none of them is answered 404", async () => {
  const servers = await Promise.all(
    ["one", "two", "any"].map((name) =>
      rawHttpServer((_, connection) =>
        connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
      )
    ),
  );
  await using resources = new AsyncDisposableStack();
  for (const server of servers) resources.use(server);
  const [one, two, any] = servers.map(({ origin }) => origin);
  await using proxy = await testProxy([], {
    conf:
      `host a.test:8080 { proxy_pass ${one} } host a.test:80 { proxy_pass ${two} } host b.test { proxy_pass ${any} }`,
  });
  using client = await rawClient(proxy.port);
  const cases = [
    ["A.test:8080", 200, "one"],
    ["a.test", 200, "two"],
    ["a.test.:80", 200, "two"],
    ["a.test:81", 404, "404 Not Found\n"],
    ["b.test:9999", 200, "any"],
    ["b.test", 200, "any"],
    ["x.b.test", 404, "404 Not Found\n"],
    ["127.0.0.1", 404, "404 Not Found\n"],
  ] as const;
  for (const [host, status, body] of cases) {
    await client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const answer = await client.readResponse();
    assertEquals([answer.status, answer.body], [status, body], host);
  }
});

Deno.test("headers that the configuration sets are in place of the client's and the proxy's", async () => {
  await using upstream = await rawHttpServer((_, connection) =>
    connection.write("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
  );
  await using proxy = await testProxy([], {
    conf:
      `host site.test { proxy_pass ${upstream.origin}; proxy_set_header Host $http_host; proxy_set_header X-Who me;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header Cookie ""; proxy_set_header X_User "$host" }`,
  });
  using client = await rawClient(proxy.port);
  await client.send(
    "GET / HTTP/1.1\r\nHost: site.test:81\r\nX-Who: you\r\nX_Who: you\r\nCookie: a\r\nX-Forwarded-For: 9.9.9.9\r\n" +
      "X-User: root\r\nx_user: root\r\n\r\n",
  );
  const { head } = await client.readHead();
  assertEquals(head, "HTTP/1.1 204 No Content");
  const { via: _, ...headers } = Object.fromEntries(upstream.requests[0]?.headers ?? []);
  assertEquals(headers, {
    host: "site.test:81",
    "x-who": "me",
    "x_user": "site.test",
    "x-forwarded-for": "9.9.9.9, 127.0.0.1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "site.test:81",
  });
});

/** Answers each request with the SHA-256 of its body, read as its head says. */
async function digesting() {
  return await Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of request.body ?? []) {
      hash.update(piece);
      bytes += piece.length;
    }
    return new Response(`${bytes} ${hash.digest("hex")}`);
  });
}

Deno.test("bodies of any size pass to the upstream, with a length and in chunks", async () => {
  await using server = await digesting();
  await using proxy = await testProxy([`http://127.0.0.1:${server.addr.port}`]);
  for (const size of [0, 1, 16_384, 16_385, 70_000, 5_000_000]) {
    const body = new Uint8Array(size).map((_, at) => at * 7 + (at >> 8));
    const expected = `${size} ${createHash("sha256").update(body).digest("hex")}`;
    for (const isChunked of [false, true]) {
      using client = await rawClient(proxy.port);
      const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${size}`;
      await client.send(`POST / HTTP/1.1\r\nHost: site.test\r\n${framing}\r\n\r\n`);
      const sending = isChunked ? sendChunks(client.send, body) : client.send(body);
      const answer = await client.readResponse();
      await sending;
      assertEquals(answer.body, expected, `${size} ${framing}`);
      // The connection is where it should be.
      await client.send(get());
      assertEquals((await client.readResponse()).body.split(" ")[0], "0");
    }
  }
});

async function sendChunks(
  send: (data: string | Uint8Array) => Promise<void>,
  body: Uint8Array,
): Promise<void> {
  for (let at = 0, size = 1; at < body.length; at += size, size = Math.min(size * 3, 900_000)) {
    const chunk = body.subarray(at, at + size);
    await send(`${chunk.length.toString(16)};x=y\r\n`);
    await send(chunk);
    await send("\r\n");
  }
  await send("0\r\nX-Trailer: 1\r\n\r\n");
}

Deno.test("answers of any form reach clients of 1.1 and 1.0 whole", async () => {
  const body = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
  const half = body.length / 2;
  await using upstream = await rawHttpServer(async ({ target }, connection) => {
    if (target === "/length") {
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    }
    if (target === "/close") await connection.write("HTTP/1.1 200 OK\r\n\r\n");
    if (target === "/chunks") {
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (const part of [body.subarray(0, half), body.subarray(half)]) {
        await connection.write(`${half.toString(16)}\r\n`);
        await connection.write(part);
        await connection.write("\r\n");
      }
      return await connection.write("0\r\nX: y\r\n\r\n");
    }
    await connection.write(body);
    if (target === "/close") connection.end();
  });
  await using proxy = await testProxy([upstream.origin]);
  const expected = createHash("sha256").update(body).digest("hex");
  for (const target of ["/length", "/close", "/chunks"]) {
    using old = await rawClient(proxy.port);
    await old.send(`GET ${target} HTTP/1.0\r\nHost: site.test\r\n\r\n`);
    const all = await old.readAll();
    const [head = ""] = all.split("\r\n\r\n", 1);
    assert(!/transfer-encoding/i.test(head) && /connection: close/i.test(head), head);
    assertEquals(digestOf(all.slice(head.length + 4)), expected, target);
    using client = await rawClient(proxy.port);
    await client.send(get(target));
    const response = await client.readHead();
    const isChunked = response.headers.get("transfer-encoding") === "chunked";
    assertEquals(isChunked, target !== "/length");
    assertEquals(
      digestOf(isChunked ? await readChunks(client) : await client.read(body.length)),
      expected,
      target,
    );
    await client.send(get("/length"));
    assertEquals((await client.readResponse()).status, 200);
  }
});

function digestOf(text: string): string {
  return createHash("sha256").update(Uint8Array.from(text, (each) => each.charCodeAt(0))).digest("hex");
}

async function readChunks(client: { read(count: number): Promise<string> }): Promise<string> {
  let all = "";
  for (;;) {
    let size = "";
    while (!size.endsWith("\r\n")) size += await client.read(1);
    const chunk = await client.read(parseInt(size, 16) + 2);
    if (chunk === "\r\n") return all;
    all += chunk.slice(0, -2);
  }
}

Deno.test("requests that come at once are answered in their order, over one connection to the upstream", async () => {
  await using upstream = await rawHttpServer(({ target }, connection) =>
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`)
  );
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  const targets = Array.from({ length: 50 }, (_, at) => `/${at}`);
  await client.send(targets.map((target) => get(target)).join(""));
  for (const target of targets) assertEquals((await client.readResponse()).body, target);
  assertEquals(upstream.connections.all, 1);
  const requests = await proxy.requests(50);
  assertEquals(requests.map(({ status, attempts }) => [status, attempts]), targets.map(() => [200, 1]));
});

Deno.test("HEAD, 204 and 304 have no body, whatever their length; interim answers pass", async () => {
  await using upstream = await rawHttpServer(({ method, target }, connection) => {
    if (target === "/304") {
      return connection.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: "a"\r\n\r\n');
    }
    if (target === "/204") return connection.write("HTTP/1.1 204 No Content\r\n\r\n");
    const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    return connection.write(
      `${hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${method === "HEAD" ? "" : "ok"}`,
    );
  });
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  await client.send("HEAD / HTTP/1.1\r\nHost: site.test\r\n\r\n" + get("/304") + get("/204") + get("/"));
  assertEquals((await client.readHead()).head, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>");
  assertEquals((await client.readHead()).head, "HTTP/1.1 200 OK\r\nContent-Length: 2");
  assertEquals((await client.readHead()).headers.get("content-length"), "9");
  assertEquals((await client.readHead()).head, "HTTP/1.1 204 No Content");
  assertEquals((await client.readHead()).status, 103);
  assertEquals((await client.readResponse()).body, "ok");
  // HTTP/1.0 knows no interim answers, and keeps a connection only if it says so.
  await client.send("GET / HTTP/1.0\r\nHost: site.test\r\nConnection: keep-alive\r\n\r\n");
  const old = await client.readResponse();
  assertEquals([old.status, old.headers.get("connection")], [200, "keep-alive"]);
  await client.send("GET / HTTP/1.0\r\nHost: site.test\r\n\r\n");
  assertEquals((await client.readResponse()).headers.get("connection"), "close");
  assertEquals(await client.readAll(), "");
});

Deno.test("a client that expects 100 gets it from the upstream, and an early answer instead of it", async () => {
  await using upstream = await rawHttpServer(async ({ target, headers }, connection) => {
    assertEquals(headers.get("expect"), "100-continue");
    if (target === "/no") {
      return await connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    }
    await connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    const body = new TextDecoder().decode(await connection.read());
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await using proxy = await testProxy([upstream.origin]);
  const post = (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`;
  using client = await rawClient(proxy.port);
  await client.send(post("/yes"));
  assertEquals((await client.readHead()).head, "HTTP/1.1 100 Continue");
  await client.send("abc");
  assertEquals((await client.readResponse()).body, "abc");
  await client.send(post("/no"));
  const refused = await client.readResponse();
  // Whether the body still comes can't be known: the connection ends.
  assertEquals([refused.status, refused.headers.get("connection")], [413, "close"]);
  assertEquals(await client.readAll(), "");
});

Deno.test("what a client sends behind its last request does not cost it the answer", async () => {
  const body = new Uint8Array(20_000_000);
  await using upstream = await rawHttpServer(async (_, connection) => {
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    await connection.write(body);
  });
  await using proxy = await testProxy([upstream.origin]);
  using client = await rawClient(proxy.port);
  await client.send(`${get("/", "Connection: close\r\n")}\r\n`);
  await client.readHead();
  await client.send(get());
  assertEquals((await client.readAll()).length, body.length);
  assertEquals(upstream.requests.length, 1);
});
