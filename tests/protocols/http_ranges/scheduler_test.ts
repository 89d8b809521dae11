import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import type { VirtualServerOptions } from "../../support/virtual_file_server.ts";
import { runVirtualDownload, type VirtualDownloadOptions } from "../../support/virtual_download.ts";
import { seededRandom } from "../../support/virtual_upload.ts";

const MB = 1024 * 1024;

/** Five connections of it bring 64 MB in 2.7 s. */
const SERVER: VirtualServerOptions = { size: 64 * MB, connectionBytesPerMs: 5000, latencyMs: 50 };

function run(server: Partial<VirtualServerOptions>, options: Partial<VirtualDownloadOptions> = {}) {
  return runVirtualDownload({ servers: [{ ...SERVER, ...server }], random: seededRandom(1), ...options });
}

Deno.test("whatever a server does, the file is exact, or the download fails for a reason", () => {
  const chance = fc.constantFrom(0, 0, 0, 0.05, 0.3);
  const server = fc.record({
    size: fc.integer({ min: 1, max: 6 * MB }),
    connectionBytesPerMs: fc.integer({ min: 200, max: 5000 }),
    totalBytesPerMs: fc.integer({ min: 1000, max: 10_000 }),
    latencyMs: fc.integer({ min: 0, max: 300 }),
    rangesUntilMs: fc.constantFrom(Infinity, Infinity, 0, 700),
    hasLength: fc.boolean(),
    hasValidators: fc.boolean(),
    changes: fc.array(fc.record({ atMs: fc.nat(2000), size: fc.integer({ min: 6 * MB + 1, max: 7 * MB }) }), {
      maxLength: 1,
    }),
    loss: chance,
    truncated: chance,
    stalled: chance,
    misplaced: chance,
    outage: fc.record({ fromMs: fc.nat(2000), toMs: fc.nat(6000) }),
  });
  const options = fc.record({
    servers: fc.array(server, { minLength: 1, maxLength: 1 }),
    threads: fc.integer({ min: 1, max: 12 }),
    perHost: fc.integer({ min: 1, max: 12 }),
    blockBytes: fc.integer({ min: 64 * 1024, max: 2 * MB }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(options, ({ seed, ...options }) => {
      const outcome = runVirtualDownload({ ...options, random: seededRandom(seed) });
      const { state, flaw, mostConnections } = outcome;
      assert(state.kind === "done" || state.kind === "failed", JSON.stringify(outcome));
      // A file whose end nothing tells can't be told from one that was cut off there.
      const isUnknowable = options.servers.some(({ hasLength, truncated }) => !hasLength && truncated > 0);
      if (!isUnknowable) assertEquals(flaw, undefined, JSON.stringify(outcome));
      assertLessOrEqual(mostConnections, Math.min(options.threads, options.perHost));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a file loads in little more time than its links take", () => {
  const ideal = (bytesPerMs: number) => SERVER.size / bytesPerMs;
  const cases: readonly (readonly [string, Partial<VirtualServerOptions>, number])[] = [
    ["connections that are bounded each", {}, ideal(25_000)],
    ["connections that share a link", { totalBytesPerMs: 10_000 }, ideal(10_000)],
    ["one connection at all", { limit: { connections: 1, status: 403 } }, ideal(5000)],
    ["two connections at all", { limit: { connections: 2, status: 429 } }, ideal(10_000)],
    [
      "one slow connection among fast ones",
      { connectionBytesPerMs: (n) => n === 3 ? 50 : 5000 },
      ideal(20_000),
    ],
    ["connections of all speeds", { connectionBytesPerMs: (n) => 1000 * (1 + n % 5) }, ideal(14_000)],
    ["connections that break every few seconds", { loss: 0.3 }, ideal(25_000)],
    ["answers that end early", { truncated: 0.2 }, ideal(25_000)],
    ["a long way", { latencyMs: 300 }, ideal(25_000)],
  ];
  for (const [name, server, idealMs] of cases) {
    const outcome = run(server);
    assertEquals([outcome.state.kind, outcome.flaw], ["done", undefined], name);
    // A quarter more, and a second for finding out how many connections there may be.
    assertLess(outcome.elapsedMs, 1.25 * idealMs + 1000 + 4 * (server.latencyMs ?? 0), name);
    assertLess(outcome.fetched, SERVER.size + 2 * MB, name);
  }
});

Deno.test("no request is made that could be spared", () => {
  const { requests } = run({ size: 256 * MB, latencyMs: 20 }, { blockBytes: 8 * MB });
  // 32 blocks, and shorter pieces at the end so that all connections finish together.
  assertLess(requests, 60);
  // Where asking takes long, blocks merge.
  assertLess(run({ size: 256 * MB, latencyMs: 500 }, { blockBytes: MB }).requests, 60);
});

Deno.test("more connections than a server takes are tried once, not again and again", () => {
  for (const status of [403, 429, 503]) {
    const outcome = run({ size: 256 * MB, limit: { connections: 2, status } });
    assertEquals([outcome.state.kind, outcome.flaw], ["done", undefined]);
    assertLessOrEqual(outcome.refusals, 4, `${status}`);
  }
});

Deno.test("a server that resets what is too much is asked for less", () => {
  const outcome = run({ size: 256 * MB, limit: { connections: 2, status: "reset" } });
  assertEquals([outcome.state.kind, outcome.flaw], ["done", undefined]);
  // Three resets tell; then there is one every half minute, and no request is made in vain.
  assertLess(outcome.requests, 100);
  assertLess(outcome.elapsedMs, 30_000);
});

Deno.test("failures count in a row only: what comes between excuses them", () => {
  const outcome = run({ stalled: 0.3 }, { retries: 1, threads: 1 });
  assertEquals([outcome.state.kind, outcome.flaw], ["done", undefined]);
});

Deno.test("connections that are lost together count as one failure", () => {
  // All that are open at that moment, five or more, while a second one in a row would be too many.
  const outcome = run({ latencyMs: 100, outage: { fromMs: 200, toMs: 350 } }, { retries: 1, threads: 8 });
  assertEquals([outcome.state.kind, outcome.flaw], ["done", undefined]);
});

Deno.test("a connection far slower than the others is replaced", () => {
  const outcome = run({ connectionBytesPerMs: (n) => n === 2 ? 2 : 5000 }, {
    threads: 2,
    blockBytes: 8 * MB,
  });
  // 5 s until it is judged; without that, one connection alone would take 13 s.
  assertLess(outcome.elapsedMs, 11_000);
});

Deno.test("two URLs of one host share what it is asked for", () => {
  const server = { ...SERVER, host: "localhost" };
  const outcome = runVirtualDownload({ servers: [server, server], random: seededRandom(1), perHost: 3 });
  assertEquals([outcome.state.kind, outcome.flaw, outcome.mostConnections], ["done", undefined, 3]);
});

Deno.test("connections beyond eight have to bring something", () => {
  const worth = run({ size: 1024 * MB }, { threads: 16 });
  assertEquals(worth.mostConnections, 16);
  const worthless = run({ size: 1024 * MB, totalBytesPerMs: 25_000 }, { threads: 16 });
  assertLess(worthless.mostConnections, 12);
});

Deno.test("a host that says Retry-After is left alone until then", () => {
  const limit = { connections: 0, status: 503, retryAfterSeconds: 60 };
  const outcome = run({ limit }, { retries: 2 });
  assertEquals(outcome.state, { kind: "failed", reason: "The server answered 503 Service Unavailable" });
  assertEquals(outcome.requests, 3);
  assertEquals(outcome.elapsedMs, 2 * 60_000 + 3 * SERVER.latencyMs);
});

Deno.test("a server that is never there is given up after so many tries, later each time", () => {
  const outcome = run({ outage: { fromMs: 0, toMs: Infinity } }, { retries: 4 });
  assertEquals(outcome.state, { kind: "failed", reason: "no connection" });
  assertEquals(outcome.requests, 5);
  assert(outcome.elapsedMs > 3_750 && outcome.elapsedMs < 9_000, `${outcome.elapsedMs}`);
});

Deno.test("a connection that falls silent is cut, and its bytes come another way", () => {
  const outcome = run({ connectionBytesPerMs: (n) => n === 2 ? 0 : 5000 });
  assertEquals([outcome.state.kind, outcome.flaw], ["done", undefined]);
  assertLess(outcome.elapsedMs, 5_000);
  const alone = run({ rangesUntilMs: 0, connectionBytesPerMs: (n) => n === 1 ? 0 : 5000 });
  // The only one there is gets the time that an answer may take.
  assert(alone.elapsedMs > 30_000 && alone.elapsedMs < 45_000, `${alone.elapsedMs}`);
});

Deno.test("a file that changes while it loads starts over, and is never mixed", () => {
  for (const hasValidators of [true, false]) {
    const outcome = run({ hasValidators, changes: [{ atMs: 1500, size: 50 * MB }] });
    assertEquals([outcome.state, outcome.flaw], [{ kind: "done", size: 50 * MB }, undefined]);
    assertEquals(outcome.restarts, 1);
  }
  const changes = [1, 2, 3, 4].map((n) => ({ atMs: n * 1000, size: (64 - n) * MB }));
  const { state } = run({ changes });
  assert(state.kind === "failed" && /keeps changing/.test(state.reason), JSON.stringify(state));
});

Deno.test("a server that stops giving ranges is read in one piece, from the beginning", () => {
  const outcome = run({ rangesUntilMs: 1500 });
  assertEquals([outcome.state, outcome.flaw], [{ kind: "done", size: 64 * MB }, undefined]);
  assertEquals(outcome.restarts, 1);
});

Deno.test("mirrors are used as far as they are worth it; one of another size is not", () => {
  const slow = { ...SERVER, connectionBytesPerMs: 1000 };
  const alone = runVirtualDownload({ servers: [slow], random: seededRandom(1), perHost: 2 });
  const both = runVirtualDownload({ servers: [slow, slow], random: seededRandom(1), perHost: 2 });
  assertEquals([both.state.kind, both.flaw, both.mostConnections], ["done", undefined, 4]);
  assertLess(both.elapsedMs, alone.elapsedMs * 0.6);
  const other = { ...SERVER, size: SERVER.size + 1 };
  const mixed = runVirtualDownload({ servers: [SERVER, other], random: seededRandom(1) });
  assertEquals([mixed.state, mixed.flaw], [{ kind: "done", size: SERVER.size }, undefined]);
  assert(/another file/.test(mixed.problems.join()), mixed.problems.join());
  assertEquals(mixed.restarts, 0);
});

Deno.test("a mirror takes over from a URL that is dead", () => {
  const dead = { ...SERVER, outage: { fromMs: 0, toMs: Infinity } };
  const { state, flaw } = runVirtualDownload({ servers: [dead, SERVER], random: seededRandom(1) });
  assertEquals([state.kind, flaw], ["done", undefined]);
});

Deno.test("what an earlier run left is not fetched again, if it is of the same file", () => {
  const finished = [{ from: 0, to: 20 * MB }, { from: 30 * MB, to: 40 * MB }];
  const kept = { size: SERVER.size, validators: { etag: '"0"' }, finished };
  const resumed = run({}, { kept });
  assertEquals([resumed.state.kind, resumed.flaw, resumed.fetched], ["done", undefined, 34 * MB]);

  const changed = run({ changes: [{ atMs: 0, size: SERVER.size }] }, { kept });
  assertEquals([changed.state.kind, changed.flaw, changed.restarts], ["done", undefined, 1]);
  assert(changed.fetched >= SERVER.size);

  // Of the same length, but nothing says that it is the same.
  const unknown = run({ hasValidators: false, changes: [{ atMs: 0, size: SERVER.size }] }, {
    kept: { ...kept, validators: {} },
  });
  assertEquals([unknown.state.kind, unknown.flaw, unknown.restarts], ["done", undefined, 1]);

  const all = run({}, { kept: { ...kept, finished: [{ from: 0, to: SERVER.size }] } });
  assertEquals([all.state, all.requests], [{ kind: "done", size: SERVER.size }, 0]);
});

Deno.test("a pause keeps what is there, and a cancelled download asks for nothing more", () => {
  const wishes = [{ atMs: 1000, wish: "pause" }, { atMs: 61_000, wish: "run" }] as const;
  const paused = run({}, { wishes });
  assertEquals([paused.state.kind, paused.flaw, paused.fetched], ["done", undefined, SERVER.size]);
  assert(paused.elapsedMs > 61_000 && paused.elapsedMs < 64_000, `${paused.elapsedMs}`);
  const cancelled = run({}, { wishes: [{ atMs: 1000, wish: "cancel" }] });
  assertEquals([cancelled.state, cancelled.elapsedMs], [{ kind: "cancelled" }, 1000]);
});
