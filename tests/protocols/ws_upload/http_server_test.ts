import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
// @ts-types="npm:@types/ws@8.18.2"
import { WebSocketServer } from "ws";
import { type HttpServer, listen, type ListenOptions } from "../../../protocols/ws_upload/http_server.ts";
import { testCertificate } from "../../support/certificate.ts";
import { plainClient } from "../../support/plain_client.ts";

const certificate = testCertificate();
/** All forms that a server has; each limit is to hold on both. */
const FORMS = [["http", undefined], ["https", certificate]] as const;

interface Served extends AsyncDisposable {
  readonly port: number;
  readonly refused: readonly string[];
}

async function serve(
  options: Partial<ListenOptions>,
  listener: Parameters<typeof listen>[0] = (_request, response) => void response.end("hello"),
): Promise<Served> {
  const refused: string[] = [];
  const http: HttpServer = await listen(listener, {
    host: "127.0.0.1",
    port: 0,
    maxConnectionsPerAddress: 10,
    onRefused: (reason, peer) => void refused.push(`${reason} ${peer.remoteAddress}`),
    onUpgrade: (_request, socket) => void socket.destroy(),
    ...options,
  });
  return {
    port: http.port,
    refused,
    async [Symbol.asyncDispose]() {
      http.closeAll();
      await http.close();
    },
  };
}

async function connect(port: number, tls: boolean): Promise<Deno.Conn> {
  const address = { hostname: "localhost", port };
  return tls
    ? await Deno.connectTls({ ...address, caCerts: [certificate.cert] })
    : await Deno.connect({ hostname: "127.0.0.1", port });
}

/** Everything that comes before the other side closes, orderly or not. */
async function readToEnd(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
      text += decoder.decode(buffer.subarray(0, n), { stream: true });
    }
  } catch {
    // Reset, or no "close notify" of TLS: closed in any case.
  }
  return text;
}

async function send(connection: Deno.Conn, text: string): Promise<void> {
  await connection.write(new TextEncoder().encode(text));
}

for (const [form, tls] of FORMS) {
  const isTls = tls !== undefined;

  Deno.test(`${form}: who does not finish the headers of a request is cut off`, async () => {
    await using server = await serve({ tls, headersMs: 100 });
    for (const half of ["", "G", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "]) {
      using connection = await connect(server.port, isTls);
      await send(connection, half);
      const answer = await readToEnd(connection);
      if (!isTls) assertMatch(answer, /^HTTP\/1\.1 408 /, half);
      assert(!answer.includes("hello"));
    }
  });

  Deno.test(`${form}: an answer that stands still because nobody reads it is cut off`, async () => {
    const { promise: cut, resolve } = Promise.withResolvers<void>();
    await using server = await serve({ tls, idleMs: 100 }, (_request, response) => {
      response.on("close", resolve);
      const fill = () => {
        while (response.write(new Uint8Array(1024 * 1024)));
      };
      response.on("drain", fill);
      fill();
    });
    using connection = await connect(server.port, isTls);
    await send(connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await cut;
  });

  Deno.test(`${form}: a WebSocket may be quiet for longer than an answer may stand still`, async () => {
    const { promise: cut, resolve } = Promise.withResolvers<void>();
    const webSockets = new WebSocketServer({ noServer: true });
    const onUpgrade: ListenOptions["onUpgrade"] = (request, socket, head) => {
      webSockets.handleUpgrade(request, socket, Buffer.from(head), (webSocket) => {
        webSocket.on("message", () => webSocket.send(`{"still":"here"}`));
      });
    };
    await using server = await serve({ tls, idleMs: 100, onUpgrade }, (_request, response) => {
      response.on("close", resolve);
      response.write("and nothing follows");
    });
    using client = Deno.createHttpClient({ caCerts: [certificate.cert] });
    await using quiet = await plainClient(`ws${isTls ? "s" : ""}://localhost:${server.port}/`, { client });
    using stalled = await connect(server.port, isTls);
    await send(stalled, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await cut;
    quiet.send({});
    assertEquals(await quiet.next(), { still: "here" });
  });

  Deno.test(`${form}: an upgrade to what is not spoken here is passed over, and all ends at once when asked`, async () => {
    const server = await serve({ tls });
    using connection = await connect(server.port, isTls);
    const ask = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade:";
    await send(connection, `${ask} h2c\r\n\r\n`);
    const buffer = new Uint8Array(1000);
    const count = await connection.read(buffer) ?? 0;
    assertMatch(new TextDecoder().decode(buffer.subarray(0, count)), /^HTTP\/1\.1 200 /);
    // What Node's server no longer counts is ended as well.
    await using upgraded = await serve({ tls, onUpgrade: () => {} });
    using other = await connect(upgraded.port, isTls);
    await send(other, `${ask} websocket\r\n\r\n`);
    await server[Symbol.asyncDispose]();
  });

  Deno.test(`${form}: connections from one address are limited, until one of them ends`, async () => {
    await using server = await serve({ tls, maxConnectionsPerAddress: 2 });
    const ask = async () => {
      try {
        using connection = await connect(server.port, isTls);
        await send(connection, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        return (await readToEnd(connection)).endsWith("hello");
      } catch {
        return false;
      }
    };
    using _first = await connect(server.port, false);
    {
      using _second = await connect(server.port, false);
      // Until the server has taken both.
      for (let tries = 0; tries < 1000 && await ask(); tries++);
      assertEquals(await ask(), false);
      assertEquals(new Set(server.refused), new Set(["address_limit 127.0.0.1"]));
    }
    let isBack = false;
    for (let tries = 0; tries < 1000 && !isBack; tries++) isBack = await ask();
    assert(isBack);
  });
}

Deno.test("https: who does not begin the handshake is cut off", async () => {
  await using server = await serve({ tls: certificate, headersMs: 100 });
  using connection = await connect(server.port, false);
  assertEquals(await readToEnd(connection), "");
});
