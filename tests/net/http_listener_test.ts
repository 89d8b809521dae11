import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeAll } from "../../net/byte_stream.ts";
import type { HttpLimits, HttpRequest } from "../../net/http_connection.ts";
import { type HttpListening, listenHttp } from "../../net/http_listener.ts";
import { testCertificate } from "../support/certificate.ts";
import { exchange } from "../support/tracker.ts";

interface EchoServer extends AsyncDisposable {
  readonly http: HttpListening;
  readonly refused: string[];
}

/** Answers with what it understood. */
async function echoServer(
  options: { readonly limits?: Partial<HttpLimits>; readonly maxConnections?: number } = {},
): Promise<EchoServer> {
  const refused: string[] = [];
  const http = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    maxConnections: 10,
    maxConnectionsPerAddress: 1,
    ...options,
    handler: ({ head, body }: HttpRequest) => {
      if (head.path === "/throw") throw new Error("a fault");
      const text = `${head.method} ${head.target} ${new TextDecoder().decode(body)}`;
      const answer = { status: 200, headerLines: "X-Echo: yes\r\n", body: text };
      return head.path === "/later" ? Promise.resolve(answer) : answer;
    },
    onRefused: (reason) => void refused.push(reason),
    onError: () => {},
  });
  return { http, refused, [Symbol.asyncDispose]: () => http.close(0) };
}

const HEAD = " HTTP/1.1\r\nHost: localhost\r\n";
const LAST = `GET /last${HEAD}Connection: close\r\n\r\n`;

/** The bodies of answers that follow each other. */
function bodies(text: string): string[] {
  const found: string[] = [];
  for (let rest = text; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n") + 4;
    const length = Number(/content-length: (\d+)/i.exec(rest.slice(0, end))?.[1]);
    found.push(rest.slice(end, end + length));
    rest = rest.slice(end + length);
  }
  return found;
}

Deno.test("requests that come at once are answered in order", async () => {
  await using server = await echoServer();
  const text = await exchange(
    server.http.port,
    `GET /a${HEAD}\r\nPOST /later${HEAD}Content-Length: 3\r\n\r\nabcPOST /c${HEAD}Content-Length: 2\r\n\r\nde\r\n${LAST}`,
  );
  assertEquals(bodies(text), ["GET /a ", "POST /later abc", "POST /c de", "GET /last "]);
  assertStringIncludes(text, "X-Echo: yes\r\n");
  assertEquals(text.match(/Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/g)?.length, 4);
});

Deno.test("a request is understood byte by byte", async () => {
  await using server = await echoServer();
  const chunked =
    `POST /x${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n`;
  const text = await exchange(server.http.port, ...chunked, ...LAST);
  assertEquals(bodies(text), ["POST /x abcde", "GET /last "]);
});

Deno.test("a body of the most that is allowed is read, one of more is refused before it comes", async () => {
  await using server = await echoServer({ limits: { bodyBytes: 100_000 } });
  const { port } = server.http;
  const most = "x".repeat(100_000);
  const full = await exchange(port, `POST /x${HEAD}Content-Length: 100000\r\n\r\n${most}${LAST}`);
  assertEquals(bodies(full), [`POST /x ${most}`, "GET /last "]);
  assertStringIncludes(await exchange(port, `POST /x${HEAD}Content-Length: 100001\r\n\r\n`), "HTTP/1.1 413 ");
  const chunk = `${(100_001).toString(16)}\r\n${most}x`;
  assertStringIncludes(
    await exchange(port, `POST /x${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunk}`),
    "HTTP/1.1 413 ",
  );
});

Deno.test("a header without end is refused, by its size, its fields and its time", async () => {
  await using server = await echoServer({ limits: { headMs: 50 } });
  const { port } = server.http;
  assertStringIncludes(await exchange(port, `GET /${"x".repeat(20_000)}${HEAD}\r\n`), "HTTP/1.1 431 ");
  assertStringIncludes(await exchange(port, `GET /${HEAD}${"A: b\r\n".repeat(120)}\r\n`), "HTTP/1.1 431 ");
  assertStringIncludes(await exchange(port, `GET /${HEAD}A: `), "HTTP/1.1 408 ");
  // Who says nothing at all gets no answer to it.
  assertEquals(await exchange(port), "");
});

Deno.test("a body that does not come is waited for only so long", async () => {
  await using server = await echoServer({ limits: { bodyMs: 50 } });
  const text = await exchange(server.http.port, `POST /x${HEAD}Content-Length: 10\r\n\r\nabc`);
  assertStringIncludes(text, "HTTP/1.1 408 ");
});

Deno.test("an answer that nobody reads is given up", async () => {
  await using server = await echoServer({ limits: { writeMs: 50, bodyBytes: 64 * 1024 } });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.http.port });
  const request = new TextEncoder().encode(
    `POST /x${HEAD}Content-Length: 60000\r\n\r\n${"x".repeat(60_000)}`,
  );
  const flood = async () => {
    for (;;) await conn.write(request);
  };
  // It ends when the server does not take it any more.
  const error = await flood().catch((error: Error) => error);
  assert(error instanceof Error);
});

Deno.test("answers that wait to be read are not touched by those to others, nor longer ones cut", async () => {
  await using server = await echoServer();
  const { port } = server.http;
  using slow = await Deno.connect({ hostname: "127.0.0.1", port });
  // More than the buffers of two sockets hold.
  const targets = Array.from({ length: 8_000 }, (_, index) => `/${index}${"x".repeat(3_000)}`);
  const requests = targets.map((target) => `GET ${target}${HEAD}\r\n`).join("");
  const asked = writeAll(slow, new TextEncoder().encode(requests + LAST));
  const long = "é".repeat(3_000);
  for (let count = 0; count < 50; count++) {
    const text = await exchange(port, `POST /x${HEAD}Content-Length: 6000\r\n\r\n${long}${LAST}`);
    assertStringIncludes(text, `Content-Length: 6008\r\n\r\nPOST /x ${long}HTTP/1.1 200 OK\r\n`);
  }
  const [text] = await Promise.all([new Response(slow.readable).text(), asked]);
  assertEquals(bodies(text), [...targets.map((target) => `GET ${target} `), "GET /last "]);
});

Deno.test("unclear framing ends the connection with 400, and what follows is not read as a request", async () => {
  await using server = await echoServer();
  const smuggled = `GET /admin${HEAD}\r\n`;
  const unclear = [
    `POST /x${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `POST /x${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n \r\n${smuggled}`,
    `POST /x${HEAD}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc${smuggled}`,
    `POST /x${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n${smuggled}`,
    `POST /x${HEAD}Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n${smuggled}`,
    `POST /x${HEAD}Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n${smuggled}`,
    `\ufeffGET /x${HEAD}\r\n${smuggled}`,
  ];
  for (const each of unclear) {
    const text = await exchange(server.http.port, each);
    assertStringIncludes(text, "HTTP/1.1 400 ", each);
    assertEquals(text.includes("/admin"), false, each);
  }
});

Deno.test("HEAD has the header of GET, and 100 is sent to those who wait for it", async () => {
  await using server = await echoServer();
  const text = await exchange(server.http.port, `HEAD /x${HEAD}Connection: close\r\n\r\n`);
  assertStringIncludes(text, "Content-Length: 8\r\n");
  assertEquals(text.endsWith("\r\n\r\n"), true);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.http.port });
  const send = (text: string) => conn.write(new TextEncoder().encode(text));
  const read = async () => {
    const buffer = new Uint8Array(1000);
    return new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  };
  await send(`POST /x${HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
  assertStringIncludes(await read(), "HTTP/1.1 100 Continue\r\n\r\n");
  await send("ok");
  assertStringIncludes(await read(), "POST /x ok");
});

Deno.test("a handler's fault is answered with 500, and the next request is served", async () => {
  await using server = await echoServer();
  const text = await exchange(server.http.port, `GET /throw${HEAD}\r\n${LAST}`);
  assertStringIncludes(text, "HTTP/1.1 500 ");
  assertEquals(bodies(text)[1], "GET /last ");
  assertEquals(text.includes("a fault"), false);
});

Deno.test("more connections than allowed are not taken", async () => {
  await using server = await echoServer({ maxConnections: 2 });
  using _one = await Deno.connect({ hostname: "127.0.0.1", port: server.http.port });
  using _two = await Deno.connect({ hostname: "127.0.0.1", port: server.http.port });
  assertEquals(await exchange(server.http.port), "");
  assertEquals(server.refused, ["connection_limit"]);
});

Deno.test("TLS is served, and its certificate can be changed", async () => {
  const [first, second] = [testCertificate(), testCertificate()];
  const http = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    tls: first,
    maxConnections: 10,
    maxConnectionsPerAddress: 10,
    handler: () => ({ status: 200, headerLines: "", body: "ok" }),
    onRefused: () => {},
    onError: () => {},
  });
  const get = async (cert: string) => {
    using client = Deno.createHttpClient({ caCerts: [cert] });
    const response = await fetch(`https://localhost:${http.port}/`, { client });
    return await response.text();
  };
  assertEquals(await get(first.cert), "ok");
  http.setCertificate(second);
  assertEquals(await get(second.cert), "ok");
  await http.close(0);
});
