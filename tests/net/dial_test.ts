import { assertEquals, assertRejects } from "@std/assert";
import { ConnectionProblem, deadline } from "../../net/connection_problem.ts";
import { admittedAddresses, connectToFirst, dial } from "../../net/dial.ts";
import { HAS_ALL_LOOPBACK } from "../support/machine.ts";

const never = () => new AbortController().signal;

/** Listens, takes connections and closes them again. Every address of 127.0.0.0/8 is this machine. */
function listen(
  hostname: string,
  port = 0,
): Disposable & { readonly port: number; readonly taken: string[] } {
  const listener = Deno.listen({ hostname, port });
  const taken: string[] = [];
  void (async () => {
    for await (const connection of listener) {
      if (connection.localAddr.transport === "tcp") taken.push(connection.localAddr.hostname);
      connection.close();
    }
  })();
  return { port: listener.addr.port, taken, [Symbol.dispose]: () => listener.close() };
}

/** An address where connecting takes for ever: it listens, and has no room for more that wait. */
async function blackHole(hostname: string, port: number): Promise<Disposable> {
  const listener = Deno.listen({ hostname, port, tcpBacklog: 1 });
  const waiting: Deno.TcpConn[] = [];
  for (let isFull = false; !isFull;) {
    using limit = deadline({ timeoutMs: 200, message: "full" });
    try {
      waiting.push(await Deno.connect({ hostname, port, signal: limit.signal }));
    } catch {
      isFull = true;
    }
  }
  return {
    [Symbol.dispose]() {
      for (const each of waiting) each.close();
      listener.close();
    },
  };
}

Deno.test("a name is resolved and connected to", async () => {
  using server = listen("127.0.0.1");
  const connection = await dial({ hostname: "localhost", port: server.port }, { signal: never() });
  assertEquals(connection.remoteAddr, { transport: "tcp", hostname: "127.0.0.1", port: server.port });
  connection.close();
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`localhost is this machine in both families: a server that listens on ${hostname} alone`, async () => {
    using server = listen(hostname);
    for (const name of ["localhost", "files.localhost", "LOCALHOST."]) {
      const connection = await dial({ hostname: name, port: server.port }, { signal: never() });
      assertEquals(connection.remoteAddr, { transport: "tcp", hostname, port: server.port });
      connection.close();
    }
  });
}

Deno.test({ name: "the next address is tried when one refuses", ignore: !HAS_ALL_LOOPBACK }, async () => {
  using server = listen("127.0.0.1");
  const connection = await connectToFirst(["127.0.0.2", "127.0.0.1"], { port: server.port, signal: never() });
  assertEquals(connection.remoteAddr.hostname, "127.0.0.1");
  connection.close();
});

Deno.test(
  { name: "the next address is tried while one does not answer", ignore: !HAS_ALL_LOOPBACK },
  async () => {
    using server = listen("127.0.0.1");
    using _hole = await blackHole("127.0.0.3", server.port);
    const connection = await connectToFirst(["127.0.0.3", "127.0.0.1"], {
      port: server.port,
      signal: never(),
    });
    assertEquals(connection.remoteAddr.hostname, "127.0.0.1");
    connection.close();
  },
);

Deno.test("no address is connected to that is not admitted, by whatever name", async () => {
  using server = listen("127.0.0.1");
  const asked: string[] = [];
  const admitAddress = (address: string) => {
    asked.push(address);
    return false;
  };
  for (const hostname of ["localhost", "127.0.0.1"]) {
    const refused = await assertRejects(
      () => dial({ hostname, port: server.port }, { admitAddress, signal: never() }),
      ConnectionProblem,
      `"${hostname}" has a private or local address, and nothing is fetched from there`,
    );
    assertEquals(refused.message.includes("127"), hostname === "127.0.0.1");
    assertEquals(refused.isFinal, true);
  }
  assertEquals(asked, ["127.0.0.1", "::1", "127.0.0.1"]);
  assertEquals(server.taken, []);
});

for (
  const [hostname, address] of [
    ["1.2.3.4", "1.2.3.4"],
    ["255.255.255.255", "255.255.255.255"],
    ["0.10.199.249", "0.10.199.249"],
    ["::1", "::1"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    // What the system takes for an address in another form is judged by what it means.
    ["127.1", "127.0.0.1"],
    ["0177.0.0.1", "127.0.0.1"],
    ["2130706433", "127.0.0.1"],
  ] as const
) {
  // Resolvers differ in what they take for an address.
  const ignore = hostname !== address && Deno.build.os !== "linux";
  Deno.test({ name: `${hostname} is admitted as ${address}`, ignore }, async () => {
    const asked: string[] = [];
    const admitAddress = (each: string) => asked.push(each) > 0;
    assertEquals(await admittedAddresses(hostname, { admitAddress, signal: never() }), [address]);
    assertEquals(asked, [address]);
  });
}

Deno.test({ name: "what went wrong is said in words", ignore: !HAS_ALL_LOOPBACK }, async () => {
  using server = listen("127.0.0.1");
  const { port } = server;
  await assertRejects(
    () => dial({ hostname: "127.0.0.2", port }, { signal: never() }),
    ConnectionProblem,
    `Can't connect to 127.0.0.2:${port}: nothing listens there`,
  );
  await assertRejects(
    () => dial({ hostname: "no-such-name.invalid", port }, { signal: never() }),
    ConnectionProblem,
    '"no-such-name.invalid" has no address: no such name is known',
  );
});

Deno.test(
  { name: "a deadline ends the wait, and so does the caller", ignore: !HAS_ALL_LOOPBACK },
  async () => {
    using server = listen("127.0.0.1");
    using _hole = await blackHole("127.0.0.3", server.port);
    const endpoint = { hostname: "127.0.0.3", port: server.port };
    using limit = deadline({ timeoutMs: 50, message: "took too long" });
    await assertRejects(() => dial(endpoint, { signal: limit.signal }), ConnectionProblem, "took too long");

    const caller = new AbortController();
    using other = deadline({ timeoutMs: 60_000, message: "took too long", signal: caller.signal });
    const dialing = dial(endpoint, { signal: other.signal });
    caller.abort(new RangeError("changed my mind"));
    await assertRejects(() => dialing, RangeError, "changed my mind");
  },
);
