import { assertEquals } from "@std/assert";
import { HttpClient } from "../../../protocols/http_ranges/http_client.ts";
import { RemoteSource, type RemoteSourceOptions } from "../../../protocols/http_ranges/remote_source.ts";
import { type RawAnswer, type RawHttpServer, rawHttpServer } from "../../support/raw_http_server.ts";

const KNOWN = {
  from: 0,
  to: 4,
  size: undefined,
  validators: undefined,
  isConditional: false,
  isProven: false,
};
const PART = "HTTP/1.1 206 OK\r\nContent-Length: 4\r\nContent-Range: bytes 0-3/9\r\n\r\nbody";

function redirect(location: string, status = 302): string {
  return `HTTP/1.1 ${status} Found\r\nContent-Length: 0\r\nLocation: ${location}\r\n\r\n`;
}

/** A server that answers by path. */
function serverOf(answers: Readonly<Record<string, string | (() => string)>>): Promise<RawHttpServer> {
  const answer: RawAnswer = ({ target }, connection) => {
    const text = answers[target] ?? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    return connection.write(typeof text === "string" ? text : text());
  };
  return rawHttpServer(answer);
}

/** Asks as a download does. @returns What the answer is good for, and where it came from. */
async function ask(source: RemoteSource, known: Partial<typeof KNOWN> = {}) {
  const answer = await source.ask({
    range: { from: 0, to: 4 },
    condition: undefined,
    asked: () => ({ ...KNOWN, ...known }),
    signal: new AbortController().signal,
  });
  const buffer = new Uint8Array(64);
  while (answer?.verdict.kind === "ranged" && await answer.response.read(buffer) !== null);
  answer?.response.close();
  return { verdict: answer?.verdict.kind, path: answer?.url.pathname };
}

function sourceOf(client: HttpClient, url: string, options: Partial<RemoteSourceOptions> = {}): RemoteSource {
  return new RemoteSource({
    client,
    url: new URL(url),
    headers: [],
    allowsDowngrade: false,
    isVerified: false,
    ...options,
  });
}

Deno.test("a redirect is followed once; then where it led is asked", async () => {
  await using server = await serverOf({ "/a": redirect("b?x=1"), "/b?x=1": redirect("/c", 307), "/c": PART });
  using client = new HttpClient({ timeoutMs: 5_000 });
  const source = sourceOf(client, `${server.origin}/a`);
  assertEquals(await ask(source), { verdict: "ranged", path: "/c" });
  assertEquals(await ask(source, { isProven: true }), { verdict: "ranged", path: "/c" });
  assertEquals(server.requests.map(({ target }) => target), ["/a", "/b?x=1", "/c", "/c"]);
});

Deno.test("where it led is forgotten when it has expired, and the URL itself asked again", async () => {
  let valid: string | undefined = "/signed-1";
  const signed = (path: string) => () =>
    path === valid ? PART : "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
  await using server = await serverOf({
    "/a": () => redirect(valid ?? "/signed-1"),
    "/signed-1": signed("/signed-1"),
    "/signed-2": signed("/signed-2"),
  });
  using client = new HttpClient({ timeoutMs: 5_000 });
  const source = sourceOf(client, `${server.origin}/a`);
  assertEquals(await ask(source), { verdict: "ranged", path: "/signed-1" });
  valid = "/signed-2";
  assertEquals(await ask(source, { isProven: true }), { verdict: "ranged", path: "/signed-2" });
  assertEquals(server.requests.map(({ target }) => target), [
    "/a",
    "/signed-1",
    "/signed-1",
    "/a",
    "/signed-2",
  ]);
  // What it is sent to anew is refused as well: that is the answer then.
  valid = undefined;
  assertEquals(await ask(source, { isProven: true }), { verdict: "busy", path: "/signed-1" });
});

Deno.test("user, password and headers stay with their own origin", async () => {
  await using other = await serverOf({ "/c": PART });
  await using server = await serverOf({ "/a": redirect("/b"), "/b": redirect(`${other.origin}/c`) });
  using client = new HttpClient({ timeoutMs: 5_000 });
  const { port } = server;
  const source = sourceOf(client, `http://us%40er:pass@127.0.0.1:${port}/a`, {
    headers: [["X-Key", "secret"], ["User-Agent", "mine"]],
  });
  assertEquals(source.url.href, `${server.origin}/a`);
  assertEquals(await ask(source), { verdict: "ranged", path: "/c" });
  const sent = [...server.requests, ...other.requests].map(({ headers }) => [
    headers.get("authorization"),
    headers.get("x-key"),
    headers.get("user-agent"),
  ]);
  const own = [`Basic ${btoa("us@er:pass")}`, "secret", "mine"];
  assertEquals(sent, [own, own, [null, null, "mine"]]);
});

Deno.test("redirects in a circle, and to what is not http, end the download with a reason", async () => {
  await using server = await serverOf({
    "/loop": redirect("/loop2"),
    "/loop2": redirect("/loop"),
    "/file": redirect("file:///etc/passwd"),
    "/endless": redirect("/endless"),
  });
  using client = new HttpClient({ timeoutMs: 5_000 });
  for (const path of ["/loop", "/file", "/endless"]) {
    assertEquals((await ask(sourceOf(client, server.origin + path))).verdict, "refused", path);
  }
});

Deno.test("a web page is refused where a file was asked for, unless its digest will be compared", async () => {
  const page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\npage";
  const paths = ["/film.iso", "/index.html", "/download", "/list.php", "/v1.2/latest"];
  await using server = await serverOf(Object.fromEntries(paths.map((path) => [path, page])));
  using client = new HttpClient({ timeoutMs: 5_000 });
  const verdicts = await Promise.all(paths.map((path) => ask(sourceOf(client, server.origin + path))));
  assertEquals(verdicts.map(({ verdict }) => verdict), ["refused", "whole", "whole", "whole", "whole"]);
  const verified = sourceOf(client, `${server.origin}/film.iso`, { isVerified: true });
  assertEquals((await ask(verified)).verdict, "whole");
});

Deno.test("nothing is followed for an answer that nobody waits for any more", async () => {
  await using server = await serverOf({ "/a": redirect("/b"), "/b": PART });
  using client = new HttpClient({ timeoutMs: 5_000 });
  const answer = await sourceOf(client, `${server.origin}/a`).ask({
    range: { from: 0, to: 4 },
    condition: undefined,
    asked: () => undefined,
    signal: new AbortController().signal,
  });
  assertEquals([answer, server.requests.length], [undefined, 1]);
});
