import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { testCertificate } from "../support/certificate.ts";
import { transfer } from "../support/program.ts";
import { startWsServe } from "../support/ws_serve.ts";

async function inTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "transfer-test-" });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function writeCertificate(dir: string, { cert, key } = testCertificate()): Promise<string> {
  await Deno.writeTextFile(join(dir, "cert.pem"), cert);
  await Deno.writeTextFile(join(dir, "key.pem"), key);
  return cert;
}

async function healthz(url: string, cert: string): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [cert] });
  return await (await fetch(`${url}/healthz`, { client })).text();
}

Deno.test("with a certificate it prints https and wss, and SIGHUP loads another", async () => {
  await inTempDir(async (dir) => {
    const first = await writeCertificate(dir);
    const tls = ["--tls-cert", join(dir, "cert.pem"), "--tls-key", join(dir, "key.pem")];
    await using server = await startWsServe(join(dir, "uploads"), tls);
    assertMatch(server.url, /^https:\/\/localhost:\d+$/);
    assertMatch(await server.logged("listening"), /url=wss:\/\/localhost:\d+\/ws/);
    assertEquals(await healthz(server.url, first), "ok\n");

    const second = await writeCertificate(dir);
    server.kill("SIGHUP");
    await server.logged("certificate reloaded");
    assertEquals(await healthz(server.url, second), "ok\n");
    await assertRejects(() => healthz(server.url, first));

    await Deno.writeTextFile(join(dir, "key.pem"), "garbage");
    server.kill("SIGHUP");
    assertStringIncludes(await server.logged("certificate not reloaded"), "is not a private key in PEM form");
    assertEquals(await healthz(server.url, second), "ok\n");
    assertEquals((await server.end()).code, 0);
    assert(server.log.every((line) => !line.includes("PRIVATE")));
  });
});

Deno.test("a certificate that can't serve is refused before anything is opened", async () => {
  await inTempDir(async (dir) => {
    await writeCertificate(dir);
    await Deno.writeTextFile(join(dir, "other.pem"), testCertificate().key);
    const cert = join(dir, "cert.pem");
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [["--tls-cert", cert], 2, "--tls-cert needs --tls-key too"],
      [["--tls-key", cert], 2, "--tls-key needs --tls-cert too"],
      [["--tls-cert", cert, "--tls-key", join(dir, "other.pem")], 1, "does not belong to certificate"],
      [["--tls-cert", join(dir, "none"), "--tls-key", cert], 1, "can't be read: there is no such file"],
    ];
    const uploads = join(dir, "uploads");
    const runs = await Promise.all(cases.map(([args]) => {
      return transfer(["ws-serve", "--port", "0", "--dir", uploads, ...args]);
    }));
    for (const [i, { code, stderr, stdout }] of runs.entries()) {
      const [, expectedCode, message = ""] = cases[i] ?? [];
      assertEquals([code, stdout], [expectedCode, ""]);
      assertStringIncludes(stderr, message);
    }
    await assertRejects(() => Deno.stat(uploads), Deno.errors.NotFound);
  });
});

Deno.test("a certificate that has run out is told", async () => {
  await inTempDir(async (dir) => {
    await writeCertificate(dir, testCertificate(0.5));
    const tls = ["--tls-cert", join(dir, "cert.pem"), "--tls-key", join(dir, "key.pem")];
    await using server = await startWsServe(join(dir, "uploads"), tls);
    assertMatch(await server.logged("not valid at present"), /validTo=\d{4}-/);
  });
});

Deno.test("--log json writes an object a line, denials with reason and address, and a flood as a number", async () => {
  await inTempDir(async (dir) => {
    await using server = await startWsServe(dir, ["--log", "json"], { TRANSFER_TOKEN: "the-token" });
    for (let request = 0; request < 25; request++) {
      const response = await fetch(`${server.url}/files/x`, { headers: { Authorization: "Bearer guess" } });
      await response.body?.cancel();
      assertEquals(response.status, 401);
    }
    const bad = await fetch(`${server.url}/`, { headers: { Origin: "http://evil.example" } });
    await bad.body?.cancel();
    assertEquals((await server.end()).code, 0);
    const records = server.log.map((line) => JSON.parse(line));
    for (const { time, level, message } of records) {
      assertMatch(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert(["info", "warning"].includes(level) && message !== "");
    }
    const denied = records.filter(({ message }) => message === "request denied");
    assertEquals(denied.map(({ reason }) => reason), [...new Array(10).fill("token"), "origin"]);
    assertEquals(denied.at(-1).value, "http://evil.example");
    for (const { address } of denied) assertMatch(address, /^(::ffff:)?127\.0\.0\.1$/);
    const rest = records.filter(({ message }) => message === "more requests denied");
    assertEquals(rest.map(({ reason, count }) => [reason, count]), [["token", 15]]);
    assert(server.log.every((line) => !line.includes("the-token") && !line.includes("guess")));
  });
});

Deno.test("--quiet logs warnings and errors only", async () => {
  await inTempDir(async (dir) => {
    await using server = await startWsServe(dir, ["--quiet"]);
    const response = await fetch(`${server.url}/`, { headers: { Origin: "http://evil.example" } });
    await response.body?.cancel();
    assertEquals((await server.end()).code, 0);
    assertEquals(server.log.length, 1, server.log.join("\n"));
    assertMatch(
      server.log[0] ?? "",
      /Z warning request denied reason=origin address=\S+ value=http:\/\/evil\.example$/,
    );
  });
});
