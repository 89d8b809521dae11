import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { testCertificate } from "../support/certificate.ts";
import { startTransfer, transfer } from "../support/program.ts";
import { type LoggedProcess, startLogged } from "../support/logged_process.ts";
import { get, rawClient } from "../support/raw_client.ts";
import { rawHttpServer } from "../support/raw_http_server.ts";
import { tempDir } from "../support/temp_dir.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A `transfer tracker proxy` process over `proxy.conf` of a directory; it has to end in order. */
async function startProxyProcess(
  cwd: string,
  args: readonly string[] = [],
  { port = "0", ...options }: { readonly port?: string; readonly maxFiles?: number } = {},
): Promise<LoggedProcess> {
  const proxy = await startLogged(["tracker", "proxy", "--server-port", port, ...args], { cwd, ...options });
  return {
    ...proxy,
    [Symbol.asyncDispose]: async () => assertEquals((await proxy.end()).code, 0, proxy.log.join("\n")),
  };
}

Deno.test("tracker proxy passes requests on, logs them, and reloads on SIGHUP without dropping a connection", async () => {
  await using dir = await tempDir();
  const [conf, log] = [join(dir.path, "proxy.conf"), join(dir.path, "access.log")];
  await using one = await rawHttpServer((_, connection) => connection.write(OK));
  await using two = await rawHttpServer((_, connection) => connection.write(OK.replace("ok", "2!")));
  await Deno.writeTextFile(conf, `host site.test { proxy_pass ${one.origin} }`);
  {
    await using proxy = await startProxyProcess(dir.path, ["--access-log", log, "--metrics-port", "0"]);
    assertMatch(proxy.line, /^Proxying at http:\/\/localhost:\d+$/);
    const metrics = /url=(\S+)/.exec(await proxy.logged("metrics"))?.[1] ?? "";
    using client = await rawClient(proxy.port);
    await client.send(get("/\x1b[31m"));
    // A control character is no part of a target.
    assertEquals((await client.readResponse()).status, 400);
    using other = await rawClient(proxy.port);
    await other.send(get('/a?"', 'User-Agent: "x\\\x9b\r\n'));
    assertEquals((await other.readResponse()).body, "ok");
    await Deno.writeTextFile(conf, `host site.test { proxy_pass ${two.origin}`);
    proxy.kill("SIGHUP");
    assertStringIncludes(await proxy.logged("configuration not reloaded"), 'proxy.conf:1:16: the \\"{\\"');
    await other.send(get());
    assertEquals((await other.readResponse()).body, "ok");
    await Deno.rename(log, `${log}.1`);
    await Deno.writeTextFile(conf, `host site.test { proxy_pass ${two.origin} }`);
    proxy.kill("SIGHUP");
    await proxy.logged("configuration reloaded");
    await other.send(get("/new"));
    assertEquals((await other.readResponse()).body, "2!");
    const response = await fetch(metrics);
    assertStringIncludes(await response.text(), 'transfer_proxy_requests_total{status="2xx"} 3');
    const rebound = await rawClient(Number(new URL(metrics).port));
    await rebound.send("GET /metrics HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n");
    assertEquals((await rebound.readHead()).status, 403);
    rebound[Symbol.dispose]();
  }
  const old = (await Deno.readTextFile(`${log}.1`)).trim().split("\n");
  assertEquals(old.length, 2);
  assertMatch(
    old[0] ?? "",
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?\\" HTTP\/1\.1" 200 \d+ "-" "\\"x\\\\\\u\{9b\}" host="site\.test" upstream=http:\/\/127\.0\.0\.1:\d+ attempts=1 ms=\d+\.\d$/,
  );
  assertStringIncludes(await Deno.readTextFile(log), '"GET /new HTTP/1.1" 200');
});

Deno.test("over TLS, upstreams are told so, and SIGHUP takes the renewed certificate", async () => {
  await using dir = await tempDir();
  const certificate = testCertificate();
  await Deno.writeTextFile(join(dir.path, "cert.pem"), certificate.cert);
  await Deno.writeTextFile(join(dir.path, "key.pem"), certificate.key);
  await using upstream = await rawHttpServer((_, connection) => connection.write(OK));
  await Deno.writeTextFile(join(dir.path, "proxy.conf"), `host localhost { proxy_pass ${upstream.origin} }`);
  await using proxy = await startProxyProcess(dir.path, ["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
  assertMatch(proxy.line, /^Proxying at https:/);
  using client = Deno.createHttpClient({ caCerts: [certificate.cert] });
  const ask = async () => await (await fetch(`https://localhost:${proxy.port}/`, { client })).text();
  assertEquals([await ask(), await ask()], ["ok", "ok"]);
  assertEquals(upstream.requests[0]?.headers.get("x-forwarded-proto"), "https");
  proxy.kill("SIGHUP");
  await proxy.logged("certificate reloaded");
});

Deno.test("SIGKILL of the proxy leaves nothing that keeps the next one from serving", async () => {
  await using dir = await tempDir();
  await using upstream = await rawHttpServer((_, connection) => connection.write(OK));
  await Deno.writeTextFile(join(dir.path, "proxy.conf"), `host site.test { proxy_pass ${upstream.origin} }`);
  await Deno.writeTextFile(join(dir.path, "access.log"), "torn");
  const killed = startTransfer(["tracker", "proxy", "--port", "0"], { cwd: dir.path });
  const output = killed.stdout.getReader();
  const { value } = await output.read();
  const port = /:(\d+)\n$/.exec(new TextDecoder().decode(value))?.[1] ?? "";
  using held = await rawClient(Number(port));
  await held.send(get());
  await held.readResponse();
  killed.kill("SIGKILL");
  await output.cancel();
  await killed.stderr.cancel();
  await killed.status;
  await using proxy = await startProxyProcess(dir.path, ["--access-log", "access.log"], { port });
  using client = await rawClient(proxy.port);
  await client.send(get());
  assertEquals((await client.readResponse()).body, "ok");
});

Deno.test("wrong use of tracker proxy is refused; --check tells each mistake with its place", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(
    join(dir.path, "good.conf"),
    "host a { proxy_pass http://b; proxy_pass http://c }",
  );
  await Deno.writeTextFile(join(dir.path, "bad.conf"), "host a {\n  pass http://b;\n  dist_policy x;\n}");
  const cases = [
    [["--check", "--conf", "good.conf"], 0, /^good\.conf: 1 host, 2 servers\n$/],
    [
      ["--check", "--conf", "bad.conf"],
      1,
      /^bad\.conf:2:3: unknown directive "pass".*\nbad\.conf:3:15: unknown policy "x"/m,
    ],
    [["--conf", "bad.conf"], 1, /^bad\.conf:2:3: /m],
    [[], 1, /The configuration proxy\.conf can't be read: there is no such file/],
    [["--timeout", "5"], 2, /expected a duration/],
    [["--conf", "good.conf", "--tls-cert", "x"], 2, /--tls-cert needs --tls-key too/],
    [["--health-path", "x"], 2, /expected a path such as \/healthz/],
    [["--conf", "good.conf", "--host", "192.0.2.1"], 1, /is no address of this machine/],
    [["--conf", "good.conf", "--access-log", "/dev/null/x"], 1, /./],
    [["extra"], 2, /Unexpected argument: extra/],
  ] as const;
  const runs = await Promise.all(
    cases.map(([args]) => transfer(["tracker", "proxy", ...args], { cwd: dir.path })),
  );
  for (const [at, { code, stdout, stderr }] of runs.entries()) {
    const [args, expected, pattern] = cases[at] ?? [];
    assert(
      code === expected && pattern?.test(stdout + stderr),
      `${args?.join(" ")}: ${code} ${stdout}${stderr}`,
    );
  }
});

Deno.test("without a file handle left a request is answered 503, and no upstream is taken for down", async () => {
  await using dir = await tempDir();
  await using resources = new AsyncDisposableStack();
  await using upstream = await rawHttpServer((_, connection) => connection.write(OK));
  await Deno.writeTextFile(join(dir.path, "proxy.conf"), `host site.test { proxy_pass ${upstream.origin} }`);
  const maxFiles = 100;
  await using proxy = await startProxyProcess(dir.path, [], { maxFiles });
  const client = resources.use(await rawClient(proxy.port));
  const openFiles = async () => (await Array.fromAsync(Deno.readDir(`/proc/${proxy.pid}/fd`))).length;
  const silent = await Promise.all(Array.from({ length: maxFiles }, () => rawClient(proxy.port)));
  // Nothing tells of it: the proxy takes connections until it has no handle for one.
  while (await openFiles() < maxFiles);
  await client.send(get());
  assertEquals((await client.readResponse()).status, 503);
  await proxy.logged("fault=exhausted");
  for (const each of silent) each[Symbol.dispose]();
  let status = 503;
  while (status === 503) {
    await client.send(get());
    status = (await client.readResponse()).status;
  }
  assertEquals(status, 200);
  assertEquals(proxy.log.filter((line) => line.includes("upstream down")), []);
});
