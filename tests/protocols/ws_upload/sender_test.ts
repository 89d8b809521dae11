import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { UploadSender } from "../../../protocols/ws_upload/sender.ts";
import type { SenderAction, SenderEvent, Wish } from "../../../protocols/ws_upload/sender_state.ts";
import { IN_USE, type ServerMessage } from "../../../protocols/ws_upload/server_messages.ts";
import { pseudoRandomBytes } from "../../support/bytes.ts";
import { runVirtualUpload, seededRandom } from "../../support/virtual_upload.ts";

const FILE = pseudoRandomBytes(10_000);

Deno.test("a file arrives whole over a link that cuts a tenth of all messages off", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const link = { delayMs: 20, cut: 0.1, random: seededRandom(seed) };
    const outcome = runVirtualUpload(FILE, { link, chunkBytes: 1000, unreachableMs: Infinity });
    assertEquals(outcome.state, { kind: "done", filePath: "/f" }, `seed ${seed}`);
    assertEquals(outcome.stored, FILE, `seed ${seed}`);
  }
});

Deno.test("whatever the person asks for and the link does, nothing is mixed up", () => {
  const wish = fc.record({
    atMs: fc.integer({ min: 0, max: 3000 }),
    wish: fc.constantFrom<Wish>("run", "pause", "run", "pause", "stop", "quit"),
  });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 5 }), fc.nat(), fc.double({ min: 0, max: 0.2, noNaN: true }), (
      wishes,
      seed,
      cut,
    ) => {
      const link = { delayMs: 30, cut, random: seededRandom(seed) };
      const last = wishes.toSorted((a, b) => a.atMs - b.atMs).at(-1);
      const { state, stored, published } = runVirtualUpload(FILE, {
        link,
        chunkBytes: 700,
        unreachableMs: Infinity,
        // However it was left, it goes on in the end.
        wishes: [...wishes, { atMs: (last?.atMs ?? 0) + 5000, wish: "run" }],
      });
      assertEquals(stored, FILE.subarray(0, stored.length));
      const asked = new Set(wishes.map((each) => each.wish));
      if (state.kind === "stopped") assert(asked.has("stop") || asked.has("quit"));
      else assertEquals(state.kind, "done");
      if (state.kind === "done") assert(published && stored.length === FILE.length);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("an unreachable server is given up after five seconds, a lost one after ten minutes", () => {
  const dead = { delayMs: 1, cut: 1, random: () => 0.5 };
  const never = runVirtualUpload(FILE, { link: dead, chunkBytes: 1000 });
  assertEquals(never.state, { kind: "failed", reason: "cut" });
  assertLess(never.elapsedMs, 12_000);
  let messages = 0;
  // Lets the connection, `start` and its answer through.
  const lost = { delayMs: 1, cut: 0.5, random: () => messages++ < 3 ? 0.9 : 0.1 };
  const later = runVirtualUpload(FILE, { link: lost, chunkBytes: 1000 });
  assertEquals(later.state, { kind: "failed", reason: "cut" });
  assert(later.elapsedMs >= 600_000 && later.elapsedMs < 620_000, String(later.elapsedMs));
  assertLess(later.connections, 120);
});

Deno.test("a stop does not wait until what the server has is verified", () => {
  const ext = {
    version: 1,
    session: 1,
    chunkBytes: 4,
    windowBytes: 16,
    resumeToken: "t",
    durableOffset: 0,
    prefixSha256: "of something",
  } as const;
  const ack = { event: "start-ack", fileId: "f", offset: 4, status: "active", ext } as const;
  const stop: SenderAction = {
    type: "send",
    text: JSON.stringify({ action: "stop", fileId: "f", delete: true }),
  };
  for (const wishesFirst of [true, false]) {
    const options = { fileId: "f", fileName: "n", fileSize: 10, chunkBytes: 4, random: () => 0 };
    const sender = new UploadSender(options);
    sender.handle({ type: "tick" }, 0);
    if (wishesFirst) sender.handle({ type: "wish", wish: "stop" }, 0);
    sender.handle({ type: "open" }, 0);
    const onAck = sender.handle({ type: "message", message: ack }, 0);
    const actions = wishesFirst ? onAck : sender.handle({ type: "wish", wish: "stop" }, 0);
    assertEquals(actions, [stop]);
    assertEquals(sender.handle({ type: "digest", length: 4, sha256: "of another" }, 0), []);
    assertEquals(sender.state.kind, "stopping");
  }
});

/** A sender that has come to its first chunk, and what it answers to each event. */
function startedSender(fileSize = 10): {
  readonly sender: UploadSender;
  readonly feed: (event: SenderEvent, nowMs?: number) => SenderAction[];
  readonly hear: (message: ServerMessage, nowMs?: number) => SenderAction[];
} {
  const sender = new UploadSender({
    fileId: "f",
    fileName: "n",
    fileSize,
    chunkBytes: 4,
    random: () => 0,
  });
  const feed = (event: SenderEvent, nowMs = 0) => sender.handle(event, nowMs);
  const hear = (message: ServerMessage, nowMs = 0) => feed({ type: "message", message }, nowMs);
  feed({ type: "tick" });
  feed({ type: "open" });
  hear({ event: "start-ack", fileId: "f", offset: 0, status: "active" });
  feed({ type: "chunk", offset: 0, base64: "AAAAAA==" });
  return { sender, feed, hear };
}

const progress = (offset: number): ServerMessage => ({
  event: "progress",
  fileId: "f",
  offset,
  receivedBytes: 0,
  percent: 0,
});

Deno.test("one chunk is under way at a time, read from where the server stands", () => {
  const { feed, hear } = startedSender();
  assertEquals(hear(progress(4)), [{ type: "read", offset: 4, length: 4 }]);
  assertEquals(feed({ type: "chunk", offset: 4, base64: "AQEBAQ==" }), [
    { type: "send", text: '{"action":"chunk","fileId":"f","offset":4,"data":"AQEBAQ=="}' },
  ]);
  assertEquals(hear({ event: "offset-mismatch", fileId: "f", expected: 2, received: 4 }), [
    { type: "read", offset: 2, length: 4 },
  ]);
  assertEquals(hear(progress(2)), []);
});

Deno.test("a server that acknowledges what was never sent, or has more than the file, is not believed", () => {
  const lies: readonly ServerMessage[] = [
    progress(5),
    progress(11),
    { event: "offset-mismatch", fileId: "f", expected: 11, received: 0 },
  ];
  for (const lie of lies) {
    const { sender, hear } = startedSender();
    hear(lie);
    assertEquals(sender.state.kind, "failed", JSON.stringify(lie));
  }
});

Deno.test("answers about other uploads, late ones and unasked ones change nothing", () => {
  const { sender, hear } = startedSender();
  const before = sender.state;
  const strays: readonly ServerMessage[] = [
    { event: "error", fileId: "g", error: "no" },
    { event: "complete-ack", fileId: "f", filePath: "/x" },
    { event: "stop-ack", fileId: "f" },
    { event: "start-ack", fileId: "f", offset: 9, status: "active" },
    { event: "pause-ack", fileId: "f", offset: 0 },
    { event: "resume-ack", fileId: "f", offset: 0 },
    progress(0),
  ];
  for (const stray of strays) assertEquals(hear(stray), [], JSON.stringify(stray));
  assertEquals(sender.state, before);
});

Deno.test("a server that lost the session is asked to start again, a few times", () => {
  const { sender, hear } = startedSender();
  const lost: ServerMessage = { event: "error", fileId: "f", error: "Unknown fileId" };
  for (let i = 0; i < 5; i++) {
    assertEquals(hear(lost)[0], {
      type: "send",
      text: '{"action":"start","fileId":"f","fileName":"n","fileSize":10,' +
        '"ext":{"version":1,"binary":true,"crc32":true}}',
    });
    hear({ event: "start-ack", fileId: "f", offset: 0, status: "active" });
  }
  hear(lost);
  assertEquals(sender.state, { kind: "failed", reason: "Unknown fileId" });
});

Deno.test("an upload in use elsewhere is waited for; any other refusal of start is final", () => {
  for (const [error, kind] of [[IN_USE, "refused"], ["File is too large", "failed"]] as const) {
    const { sender, feed, hear } = startedSender();
    feed({ type: "close", reason: "gone" });
    feed({ type: "tick" }, 10_000);
    feed({ type: "open" }, 10_000);
    hear({ event: "error", fileId: "f", error }, 10_000);
    assertEquals(sender.state.kind, kind);
  }
});

Deno.test("a server that falls silent is left and asked anew", () => {
  const { sender, feed } = startedSender();
  const silentAt = sender.wakeAtMs ?? 0;
  assert(silentAt >= 20_000);
  assertEquals(feed({ type: "tick" }, silentAt - 1), []);
  assertEquals(feed({ type: "tick" }, silentAt), [{ type: "disconnect" }]);
  assertEquals(sender.state.kind, "offline");
});

Deno.test("a token that is refused is not tried again", () => {
  const { sender, feed } = startedSender();
  feed({ type: "close", reason: "The server asks for a token", isFinal: true });
  assertEquals(sender.state, { kind: "failed", reason: "The server asks for a token" });
});
