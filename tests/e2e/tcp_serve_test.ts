import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { testCertificate } from "../support/certificate.ts";
import { frameClient, joined } from "../support/frame_client.ts";
import { type LoggedProcess, startLogged } from "../support/logged_process.ts";
import { onTerminal } from "../support/on_terminal.ts";
import { plainTcpClient, plainTcpDownload } from "../support/plain_tcp_client.ts";
import { startTransfer, transfer } from "../support/program.ts";
import { tempDir } from "../support/temp_dir.ts";

/** A `transfer tcp-serve` process. */
async function tcpServe(cwd: string, args: readonly string[] = []): Promise<LoggedProcess> {
  const server = await startLogged(["tcp-serve", "--port", "0", ...args], { cwd });
  return { ...server, [Symbol.asyncDispose]: async () => assertEquals((await server.end()).code, 0) };
}

Deno.test("tcp-serve serves resources, keeps text.txt, logs what it did, and stops in order", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "resources"));
  await Deno.writeFile(join(dir.path, "resources/two\u202e words"), new Uint8Array(3_000_000));
  await using server = await tcpServe(dir.path, ["--log", "json"]);
  assertMatch(server.line, /^Serving \/.*\/resources at localhost:\d+$/);
  assertEquals((await plainTcpDownload(server.port, "two\u202e words")).length, 3_000_000);
  assertEquals(await Deno.readTextFile(join(dir.path, "text.txt")), "two\u202e words 2.861MB\n");
  const served = await server.logged("file served");
  assert(!served.includes("\u202e"));
  const { address, path, bytes } = JSON.parse(served);
  assertEquals([address, path, bytes], ["127.0.0.1", "two\u202e words", 750_000]);
  const closed = JSON.parse(await server.logged("connection closed"));
  assertEquals([closed.client, closed.cause, closed.files], ["plain", "done", 1]);
  server.kill("SIGTERM");
  await server.logged("stopped");
});

Deno.test("without a directory named, resources is made; one that is named has to be there", async () => {
  await using dir = await tempDir();
  {
    await using server = await tcpServe(dir.path);
    assertMatch(server.line, /resources/);
  }
  assert((await Deno.stat(join(dir.path, "resources"))).isDirectory);
  const { code, stderr } = await transfer(["tcp-serve", "missing"], { cwd: dir.path });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "missing can't be served: there is no such directory");
});

Deno.test("wrong use of tcp-serve is refused", async () => {
  const cases = [
    [["a", "b"], 2, /Unexpected argument: b/],
    [["--max-rate", "fast"], 2, /expected a size such as 65536/],
    [["--tls-cert", "x"], 2, /--tls-cert needs --tls-key too/],
    [["--port", "70000"], 2, /expected a whole number from 0 to 65535/],
    [["/dev/null"], 1, /it is no directory/],
    [["/tmp", "--host", "192.0.2.1", "--list", "/dev/null/x"], 1, /is no address of this machine/],
  ] as const;
  const runs = await Promise.all(cases.map(([args]) => transfer(["tcp-serve", ...args])));
  for (const [i, { code, stderr }] of runs.entries()) {
    assertEquals([code, cases[i]?.[2].test(stderr)], [cases[i]?.[1], true], stderr);
  }
});

Deno.test("a server that others reach warns without a token; the port of another server is told as taken", async () => {
  await using dir = await tempDir();
  await using server = await tcpServe(dir.path, [".", "--host", "0.0.0.0"]);
  assertMatch(await server.logged("set TRANSFER_TOKEN"), /warning/);
  const { code, stderr } = await transfer(
    ["tcp-serve", ".", "--host", "0.0.0.0", "--port", `${server.port}`],
    {
      cwd: dir.path,
    },
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "is in use");
});

Deno.test("over TLS, SIGHUP has new connections get the renewed certificate", async () => {
  await using dir = await tempDir();
  const at = (name: string) => join(dir.path, name);
  const install = async ({ cert, key }: { readonly cert: string; readonly key: string }) => {
    await Deno.writeTextFile(at("cert.pem"), cert);
    await Deno.writeTextFile(at("key.pem"), key);
  };
  await Deno.mkdir(at("resources"));
  await Deno.writeTextFile(at("resources/file"), "1");
  const [old, renewed] = [testCertificate(), testCertificate()];
  await install(old);
  await using server = await tcpServe(dir.path, ["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
  assertMatch(server.line, / over TLS$/);
  const connect = (cert: string) => (port: number) =>
    Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] });
  using before = await frameClient(server.port, connect(old.cert));
  await install(renewed);
  server.kill("SIGHUP");
  await server.logged("certificate reloaded");
  using after = await frameClient(server.port, connect(renewed.cert));
  for (const client of [before, after]) assertEquals(joined(await client.get("file")), new Uint8Array([49]));
});

Deno.test("SIGKILL of the server leaves nothing that keeps the next one from serving", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "resources"));
  await Deno.writeTextFile(join(dir.path, "resources/file"), "12345");
  const killed = startTransfer(["tcp-serve", "--port", "0"], { cwd: dir.path });
  const output = killed.stdout.getReader();
  await output.read();
  killed.kill("SIGKILL");
  await output.cancel();
  await killed.stderr.cancel();
  await killed.status;
  await Deno.writeTextFile(join(dir.path, "text.txt.new"), "torn");
  await using server = await tcpServe(dir.path);
  using client = await plainTcpClient(server.port);
  assertEquals(client.list, "file 5.000B\n");
});

Deno.test("on a terminal the log is wrapped between its fields, and Ctrl+C ends the server in order", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(join(dir.path, "resources"));
  let isListening = false;
  const { code, screen } = await onTerminal(["tcp-serve", "--port", "0"], {
    cwd: dir.path,
    columns: 30,
    type(text, press) {
      if (!isListening && (isListening = text.replaceAll("\n", "").includes("tls=false"))) press("\x03");
    },
  });
  assertEquals(code, 0, screen);
  assertMatch(screen, /^\d\d:\d\d:\d\d listening\n {9}host=127.0.0.1\n {9}port=\d+\n {9}dir=/m);
  assertMatch(screen, /\n\d\d:\d\d:\d\d stopping\n {9}reason=SIGINT\n\d\d:\d\d:\d\d stopped\n$/);
});
