import { assertEquals, assertRejects } from "@std/assert";
import { ConnectionProblem } from "../../../net/connection_problem.ts";
import type { ConnectOptions } from "../../../protocols/http_ranges/connect.ts";
import { HttpClient } from "../../../protocols/http_ranges/http_client.ts";
import { parseProxy } from "../../../protocols/http_ranges/proxies.ts";
import { certificates } from "../../support/certificates.ts";
import { connectProxy } from "../../support/connect_proxy.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { tlsFront } from "../../support/tls_front.ts";

const TIMEOUT_MS = 60_000;

/** Fetches the same twice, so that the second request finds a connection. @returns What came the second time. */
async function get(url: string, options: Partial<ConnectOptions> = {}): Promise<string> {
  using client = new HttpClient({ timeoutMs: TIMEOUT_MS, ...options });
  let text = "";
  for (let time = 0; time < 2; time++) {
    const response = await client.open({ url: new URL(url), headers: [["X-Time", String(time)]] });
    const buffer = new Uint8Array(1000);
    text = "";
    for (let count = await response.read(buffer); count !== null; count = await response.read(buffer)) {
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    response.close();
  }
  return text;
}

function greeter() {
  return rawHttpServer(async ({ headers }, connection) => {
    const body = `hello ${headers.get("proxy-authorization") ?? ""}`;
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
}

Deno.test("a certificate has to be for the name and from somebody trusted, unless any will do", async () => {
  await using dir = await tempDir();
  const { issue, ca, own } = await certificates(dir.path);
  const caCerts = [await Deno.readTextFile(ca)];
  await using server = await greeter();
  await using good = tlsFront(server.port, await issue("DNS:localhost"));
  await using otherName = tlsFront(server.port, await issue("DNS:example.com"));
  await using ownIssuer = tlsFront(server.port, own);
  using plain = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const connection of plain) {
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      connection.closeWrite();
      await connection.readable.pipeTo(new WritableStream()).catch(() => {});
    }
  })();
  const at = ({ port }: { readonly port: number }) => `https://localhost:${port}/`;

  assertEquals(await get(at(good), { caCerts }), "hello ");
  assertEquals(server.connections.all, 1);
  const refusals = [
    [at(good), {}, "issued by nobody who is trusted here"],
    [at(ownIssuer), { caCerts }, "issued by nobody who is trusted here"],
    [at(otherName), { caCerts }, "The server's certificate is not for localhost, only for example.com"],
    [`https://127.0.0.1:${good.port}/`, { caCerts }, "certificate is not for 127.0.0.1"],
    [`https://localhost:${plain.addr.port}/`, { caCerts }, "does not speak TLS there: is its URL http://"],
  ] as const;
  for (const [url, options, message] of refusals) {
    const problem = await assertRejects(() => get(url, options), ConnectionProblem, message);
    assertEquals(problem.isFinal, true);
  }
  for (const front of [good, otherName, ownIssuer]) {
    assertEquals(await get(at(front), { insecure: true }), "hello ");
    assertEquals(await get(`https://127.0.0.1:${front.port}/`, { insecure: true }), "hello ");
  }
  await assertRejects(
    () => get(`http://localhost:${good.port}/`),
    ConnectionProblem,
    "The server speaks TLS there: its URL begins with https://",
  );
});

Deno.test("a server that does not speak TLS to its end is not waited for without end", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) connections.push(connection);
  })();
  for (const insecure of [false, true]) {
    await assertRejects(
      () => get(`https://127.0.0.1:${listener.addr.port}/`, { insecure, timeoutMs: 100 }),
      ConnectionProblem,
      "within 0.1 s",
    );
  }
  listener.close();
  await accepting;
  for (const connection of connections) connection.close();
});

Deno.test("a plain URL is asked of the proxy, a secure one through it; only the proxy gets its password", async () => {
  await using dir = await tempDir();
  const { issue, ca } = await certificates(dir.path);
  const caCerts = [await Deno.readTextFile(ca)];
  await using server = await greeter();
  await using front = tlsFront(server.port, await issue("DNS:localhost"));
  await using proxy = await connectProxy();
  const chosen = parseProxy(`http://user:pass@127.0.0.1:${proxy.port}`);
  const proxyFor = () => chosen;

  const plain = "http://nowhere.invalid/f?x";
  assertEquals(await get(plain, { proxyFor }), `by proxy: ${plain}`);
  assertEquals(await get(`https://localhost:${front.port}/`, { proxyFor, caCerts }), "hello ");
  assertEquals(await get(`https://localhost:${front.port}/`, { proxyFor, insecure: true }), "hello ");
  assertEquals(
    proxy.requests.map(({ method, target, headers }) => [method, target, headers.get("proxy-authorization")]),
    [
      ...[0, 1].map(() => ["GET", plain, "Basic dXNlcjpwYXNz"]),
      ...[0, 1].map(() => ["CONNECT", `localhost:${front.port}`, "Basic dXNlcjpwYXNz"]),
    ],
  );
  assertEquals(proxy.requests.map(({ headers }) => headers.get("x-time")), ["0", "1", null, null]);
});

Deno.test("what a proxy refuses is told", async () => {
  await using proxy = await connectProxy({ refuses: () => 407 });
  const proxyFor = () => parseProxy(`http://127.0.0.1:${proxy.port}`);
  for (const insecure of [false, true]) {
    const problem = await assertRejects(
      () => get("https://localhost/", { proxyFor, insecure }),
      ConnectionProblem,
      "The proxy answered 407 when asked for localhost",
    );
    assertEquals(problem.isFinal, true);
  }
});

Deno.test("an address that is not admitted is not connected to, by whatever way", async () => {
  await using server = await greeter();
  const admitAddress = (address: string) => address !== "127.0.0.1";
  for (const url of [server.origin, server.origin.replace("http:", "https:")]) {
    for (const insecure of [false, true]) {
      await assertRejects(
        () => get(url, { admitAddress, insecure }),
        ConnectionProblem,
        "nothing is fetched from there",
      );
    }
  }
  const proxyFor = () => parseProxy("http://127.0.0.2:1");
  await assertRejects(
    () => get(server.origin, { admitAddress, proxyFor }),
    ConnectionProblem,
    "Nothing is fetched through a proxy where addresses are checked",
  );
  assertEquals(server.connections.all, 0);
  assertEquals(await get(server.origin, { admitAddress: () => true }), "hello ");
});
