import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { plainClient, sendChunks } from "../../support/plain_client.ts";
import { type TestServer, testServer } from "../../support/upload_server.ts";

/** The samples of `/metrics`, by series. */
async function metrics({ url }: TestServer, init: RequestInit = {}): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${url}/metrics`, init);
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const lines = (await response.text()).split("\n");
  return new Map(
    lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space).replace(/^transfer_upload_/, ""), Number(line.slice(space + 1))];
    }),
  );
}

function pick(samples: ReadonlyMap<string, number>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, samples.get(name)]));
}

/** With one upload under way, another paused, and two messages that were refused. */
const MIDWAY = {
  open_sessions: 2,
  'sessions{state="active"}': 1,
  'sessions{state="paused"}': 1,
  'sessions{state="orphaned"}': 0,
  connections: 1,
  received_bytes_total: 131_072,
  durable_bytes_total: 0,
  completed_total: 0,
  offset_mismatches_total: 1,
  error_answers_total: 1,
  queue_bytes: 0,
  paused_sockets: 0,
  fsync_duration_seconds_count: 0,
};
/** With the one completed, the other deleted. */
const AFTER = {
  open_sessions: 0,
  durable_bytes_total: 200_000,
  completed_total: 1,
  deleted_total: 1,
  failed_total: 0,
  'fsync_duration_seconds_bucket{le="+Inf"}': 1,
  publish_duration_seconds_count: 1,
};

Deno.test("metrics follow an upload from start to end", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const bytes = pseudoRandomBytes(200_000);
  const start = { action: "start", fileId: "f", fileName: "data.bin", fileSize: bytes.length };
  await client.ask(start);
  await client.ask({ ...start, fileId: "held", fileName: "held" });
  await client.ask({ action: "pause", fileId: "held" });
  await sendChunks(client, { fileId: "f", bytes, to: 131_072 });
  await client.ask({ action: "chunk", fileId: "f", offset: 1, data: "YQ==" });
  await client.ask({ action: "chunk", fileId: "nobody", offset: 0, data: "" });
  assertEquals(pick(await metrics(server), Object.keys(MIDWAY)), MIDWAY);

  await sendChunks(client, { fileId: "f", bytes, from: 131_072 });
  await client.ask({ action: "complete", fileId: "f" });
  await client.ask({ action: "stop", fileId: "held" });
  const after = await metrics(server);
  assertEquals(pick(after, Object.keys(AFTER)), AFTER);
  assert((after.get("free_disk_bytes") ?? 0) > 0);
  assert((after.get("process_resident_memory_bytes") ?? 0) > 10_000_000);
  const startedMs = (after.get("process_start_time_seconds") ?? 0) * 1000;
  assert(startedMs > Date.now() - 600_000 && startedMs < Date.now());
});

Deno.test("a queue that waits for the disk is seen, and is empty again", async () => {
  await using server = await testServer();
  await using client = await plainClient(server.ws);
  const data = pseudoRandomBytes(500_000).toBase64();
  await client.ask({ action: "start", fileId: "f", fileName: "data.bin", fileSize: 1e9 });
  let queued = 0;
  let offset = 0;
  // Whether a look falls between two chunks is up to the scheduler; that a hundred do not is not.
  for (let round = 0; round < 100 && queued === 0; round++) {
    for (let chunk = 0; chunk < 6; chunk++, offset += 500_000) {
      client.send({ action: "chunk", fileId: "f", offset, data });
    }
    const looks = [metrics(server), metrics(server), metrics(server)];
    for (let chunk = 0; chunk < 6; chunk++) assertEquals((await client.next()).event, "progress");
    for (const look of looks) queued = Math.max(queued, (await look).get("queue_bytes") ?? 0);
  }
  assert(queued > 0);
  assertEquals((await metrics(server)).get("queue_bytes"), 0);
});

Deno.test("every metric has help and type, and its unit in its name", async () => {
  await using server = await testServer();
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split("\n").slice(0, -1);
  const named = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" "));
  for (const [, , name = "", type = ""] of named) {
    assert(lines.some((line) => line.startsWith(`# HELP ${name} `)), name);
    assertMatch(name, /^(transfer_upload|process)_/);
    assertEquals(name.endsWith("_total"), type === "counter", name);
    if (type === "histogram") assertMatch(name, /_seconds$/);
  }
  for (const line of lines.filter((line) => !line.startsWith("#"))) {
    assertMatch(line, /^[a-z_]+(\{[a-z]+="[^"\\]*"\})? (NaN|[+-]Inf|-?[\d.e+-]+)$/);
  }
});

Deno.test("metrics are behind the token, and count who was turned away and why", async () => {
  await using server = await testServer({ token: "secret" });
  const statuses: number[] = [];
  for (const headers of [{}, { Authorization: "Bearer wrong" }, { Origin: "http://evil.example" }]) {
    const response = await fetch(`${server.url}/metrics`, { headers });
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assertEquals(statuses, [401, 401, 403]);
  await assertRejects(() => plainClient(server.ws), Error, "401");
  // The page comes without a token to learn whether there is one.
  await (await fetch(`${server.url}/api/access`)).body?.cancel();
  await (await fetch(`${server.url}/`, { method: "POST", body: "x" })).body?.cancel();
  const address = "127.0.0.1";
  assertEquals(server.denials, [
    { reason: "token", address },
    { reason: "token", address },
    { reason: "origin", address, value: "http://evil.example" },
    { reason: "token", address },
    { reason: "method", address, value: "POST" },
  ]);
  const Authorization = `Basic ${btoa("any:secret")}`;
  const samples = await metrics(server, { headers: { Authorization } });
  assertEquals(
    pick(
      samples,
      ["host", "origin", "token", "method"].map((why) => `rejected_requests_total{reason="${why}"}`),
    ),
    {
      'rejected_requests_total{reason="host"}': 0,
      'rejected_requests_total{reason="origin"}': 1,
      'rejected_requests_total{reason="token"}': 3,
      'rejected_requests_total{reason="method"}': 1,
    },
  );
});

Deno.test("connections over the limit of their address are counted and told", async () => {
  await using server = await testServer({ maxConnectionsPerAddress: 1 });
  {
    await using client = await plainClient(server.ws);
    await client.ask({});
    await assertRejects(() => plainClient(server.ws));
  }
  assertEquals(server.denials, [{ reason: "address_limit", address: "127.0.0.1" }]);
  let samples: ReadonlyMap<string, number> | undefined;
  // Until the server has seen the end of the one connection.
  for (let tries = 0; tries < 1000 && samples === undefined; tries++) {
    samples = await metrics(server).catch(() => undefined);
  }
  assert((samples?.get('rejected_requests_total{reason="address_limit"}') ?? 0) >= 1);
});

Deno.test("starts that are refused are counted by their reason", async () => {
  await using server = await testServer({ maxFileBytes: 2 ** 52, maxSessions: 1 });
  await using client = await plainClient(server.ws);
  const start = { action: "start", fileId: "f", fileName: "f", fileSize: 1 };
  await client.ask({ ...start, fileSize: 2 ** 52 + 1 });
  await client.ask({ ...start, fileSize: 2 ** 52 });
  await client.ask(start);
  await client.ask({ ...start, fileId: "g" });
  await client.ask({ ...start, fileId: "h" });
  const reasons = ["file_size", "disk_space", "session_limit"];
  const names = reasons.map((reason) => `rejected_requests_total{reason="${reason}"}`);
  assertEquals(Object.values(pick(await metrics(server), names)), [1, 1, 2]);
});
