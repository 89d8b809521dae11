import { assertEquals, assertRejects } from "@std/assert";
import { z } from "zod";
import { ConnectionProblem } from "../../../net/connection_problem.ts";
import { newKeyPem, signingKey } from "../../../protocols/tracker/ed25519.ts";
import { TrackerClient, TrackerRefusal } from "../../../protocols/tracker/tracker_client.ts";

const ASKED = { fields: {}, answer: z.object({ status: z.string() }) };

function client(port: number, options: { readonly answerMs?: number } = {}): TrackerClient {
  const url = `http://127.0.0.1:${port}`;
  const access = { url, key: signingKey(newKeyPem()), token: undefined, client: undefined, ...options };
  return new TrackerClient(access, new AbortController().signal);
}

Deno.test("what is no tracker is told with what it answers", async () => {
  const answers = [
    () => new Response("<h1>Not here</h1>", { status: 404, statusText: "Not Found" }),
    () => new Response("<h1>Down</h1>", { status: 502, statusText: "Bad Gateway" }),
    () => Response.json({ status: "error", message: "This name is taken" }, { status: 403 }),
    () => new Response("<h1>Hello</h1>"),
  ];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => answers.shift()?.() ?? new Response(),
  );
  const tracker = client(server.addr.port);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const words: string[] = [];
  for (let asked = 0; asked < 3; asked++) {
    words.push((await assertRejects(() => tracker.ask("GET", "get-list", ASKED), TrackerRefusal)).message);
  }
  assertEquals(words, [
    `What answers at ${url} is no tracker: 404 Not Found`,
    `What answers at ${url} is no tracker: 502 Bad Gateway`,
    "This name is taken",
  ]);
  await assertRejects(() => tracker.ask("GET", "get-list", ASKED), Error, "is no tracker");
});

Deno.test("a tracker that takes a request and says nothing, or not all, is told as silent", async () => {
  for (const said of ["", 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"status"']) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    const asked = client(listener.addr.port, { answerMs: 50 }).ask("GET", "get-list", ASKED);
    using connection = await accepted;
    if (said !== "") await connection.write(new TextEncoder().encode(said));
    await assertRejects(() => asked, ConnectionProblem, "The tracker is silent");
  }
});
