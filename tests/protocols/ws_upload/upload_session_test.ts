import { assertEquals, assertStringIncludes } from "@std/assert";
import type { SessionRequest } from "../../../protocols/ws_upload/session_state.ts";
import { IN_USE, NOT_YOURS } from "../../../protocols/ws_upload/server_messages.ts";
import { REPORT_MS, TAKE_OVER_MS, UploadSession } from "../../../protocols/ws_upload/upload_session.ts";
import {
  A,
  B,
  type Claim,
  EXTENDED,
  frame,
  mismatch,
  PLAIN,
  session,
  start,
  started,
  told,
} from "../../support/started_session.ts";

const CLAIMS: readonly {
  readonly what: string;
  readonly claim: Claim;
  readonly silentMs: number;
  readonly answer: string;
}[] = [
  { what: "a stranger", claim: "stranger", silentMs: 0, answer: NOT_YOURS },
  {
    what: "a stranger, however long the owner is silent,",
    claim: "stranger",
    silentMs: 1e9,
    answer: NOT_YOURS,
  },
  { what: "the owner", claim: "owner", silentMs: 0, answer: "started" },
  { what: "another client of a plain upload", claim: "unowned", silentMs: TAKE_OVER_MS - 1, answer: IN_USE },
  { what: "another client, after ten seconds,", claim: "unowned", silentMs: TAKE_OVER_MS, answer: "started" },
];

for (const { what, claim, silentMs, answer } of CLAIMS) {
  Deno.test(`${what} that starts an upload in use gets: ${answer}`, () => {
    const upload = started();
    const step = upload.request(start({ claim }), B, silentMs);
    assertEquals(told(step), answer);
    assertEquals(upload.owner, answer === "started" ? B : A);
    if (step.type === "started") assertEquals(step.evicted, A);
  });
}

Deno.test("whatever is heard of the owner puts off that it is taken for gone", () => {
  const upload = started();
  upload.heard(A, 9_000);
  upload.heard(B, 15_000);
  assertEquals(told(upload.request(start(), B, 18_999)), IN_USE);
  assertEquals(told(upload.request(start(), B, 19_000)), "started");
  // What it had said before does not count for the new one.
  upload.heard(A, 28_000);
  assertEquals(told(upload.request(start(), A, 29_000)), "started");
});

Deno.test("a request of the owner is life as well, one that is refused is not", () => {
  const upload = started();
  upload.request({ action: "pause" }, A, 5_000);
  upload.request({ action: "pause" }, B, 9_000);
  assertEquals(told(upload.request(start(), B, 14_999)), IN_USE);
  assertEquals(told(upload.request(start(), B, 15_000)), "started");
});

for (const claim of ["owner", "unowned"] as const) {
  Deno.test(`what belongs to nobody is started at once, claim ${claim}, and nobody loses it`, () => {
    const upload = started();
    assertEquals([upload.disconnected(B), upload.disconnected(A)], [false, true]);
    assertEquals(upload.request(start({ claim }), B, 1), { type: "started", evicted: undefined });
  });
}

Deno.test("a start again by the connection that has it evicts nobody and makes it active", () => {
  const upload = started();
  upload.request({ action: "pause" }, A, 1);
  assertEquals(upload.request(start({ mode: PLAIN }), A, 2), { type: "started", evicted: undefined });
  assertEquals([upload.state.kind, upload.mode.kind], ["active", "plain"]);
});

Deno.test("a start with another size is refused and changes nothing", () => {
  const upload = started(10_000, 50);
  upload.request({ action: "pause" }, A, 0);
  assertStringIncludes(told(upload.request(start({ fileSize: 9 }), A, 1)), "fileSize 10000, not 9");
  assertEquals([upload.state.kind, upload.owner, upload.length], ["paused", A, 50]);
});

/** Everything that can be asked, of an upload in every state: the answer, and the state after it. */
const TRANSITIONS: readonly (readonly [
  "active" | "paused" | "orphaned",
  SessionRequest,
  answer: string,
  after: "active" | "paused" | "orphaned",
])[] = [
  ["active", start(), "started", "active"],
  ["active", { action: "chunk", offset: 0, bytes: new Uint8Array(9) }, "append", "active"],
  ["active", { action: "chunk", offset: 1, bytes: new Uint8Array(9) }, "offset-mismatch", "active"],
  ["active", { action: "frame", offset: 0, bytes: new Uint8Array(9), isIntact: true }, "append", "active"],
  ["active", { action: "pause" }, "release", "paused"],
  ["active", { action: "resume" }, "resume-ack", "active"],
  ["active", { action: "stop", delete: true }, "discard", "orphaned"],
  ["active", { action: "stop", delete: false }, "release", "orphaned"],
  ["active", { action: "complete" }, "Upload is not complete: 0 of 10000 bytes are there", "active"],
  ["paused", start(), "started", "active"],
  ["paused", { action: "chunk", offset: 0, bytes: new Uint8Array(9) }, "paused", "paused"],
  ["paused", { action: "chunk", offset: 1, bytes: new Uint8Array(9) }, "paused", "paused"],
  ["paused", { action: "frame", offset: 0, bytes: new Uint8Array(9), isIntact: true }, "drop", "paused"],
  ["paused", { action: "frame", offset: 9, bytes: new Uint8Array(9), isIntact: false }, "drop", "paused"],
  [
    "paused",
    { action: "frame", offset: 1095, bytes: new Uint8Array(9), isIntact: true },
    "close 1009",
    "paused",
  ],
  ["paused", { action: "pause" }, "release", "paused"],
  ["paused", { action: "resume" }, "resume-ack", "active"],
  ["paused", { action: "stop", delete: true }, "discard", "orphaned"],
  ["paused", { action: "stop", delete: false }, "release", "orphaned"],
  ["paused", { action: "complete" }, "Upload is not complete: 0 of 10000 bytes are there", "paused"],
  ["orphaned", start(), "started", "active"],
  ["orphaned", { action: "chunk", offset: 0, bytes: new Uint8Array(9) }, "paused", "paused"],
  ["orphaned", { action: "pause" }, "release", "paused"],
  ["orphaned", { action: "resume" }, "resume-ack", "active"],
  ["orphaned", { action: "stop", delete: true }, "discard", "orphaned"],
  ["orphaned", { action: "stop", delete: false }, "release", "orphaned"],
  ["orphaned", { action: "complete" }, "Upload is not complete: 0 of 10000 bytes are there", "paused"],
];

for (const [before, request, answer, after] of TRANSITIONS) {
  const { action } = request;
  const offset = "offset" in request ? ` at ${request.offset}` : "";
  Deno.test(`${before}, ${action}${offset}: ${answer}, then ${after}`, () => {
    const upload = started();
    if (before === "paused") upload.request({ action: "pause" }, A, 0);
    if (before === "orphaned") upload.disconnected(A);
    assertEquals(told(upload.request(request, A, 1)), answer);
    assertEquals(upload.state.kind, after);
  });
}

Deno.test("nothing that another connection asks for changes an upload in use", () => {
  for (const [, request] of TRANSITIONS.filter(([before]) => before === "active")) {
    const upload = started();
    const { state } = upload;
    const answer = request.action === "frame" ? "drop" : IN_USE;
    assertEquals(told(upload.request(request, B, 1)), answer, request.action);
    assertEquals(upload.state, state);
  }
});

Deno.test("a gap is told once, and dropped is what comes until the offset expected", () => {
  const upload = started();
  assertEquals(told(frame(upload, 0)), "append");
  assertEquals(frame(upload, 200), mismatch(100, 200));
  assertEquals([300, 400, 200].map((offset) => told(frame(upload, offset))), ["drop", "drop", "drop"]);
  assertEquals([100, 200, 300].map((offset) => told(frame(upload, offset))), ["append", "append", "append"]);
  assertEquals(frame(upload, 500), mismatch(400, 500));
});

Deno.test("a corrupt frame is told once, and again when it is corrupt when it comes again", () => {
  const upload = started();
  frame(upload, 0);
  for (let attempt = 0; attempt < 3; attempt++) {
    assertEquals(frame(upload, 100, { isIntact: false }), mismatch(100, 100));
    assertEquals([200, 300].map((offset) => told(frame(upload, offset))), ["drop", "drop"]);
  }
  assertEquals(told(frame(upload, 100)), "append");
});

Deno.test("what is stored already is dropped without a word; what is so only in part is not", () => {
  const upload = started();
  for (const offset of [0, 100, 200]) frame(upload, offset);
  assertEquals([0, 100, 200].map((offset) => told(frame(upload, offset))), ["drop", "drop", "drop"]);
  assertEquals(frame(upload, 250), mismatch(300, 250));
});

Deno.test("the window and one chunk may be under way beyond what was acknowledged, not a byte more", () => {
  const cases = [
    { offset: 1000, bytes: 100, answer: "offset-mismatch" },
    { offset: 1000, bytes: 101, answer: "close 1009" },
    { offset: Number.MAX_SAFE_INTEGER, bytes: 1, answer: "close 1009" },
  ];
  for (const { offset, bytes, answer } of cases) {
    assertEquals(told(frame(started(), offset, { bytes })), answer, `${offset} + ${bytes}`);
  }
  const upload = started();
  frame(upload, 0);
  // Stored, but the client does not know that yet.
  assertEquals(told(frame(upload, 1001)), "close 1009");
  upload.progress(0, REPORT_MS);
  assertEquals(told(frame(upload, 1001)), "offset-mismatch");
});

Deno.test("nothing is stored beyond the size that was announced", () => {
  const upload = started(150);
  assertEquals(told(frame(upload, 0)), "append");
  assertEquals(told(frame(upload, 100, { bytes: 51 })), "Chunk ends 151 bytes into 150");
  assertEquals(told(frame(upload, 100, { bytes: 50 })), "append");
  assertEquals(told(frame(upload, 150, { bytes: 1 })), "Chunk ends 151 bytes into 150");
  assertEquals(upload.request({ action: "complete", sha256: "x", mtime: 7 }, A, 0), {
    type: "publish",
    sha256: "x",
    mtimeMs: 7,
  });
});

Deno.test("a frame from a client that did not ask for the extension is refused", () => {
  const upload = session();
  upload.request(start({ mode: PLAIN }), A, 0);
  assertStringIncludes(told(frame(upload, 0)), "Frames need the extension");
});

Deno.test("of unknown size any number of bytes is stored, and the size is announced at the end", () => {
  const upload = new UploadSession({ fileId: "f", fileSize: undefined, length: 0 });
  upload.request({ action: "start", fileSize: undefined, mode: EXTENDED, claim: "unowned" }, A, 0);
  for (const offset of [0, 100]) assertEquals(told(frame(upload, offset)), "append");
  assertEquals(upload.progress(0, REPORT_MS), {
    event: "progress",
    fileId: "f",
    offset: 200,
    receivedBytes: 200,
    percent: 0,
    durable: 0,
  });
  const complete = (fileSize?: number) => told(upload.request({ action: "complete", fileSize }, A, 0));
  assertStringIncludes(complete(), "is to be announced now");
  assertEquals(complete(201), "Upload is not complete: 200 of 201 bytes are there");
  assertEquals(complete(200), "publish");
});
