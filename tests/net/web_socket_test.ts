import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createServer, type Socket } from "node:net";
// @ts-types="npm:@types/ws@8.18.2"
import { WebSocket as ForeignWebSocket } from "ws";
import { type DuplexBytes, duplexBytes } from "../../net/byte_stream.ts";
import { ConnStream } from "../../net/conn_stream.ts";
import { ReceiveMemory } from "../../net/receive_memory.ts";
import { WebSocketConnection } from "../../net/web_socket.ts";
import { openWebSocket } from "../../net/web_socket_client.ts";
import { answerHandshake } from "../../net/web_socket_handshake.ts";
import { pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { clientFrame, concat, OPCODE } from "../support/client_frames.ts";

const KIB = 1024;
const HANDSHAKE = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** A server that tells of each message what it was; it answers the text "close" with a close. */
interface EchoServer extends AsyncDisposable {
  readonly port: number;
  readonly memory: ReceiveMemory;
  /** Settles when the only connection is over on the server's side. */
  readonly over: Promise<void>;
}

async function echo(connection: WebSocketConnection): Promise<void> {
  for (let next = await connection.receive(); next !== undefined; next = await connection.receive()) {
    if (next.type === "binary") connection.send(`binary ${next.bytes.length} ${sha256(next.bytes)}`);
    else if (next.type === "oversized") connection.send(`oversized ${next.length}`);
    else if (next.text === "close") connection.close(4409, "as asked");
    else if (next.text === "terminate") connection.terminate();
    else connection.send(next.text);
  }
}

/** Reads the request, and answers it. The tests' own requests are in one piece. */
async function shakeHands(stream: DuplexBytes): Promise<void> {
  const request = new Uint8Array(4 * KIB);
  const text = new TextDecoder().decode(request.subarray(0, await stream.read(request) ?? 0));
  const headers = Object.fromEntries(
    text.split("\r\n").slice(1).flatMap((line) => {
      const [, name, value = ""] = /^([^:]+): (.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name.toLowerCase(), value]];
    }),
  );
  await stream.write(
    new TextEncoder().encode(answerHandshake({ method: "GET", headers }, "transfer").answer),
  );
}

/** Both kinds of connections that servers have. */
const STREAMS = {
  "a connection of Deno's": (onStream: (stream: DuplexBytes) => void) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void listener.accept().then((conn) => onStream(new ConnStream(conn).detach(new Uint8Array(0))));
    return Promise.resolve({ port: listener.addr.port, stop: () => listener.close() });
  },
  "a socket of Node's": (onStream: (stream: DuplexBytes) => void) => {
    const server = createServer((socket: Socket) => onStream(duplexBytes(socket, new Uint8Array(0))));
    return new Promise<{ port: number; stop: () => void }>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        resolve({ port, stop: () => void server.close() });
      });
    });
  },
};

for (const [kind, listen] of Object.entries(STREAMS)) {
  const serve = async (): Promise<EchoServer> => {
    const memory = new ReceiveMemory(8 * 1024 * KIB);
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const { port, stop } = await listen(async (stream) => {
      await shakeHands(stream);
      await echo(
        new WebSocketConnection(stream, {
          role: "server",
          maxMessageBytes: 2048 * KIB,
          maxReadBytes: 4096 * KIB,
          memory,
          maxUnsentBytes: 1024 * KIB,
        }),
      );
      resolve();
    });
    return {
      port,
      memory,
      over,
      async [Symbol.asyncDispose]() {
        await over;
        stop();
      },
    };
  };

  /** Sends bytes after the handshake. @returns What the server sends after its own, as text, up to its end. */
  const sendRaw = async (port: number, bytes: Uint8Array): Promise<string> => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode(HANDSHAKE));
    const buffer = new Uint8Array(64 * KIB);
    await conn.read(buffer);
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    let text = "";
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      text += new TextDecoder("latin1").decode(buffer.subarray(0, n));
    }
    return text;
  };

  Deno.test(`over ${kind} other clients' messages arrive, and answers reach them`, async () => {
    const bytes = pseudoRandomBytes(1_500_000);
    {
      await using server = await serve();
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}`);
      const answers: string[] = [];
      const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
      socket.onmessage = ({ data }) => answers.push(data);
      socket.onopen = () => {
        for (const message of ["é", bytes, new Uint8Array(2049 * KIB), "close"]) socket.send(message);
      };
      const { code, reason } = await closed;
      assertEquals(answers, ["é", `binary 1500000 ${sha256(bytes)}`, `oversized ${2049 * KIB}`]);
      assertEquals([code, reason, server.memory.heldBytes], [4409, "as asked", 0]);
    }
    await using server = await serve();
    const socket = new ForeignWebSocket(`ws://127.0.0.1:${server.port}`);
    const answers: string[] = [];
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    socket.on("message", (data) => answers.push(String(data)) === 2 && socket.close(1000));
    socket.on("pong", (payload) => answers.push(`pong ${payload}`));
    await new Promise((resolve) => socket.on("open", resolve));
    socket.ping("hello");
    socket.send(bytes.subarray(0, 1_000_000), { fin: false });
    socket.send(bytes.subarray(1_000_000), { fin: true });
    assertEquals(await closed, 1000);
    assertEquals(answers, ["pong hello", `binary 1500000 ${sha256(bytes)}`]);
    assertEquals(server.memory.heldBytes, 0);
  });

  Deno.test(`over ${kind} nonsense is answered by a close that says why, though more follows`, async () => {
    await using server = await serve();
    const nonsense = concat([
      clientFrame(OPCODE.text, new TextEncoder().encode("fine")),
      clientFrame(OPCODE.text, Uint8Array.of(0xff)),
      ...Array.from({ length: 40 }, () => clientFrame(OPCODE.binary, new Uint8Array(60 * KIB))),
    ]);
    const answer = await sendRaw(server.port, nonsense);
    assertStringIncludes(answer, "fine");
    assertStringIncludes(answer, "\x03\xefA text is not UTF-8");
  });

  Deno.test(`over ${kind} what came before a client left is worked off, and its memory is given back`, async () => {
    await using server = await serve();
    {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      await conn.write(new TextEncoder().encode(HANDSHAKE));
      await conn.read(new Uint8Array(KIB));
      const half = clientFrame(OPCODE.binary, new Uint8Array(1000 * KIB)).subarray(0, 500 * KIB);
      for (let at = 0; at < half.length;) at += await conn.write(half.subarray(at));
    }
    await server.over;
    assertEquals(server.memory.heldBytes, 0);
  });

  Deno.test(`over ${kind} of many pings the last is answered, and a close ends it at once`, async () => {
    await using server = await serve();
    const pings = Array.from({ length: 5000 }, (_, i) => {
      return clientFrame(OPCODE.ping, new TextEncoder().encode(String(i)));
    });
    const answer = await sendRaw(
      server.port,
      concat([...pings, clientFrame(OPCODE.close, Uint8Array.of(0x03, 0xe8))]),
    );
    assertStringIncludes(answer, "4999");
    assert(answer.endsWith("\x02\x03\xe8"));
    assert(answer.length < 5000 * 6);
  });

  Deno.test(`over ${kind} a connection can be ended at once`, async () => {
    await using server = await serve();
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}`);
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    socket.onopen = () => socket.send("terminate");
    socket.onerror = (event) => event.preventDefault();
    assertEquals((await closed).wasClean, false);
  });

  Deno.test(`over ${kind} a client that asks and never reads is cut off`, async () => {
    await using server = await serve();
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await conn.write(new TextEncoder().encode(HANDSHAKE));
    await conn.read(new Uint8Array(KIB));
    const flood = concat(Array.from({ length: 10_000 }, () => clientFrame(OPCODE.text, new Uint8Array(0))));
    let sent = 0;
    const sendOn = async () => {
      while (sent < 200_000_000) sent += await conn.write(flood.subarray(sent % flood.length));
    };
    await sendOn().catch(() => {});
    await server.over;
    assert(sent < 200_000_000);
  });
}

Deno.test("a client that gives up leaves no connection, wherever it was", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const opening = openWebSocket(`ws://127.0.0.1:${listener.addr.port}`, { signal: stop.signal });
  using conn = await listener.accept();
  const buffer = new Uint8Array(1000);
  await conn.read(buffer);
  stop.abort(new Error("enough"));
  await assertRejects(() => opening, Error, "enough");
  assertEquals(await conn.read(buffer).catch(() => null), null);
  await assertRejects(() => openWebSocket("ws://127.0.0.1:1", { signal: stop.signal }), Error, "enough");
});

Deno.test("what is no request for a WebSocket is told so", () => {
  const headers = {
    upgrade: "WebSocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  };
  const answer = (change: Record<string, string>, method = "GET") => {
    return answerHandshake({ method, headers: { ...headers, ...change } }, "transfer").answer.split("\r\n");
  };
  // The key and the answer of RFC 6455 section 1.3.
  assert(answer({}).includes("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  assert(answer({ "sec-websocket-protocol": "a, transfer" }).includes("Sec-WebSocket-Protocol: transfer"));
  assert(!answer({ "sec-websocket-protocol": "a" }).join().includes("Protocol: "));
  assertEquals(answer({}, "POST")[0], "HTTP/1.1 400 Bad Request");
  assertEquals(answer({ upgrade: "h2c" })[0], "HTTP/1.1 400 Bad Request");
  assertEquals(answer({ "sec-websocket-key": "short" })[0], "HTTP/1.1 400 Bad Request");
  assert(answer({ "sec-websocket-version": "8" }).includes("Sec-WebSocket-Version: 13"));
});
