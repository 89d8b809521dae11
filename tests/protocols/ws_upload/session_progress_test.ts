import { assertEquals } from "@std/assert";
import { REPORT_MS } from "../../../protocols/ws_upload/upload_session.ts";
import {
  A,
  B,
  EXTENDED,
  frame,
  MIB,
  mismatch,
  PLAIN,
  session,
  start,
  started,
  told,
} from "../../support/started_session.ts";

Deno.test("a plain client gets a progress for each chunk, without durable", () => {
  const upload = session(300);
  upload.request(start({ mode: PLAIN, fileSize: 300 }), A, 0);
  upload.appended(100);
  const progress = { event: "progress", fileId: "f", receivedBytes: 100 } as const;
  assertEquals(upload.progress(0, 0), { ...progress, offset: 100, percent: 33.33 });
  upload.appended(100);
  assertEquals(upload.progress(200, 0), { ...progress, offset: 200, percent: 66.67 });
});

const AT_ONCE = [
  { windowBytes: 32 * MIB, stored: MIB - 1, isDue: false },
  { windowBytes: 32 * MIB, stored: MIB, isDue: true },
  { windowBytes: 400_000, stored: 99_999, isDue: false },
  { windowBytes: 400_000, stored: 100_000, isDue: true },
];

for (const { windowBytes, stored, isDue } of AT_ONCE) {
  Deno.test(`with a window of ${windowBytes}, ${stored} bytes are ${isDue ? "" : "not "}acknowledged at once`, () => {
    const upload = session(1e9, 500);
    const mode = { ...EXTENDED, windowBytes };
    upload.request(start({ mode, fileSize: 1e9 }), A, 1000);
    upload.appended(stored);
    assertEquals(upload.progress(0, 1000 + REPORT_MS - 1)?.event, isDue ? "progress" : undefined);
    const later = upload.progress(0, 1000 + REPORT_MS);
    assertEquals(later?.event, isDue ? undefined : "progress");
  });
}

Deno.test("progress is cumulative, comes with what is durable, and not when there is nothing new", () => {
  const upload = started();
  frame(upload, 0);
  frame(upload, 100);
  const progress = { event: "progress", fileId: "f" } as const;
  assertEquals(upload.progress(100, 50), {
    ...progress,
    offset: 200,
    receivedBytes: 200,
    percent: 2,
    durable: 100,
  });
  assertEquals(upload.progress(100, 1000), undefined);
  // Nothing more is stored, but more of it is durable.
  assertEquals(upload.progress(200, 1000), {
    ...progress,
    offset: 200,
    receivedBytes: 0,
    percent: 2,
    durable: 200,
  });
});

Deno.test("the last byte is acknowledged at once", () => {
  const upload = started(200);
  frame(upload, 0);
  assertEquals(upload.progress(0, 1), undefined);
  frame(upload, 100);
  assertEquals(upload.progress(0, 1)?.event, "progress");
});

Deno.test("what was rolled back is asked for again, and never counted below nothing", () => {
  const upload = started();
  for (const offset of [0, 100, 200]) frame(upload, offset);
  upload.progress(0, REPORT_MS);
  upload.rolledBack(100);
  assertEquals(frame(upload, 300), mismatch(100, 300));
  assertEquals(told(frame(upload, 100, { bytes: 50 })), "append");
  const message = upload.progress(0, 2 * REPORT_MS);
  assertEquals(message?.event === "progress" && [message.offset, message.receivedBytes], [150, 50]);

  // The same without a frame that would show the client where it stands.
  upload.rolledBack(50);
  frame(upload, 50, { bytes: 10 });
  const next = upload.progress(0, 3 * REPORT_MS);
  assertEquals(next?.event === "progress" && [next.offset, next.receivedBytes], [60, 10]);
});

Deno.test("a roll back does not make what is under way more than the window", () => {
  const upload = started();
  for (let offset = 0; offset < 2000; offset += 100) {
    frame(upload, offset);
    upload.progress(0, offset);
  }
  upload.rolledBack(500);
  // Sent before the client could know.
  assertEquals(frame(upload, 2000), mismatch(500, 2000));
  assertEquals(told(frame(upload, 2900)), "drop");
  assertEquals(told(frame(upload, 3001)), "close 1009");
  assertEquals(told(frame(upload, 500)), "append");
});

Deno.test("what an earlier owner was told widens no window", () => {
  const upload = started();
  for (let offset = 0; offset < 2000; offset += 100) {
    frame(upload, offset);
    upload.progress(0, offset);
  }
  upload.rolledBack(500);
  upload.request(start({ claim: "owner" }), B, 0);
  assertEquals(told(frame(upload, 2000, { from: B })), "close 1009");
});
