import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { pseudoRandomBytes, sha256 } from "../support/bytes.ts";
import { certificates } from "../support/certificates.ts";
import { transfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";
import { tlsFront } from "../support/tls_front.ts";
import { testServer } from "../support/upload_server.ts";

const UNKNOWN = /data\.bin: The server's certificate was issued by nobody .* --ca FILE\n$/;

Deno.test("over TLS a file arrives when its issuer is trusted, and why not is told at once", async () => {
  await using dir = await tempDir();
  await using server = await testServer({ token: "secret" });
  const issued = await certificates(dir.path);
  const { ca } = issued;
  const file = join(dir.path, "data.bin");
  await Deno.writeFile(file, pseudoRandomBytes(300_000));
  const send = async (identity: { cert: string; key: string }, ...flags: string[]) => {
    await using front = tlsFront(server.server.port, identity);
    const ws = `wss://localhost:${front.port}/ws`;
    // An upload of its own each: who goes by another URL is another owner.
    return await transfer(["upload", file, "--ws", ws, "--token", "secret", "--id", ws, ...flags]);
  };
  const good = await issued.issue("DNS:localhost");
  const arrived = await send(good, "--ca", ca);
  assertEquals(arrived.code, 0, arrived.stderr);
  assertEquals(sha256(await Deno.readFile(join(server.dir, "data.bin"))), sha256(await Deno.readFile(file)));

  const own = await send(issued.own, "--ca", join(dir.path, "own.pem"));
  assertEquals(own.code, 0, own.stderr);
  const expired = await issued.issue("DNS:localhost", { days: -1 });
  const other = await issued.issue("DNS:a.example,DNS:b.example");
  const refused = await Promise.all([
    send(good),
    send(issued.own),
    send(expired, "--ca", ca),
    send(other, "--ca", ca),
    send(issued.authority, "--ca", ca),
  ]);
  const reasons = [
    UNKNOWN,
    UNKNOWN,
    /certificate has expired/,
    /is not for localhost, only for a\.example, b\.example\n/,
    /one for issuing others \(CA:TRUE\)/,
  ];
  for (const [i, { code, stderr }] of refused.entries()) {
    assertEquals(code, 1, stderr);
    assertMatch(stderr, reasons[i] ?? /never/);
  }
});

Deno.test("what a server answers over TLS is told as over plain TCP", async () => {
  await using dir = await tempDir();
  await using server = await testServer({ token: "secret" });
  const issued = await certificates(dir.path);
  const identity = await issued.issue("DNS:localhost,IP:127.0.0.1");
  await using front = tlsFront(server.server.port, identity);
  await using strict = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
    return new Response("", { status: headers.get("authorization") === "Bearer right" ? 403 : 401 });
  });
  await using strictFront = tlsFront(strict.addr.port, identity);
  const file = join(dir.path, "data.bin");
  await Deno.writeTextFile(file, "x");
  const send = (ws: string, ...flags: string[]) =>
    transfer(["upload", file, "--ca", issued.ca, "--ws", ws, ...flags]);
  const runs = await Promise.all([
    send(`wss://localhost:${front.port}/ws`),
    send(`wss://127.0.0.1:${front.port}/ws`, "--token", "wrong"),
    send(`wss://127.0.0.1:${server.server.port}/ws`),
    send(`wss://localhost:${strictFront.port}/ws`, "--token", "right"),
  ]);
  const reasons = [/asks for a token/, /asks for a token/, /does not speak TLS/, /refuses this client/];
  for (const [i, { code, stderr }] of runs.entries()) {
    assertEquals(code, 1, stderr);
    assertMatch(stderr, reasons[i] ?? /never/);
  }
});

Deno.test("a file of authorities that is none is refused before anything is sent", async () => {
  await using dir = await tempDir();
  const { ca } = await certificates(dir.path);
  const at = (name: string) => join(dir.path, name);
  await Deno.writeTextFile(at("empty.pem"), "");
  const pem = await Deno.readTextFile(ca);
  await Deno.writeTextFile(at("damaged.pem"), pem.replace(/\n[^-][^]{10}/, "\n%%%%"));
  const cases = [
    ["none.pem", "can't be read: there is no such file"],
    [".", "can't be read: "],
    ["empty.pem", "It holds no certificate in PEM"],
    ["ca.key", "It holds no certificate in PEM"],
    ["damaged.pem", "Its certificate is damaged"],
  ] as const;
  for (const [name, reason] of cases) {
    const { code, stderr } = await transfer(["upload", ca, "--ca", at(name)]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, `--ca ${at(name)}: `);
    assertStringIncludes(stderr, reason);
  }
});
