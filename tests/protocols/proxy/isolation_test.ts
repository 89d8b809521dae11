import { assert, assertEquals } from "@std/assert";
import { get, rawClient } from "../../support/raw_client.ts";
import { rawHttpServer } from "../../support/raw_http_server.ts";
import { testProxy } from "../../support/test_proxy.ts";

const BYTES = 2_000_000;

Deno.test("buffers go from one connection to another, and what was in them does not, whoever breaks off when", async () => {
  await using upstream = await rawHttpServer(async ({ target }, connection) => {
    const letter = target.slice(1, 2);
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`);
    // Each fourth of them is lost half-way.
    const isLost = target.endsWith("lost");
    await connection.write(letter.repeat(isLost ? BYTES / 2 : BYTES));
    if (isLost) connection.reset();
  });
  await using proxy = await testProxy([upstream.origin]);
  const clients = Array.from({ length: 48 }, async (_, at) => {
    const letter = String.fromCharCode(97 + at % 26);
    using client = await rawClient(proxy.port);
    await client.send(get(`/${letter}${at % 4 === 0 ? "lost" : ""}`));
    await client.readHead();
    // Each third goes away itself.
    const text = await client.readAllUntil(at % 3 === 0 ? 300_000 : BYTES);
    assert(new RegExp(`^${letter}*$`).test(text), `${letter} got others' bytes`);
    if (at % 3 !== 0 && at % 4 !== 0) assertEquals(text.length, BYTES);
  });
  await Promise.all(clients);
});
